"""The slowest requests of a measurement in the making, which become its exemplars."""

import heapq
from typing import NamedTuple, Self

from loadtasks.measurement.model import Exemplar
from loadtasks.redaction.redactor import Redactor

_MAX_EXEMPLARS = 10
_MAX_LENGTH = 500
"""Characters of a request and of an id."""


class SlowRequest(NamedTuple):
    """A request that may be among the slowest; ordered by its response time. Times in seconds."""

    response_s: float
    due: float
    service_s: float
    request: str
    status: int
    request_id: str | None
    traceparent: str | None


_Order = tuple[float, float, float, str, int, bool, str, bool, str]


def _order(request: SlowRequest) -> _Order:
    """The order of the requests' own fields, but ids may be None, which can't be compared with a text."""
    request_id, traceparent = request.request_id, request.traceparent
    return (*request[:5], request_id is not None, request_id or "", traceparent is not None, traceparent or "")


class SlowestRequests:
    """The ten slowest requests so far."""

    def __init__(self) -> None:
        self.from_s = -1.0
        """Seconds of response time beyond which a request is among them."""
        self._kept: list[tuple[_Order, SlowRequest]] = []

    def keep(self, request: SlowRequest) -> None:
        """Keep a request if it is among the slowest; worth calling only beyond `from_s`."""
        if len(self._kept) < _MAX_EXEMPLARS:
            heapq.heappush(self._kept, (_order(request), request))
        else:
            heapq.heappushpop(self._kept, (_order(request), request))
        if len(self._kept) == _MAX_EXEMPLARS:
            self.from_s = self._kept[0][1].response_s

    def merge(self, other: Self, later_s: float = 0.0) -> None:
        """Add those of another measurement, as if they had been due `later_s` later."""
        for _, request in other._kept:
            self.keep(request._replace(due=request.due + later_s))

    def exemplars(self, first_start: float | None, redactor: Redactor) -> list[Exemplar]:
        """The exemplars, slowest first, without secrets.

        `first_start`: when the measurement's first request was sent.
        """
        return [
            Exemplar(due_s=request.due - (first_start or request.due), **_shown(request, redactor)._asdict())
            for _, request in sorted(self._kept, reverse=True)
        ]


def _shown(request: SlowRequest, redactor: Redactor) -> SlowRequest:
    """The request without secrets: its path, or an id that the target chose, may hold one."""
    return request._replace(
        request=redactor.shortened(request.request, _MAX_LENGTH),
        request_id=None if request.request_id is None else redactor.shortened(request.request_id, _MAX_LENGTH),
        traceparent=None if request.traceparent is None else redactor.shortened(request.traceparent, _MAX_LENGTH),
    )
