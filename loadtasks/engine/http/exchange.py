"""One HTTP request and what came back, with its times."""

from typing import NamedTuple

from loadtasks.engine.http.checks import Checker
from loadtasks.engine.http.request_encoder import Wire
from loadtasks.engine.http.response_heads import Head
from loadtasks.measurement.errors import ErrorCode


class Problem(NamedTuple):
    """Why an exchange failed."""

    code: ErrorCode
    description: str


class ProblemError(Exception):
    """Something of one connection went wrong; its text is the problem's description."""

    def __init__(self, code: ErrorCode, description: str) -> None:
        super().__init__(description)
        self.code = code

    @property
    def problem(self) -> Problem:
        """It as an exchange has it."""
        return Problem(self.code, str(self))


class Exchange:
    """Filled in as the exchange goes on. Times are seconds of `time.perf_counter`."""

    # Written out, not a dataclass: tens of thousands are made a second, and a dataclass makes them more slowly.
    __slots__ = (
        "body_parts",
        "body_size",
        "checker",
        "data",
        "due",
        "end",
        "first_byte",
        "headers",
        "keeps_body",
        "problem",
        "sent",
        "status",
        "wire",
    )

    def __init__(self, wire: Wire, checker: Checker, due: float, data: bytes, keeps_body: bool) -> None:
        self.wire = wire
        self.checker = checker
        self.due = due
        self.data = data
        """The bytes to be written."""
        self.keeps_body = keeps_body
        self.sent = self.first_byte = self.end = 0.0
        self.status = self.body_size = 0
        self.headers: dict[str, str] = {}
        """Those that the checker or the engine reads; names in lower case; repeated ones joined."""
        self.body_parts: list[bytes] = []
        self.problem: Problem | None = None

    @property
    def traceparent(self) -> str | None:
        """The trace context that was sent; None where none was."""
        return self.wire.traceparent(self.data)

    @property
    def body(self) -> bytes:
        """The body as it was sent; empty where nothing reads it."""
        return b"".join(self.body_parts)

    def take(self, head: Head, data: bytes) -> None:
        """Take a whole answer whose head is known."""
        self.status, self.headers, self.body_size = head
        if self.keeps_body:
            self.body_parts = [data[len(data) - head.length :]]

    def refuse(self, problem: Problem, now: float) -> None:
        """End without having been sent: there was no connection to send it over."""
        self.sent, self.end, self.problem = self.due, now, problem

    def begin_answer(self) -> None:
        """Forget an interim answer (1xx): the real one follows."""
        self.status = 0
        self.headers = {}
        self.body_parts = []
        self.body_size = 0
