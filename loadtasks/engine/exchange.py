"""One HTTP request and what came back, with its times."""

from dataclasses import dataclass, field
from typing import NamedTuple

from loadtasks.engine.checks import Checker
from loadtasks.engine.wire import Wire


class Problem(NamedTuple):
    """Why an exchange failed."""

    kind: str
    description: str


@dataclass(slots=True, eq=False)
class Exchange:
    """Filled in as the exchange goes on. Times are seconds of `time.perf_counter`."""

    wire: Wire
    checker: Checker
    due: float
    sent: float = 0.0
    first_byte: float = 0.0
    end: float = 0.0
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    """Those that the checker or the engine reads; names in lower case; repeated ones joined."""
    body_parts: list[bytes] = field(default_factory=list)
    body_size: int = 0
    keeps_body: bool = False
    problem: Problem | None = None
    traceparent: str | None = None
    """What was sent, as `Exemplar.traceparent` tells it."""

    @property
    def body(self) -> bytes:
        """The body as it was sent; empty where nothing reads it."""
        return b"".join(self.body_parts)

    def begin_answer(self) -> None:
        """Forget an interim answer (1xx): the real one follows."""
        self.status = 0
        self.headers = {}
        self.body_parts = []
        self.body_size = 0
