"""The slowest requests of a measurement in the making."""

import heapq
from typing import NamedTuple, Self

from loadtasks.engine.measurement import Exemplar

_KEPT = 10


class Slow(NamedTuple):
    """A request that may be among the slowest; ordered by its response time. Times in seconds."""

    response_s: float
    due: float
    service_s: float
    request: str
    status: int
    request_id: str | None
    traceparent: str | None


class Slowest:
    """The ten slowest requests so far."""

    def __init__(self) -> None:
        self.from_s = -1.0
        """Response time beyond which a request is among them."""
        self._kept: list[Slow] = []

    def keep(self, request: Slow) -> None:
        """Keep a request if it is among the slowest; worth calling only beyond `from_s`."""
        if len(self._kept) < _KEPT:
            heapq.heappush(self._kept, request)
        else:
            heapq.heappushpop(self._kept, request)
        if len(self._kept) == _KEPT:
            self.from_s = self._kept[0].response_s

    def merge(self, other: Self) -> None:
        """Take in those of another measurement."""
        for request in other._kept:
            self.keep(request)

    def exemplars(self, first_start: float | None) -> list[Exemplar]:
        """Slowest first, due after the measurement's first request."""
        return [
            Exemplar(due_s=request.due - (first_start or request.due), **request._asdict())
            for request in sorted(self._kept, reverse=True)
        ]
