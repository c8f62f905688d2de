"""One HTTP request and its response, with their times."""

from loadtasks.engine.http.checks import Checker
from loadtasks.engine.http.request_encoder import EncodedRequest
from loadtasks.engine.http.response_heads import ResponseHead
from loadtasks.engine.recording.failure import RequestFailure


class Exchange:
    """A request and its response, filled in as it goes on. Times are those of `time.perf_counter`, in seconds."""

    # Written out, not a dataclass: tens of thousands are made in a second, and a dataclass is slower to make.
    __slots__ = (
        "body_parts",
        "body_size",
        "checker",
        "data",
        "due",
        "encoded",
        "end",
        "failure",
        "first_byte",
        "headers",
        "keeps_body",
        "recorded",
        "sent",
        "status",
    )

    def __init__(self, encoded: EncodedRequest, checker: Checker, due: float, data: bytes, keeps_body: bool) -> None:
        self.encoded = encoded
        self.checker = checker
        self.due = due
        self.data = data
        """The bytes to be written."""
        self.keeps_body = keeps_body
        self.sent = self.first_byte = self.end = 0.0
        self.status = self.body_size = 0
        self.headers: dict[str, str] = {}
        """The response headers that the checker or the engine reads; names in lower case; repeated ones joined."""
        self.body_parts: list[bytes] = []
        self.failure: RequestFailure | None = None
        self.recorded = False
        """Whether a recorder has counted how it ended."""

    @property
    def traceparent(self) -> str | None:
        """The `traceparent` that was sent; None where none was."""
        return self.encoded.traceparent(self.data)

    @property
    def body(self) -> bytes:
        """The response's body, still compressed if it was; empty where nothing reads it."""
        return b"".join(self.body_parts)

    def take(self, head: ResponseHead, data: bytes) -> None:
        """Take a complete response whose head is known."""
        self.status, self.headers, self.body_size = head
        if self.keeps_body:
            self.body_parts = [data[len(data) - head.length :]]

    def refuse(self, failure: RequestFailure, now: float) -> None:
        """End as a failure without having been sent: there was no connection to send it over."""
        self.sent, self.end, self.failure = self.due, now, failure

    def discard_interim(self) -> None:
        """Forget an interim response (1xx): the final one follows."""
        self.status = 0
        self.headers = {}
        self.body_parts = []
        self.body_size = 0
