"""The slowest requests of a measurement in the making."""

import heapq
from typing import NamedTuple, Self

from loadtasks.measurement.model import Exemplar

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


_Order = tuple[float, float, float, str, int, bool, str, bool, str]


def _order(request: Slow) -> _Order:
    """As the requests themselves are ordered, but for an id that may be None, which nothing can be compared with."""
    request_id, traceparent = request.request_id, request.traceparent
    return (*request[:5], request_id is not None, request_id or "", traceparent is not None, traceparent or "")


class SlowestRequests:
    """The ten slowest requests so far."""

    def __init__(self) -> None:
        self.from_s = -1.0
        """Response time beyond which a request is among them."""
        self._kept: list[tuple[_Order, Slow]] = []

    def keep(self, request: Slow) -> None:
        """Keep a request if it is among the slowest; worth calling only beyond `from_s`."""
        if len(self._kept) < _KEPT:
            heapq.heappush(self._kept, (_order(request), request))
        else:
            heapq.heappushpop(self._kept, (_order(request), request))
        if len(self._kept) == _KEPT:
            self.from_s = self._kept[0][1].response_s

    def merge(self, other: Self, later_s: float = 0.0) -> None:
        """Take in those of another measurement, as if they had been due so much later."""
        for _, request in other._kept:
            self.keep(request._replace(due=request.due + later_s))

    def exemplars(self, first_start: float | None) -> list[Exemplar]:
        """Slowest first, due after the measurement's first request."""
        return [
            Exemplar(due_s=request.due - (first_start or request.due), **request._asdict())
            for _, request in sorted(self._kept, reverse=True)
        ]
