"""What happened to every scheduled request, recorded at as little cost as Python allows while the load runs."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from loadtasks.engine.recording.connections import ConnectionRecord
from loadtasks.engine.recording.exemplars import SlowestRequests
from loadtasks.engine.recording.failure import FailureSample, RequestFailure
from loadtasks.engine.recording.phases import Phases
from loadtasks.engine.recording.timeline import Stretch, Timeline
from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.measurement.health import Health
from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.model import SERVER, Counts, Measurement, Protocol
from loadtasks.redaction.redactor import Redactor

_BATCH = 4096
"""Times go to lists, which are folded into the histograms in batches: memory stays flat, a fold takes about 0.3 ms."""
NEVER_RESPONDED = frozenset({ErrorCode.TIMEOUT, ErrorCode.CONNECT_TIMEOUT, ErrorCode.MISSED})
"""Failures that count in the histograms, with the time that they had reached."""
NEVER_CONNECTED = frozenset({ErrorCode.REFUSED, ErrorCode.CONNECT_TIMEOUT, ErrorCode.UNREACHABLE})
"""Failures of requests that got no connection."""
_THROTTLED, _FAILED, _REFUSED = 0.0, 1.0, 2.0


class _Error(NamedTuple):
    """One way to fail, counted by itself."""

    code: ErrorCode
    publishing: bool


class MeasurementIdentity(NamedTuple):
    """What a measurement is of; the fields of the same names in `Measurement`."""

    scenario: str
    part: str
    """Empty for a whole scenario."""
    endpoint: str
    protocol: Protocol
    scenario_hash: str
    load: dict[str, Any]
    duration_s: float | None


class Recorder:
    """Counts, times, errors and phases of one measurement in the making.

    Times are those of one monotonic clock, in seconds: `due` is when a request should be sent, `sent` when its bytes
    left, `end` when its response was complete (or when it was given up).
    """

    def __init__(self) -> None:
        self.scheduled = 0
        self.completed = 0
        self.throttled = 0
        self.failed = self.internal_errors = 0
        self.dropped = 0
        self.in_flight = 0
        self.waited_for_connection = 0
        self.connections = ConnectionRecord()
        self.body_bytes = 0
        self.first_start: float | None = None
        self.last_end: float | None = None
        self.response = Histogram()
        self.service = Histogram()
        self.send_lag = Histogram()
        self.dispatch_lag = Histogram()
        """How late the generator itself was: from due to when it began to look for a connection (open profiles)."""
        self.statuses: Counter[int] = Counter()
        self.slowest = SlowestRequests()
        self._stragglers = 0
        """Completed after the load's profile was over."""
        self._timeline = Timeline()
        self._earlier = Stretch()
        """The stretches of the load before that of the timeline."""
        self._first_sent = float("inf")
        self._last_sent = float("-inf")
        self._sent_count = 0
        self._errors: Counter[_Error] = Counter()
        self._samples: dict[_Error, FailureSample] = {}
        self._phases = Phases()
        self._times: list[float] = []
        """Of requests that never got their response: due, sent, end, due, sent, end, ..."""
        self._completed_times: list[float] = []
        """The same of what is completed without the time of a first byte."""
        self._response_times: list[float] = []
        """due, sent, first byte, end, due, ..."""
        self._drop_times: list[float] = []
        """due, when it was dropped, due, ..."""
        self._failure_times: list[float] = []
        """Also of throttled requests: sent, end, one of the three below, sent, ..."""
        self._dispatched_late: list[float] = []

    def begin(self, start: float, lasts_s: float | None) -> None:
        """The load begins, whose profile lasts so long; None where a number of requests ends it."""
        self._timeline.begin(start, lasts_s)

    def dispatch(self, late_s: float) -> None:
        """A due request gets its turn, `late_s` after it was due."""
        self._dispatched_late.append(late_s)
        if len(self._dispatched_late) >= _BATCH:
            self._fold_dispatches()

    def complete(self, due: float, sent: float, end: float) -> None:
        """A request got a response that passes its checks, or an event reached a listener."""
        self.completed += 1
        times = self._completed_times
        times += (due, sent, end)
        if len(times) >= 3 * _BATCH:
            self.fold()

    def complete_response(self, due: float, sent: float, first_byte: float, end: float, body_bytes: int = 0) -> None:
        """A request got a response that passes its checks, and the time of its first byte is known."""
        self.completed += 1
        self.body_bytes += body_bytes
        times = self._response_times
        times += (due, sent, first_byte, end)
        if len(times) >= 4 * _BATCH:
            self.fold()

    def throttle(self, sent: float, end: float) -> None:
        """A limit of the target rejected a request."""
        self.throttled += 1
        self._span(sent, end)
        self._end_badly(sent, end, _THROTTLED)

    def fail(self, failure: RequestFailure, due: float, sent: float, end: float, *, publishing: bool = False) -> None:
        """A request failed, or the engine failed on it. It is timed only where it never got its response."""
        if failure.code is ErrorCode.INTERNAL_ERROR:
            self.internal_errors += 1
            self._count(failure.code, failure.text, publishing=publishing)
            self._span(sent, end)
            return
        self.failed += 1
        self._count(failure.code, failure.text, quote=failure.quote, publishing=publishing)
        if failure.code in NEVER_RESPONDED and not publishing:
            self._time(due, sent, end)
        else:
            self._span(sent, end)
        self._end_badly(sent, end, _REFUSED if failure.code in NEVER_CONNECTED else _FAILED)

    def drop(self, due: float, now: float, sample: str) -> None:
        """A request exceeded the queue timeout and was never sent: it has no service time."""
        self.dropped += 1
        self._count(ErrorCode.DROPPED, sample)
        times = self._drop_times
        times += (due, now)
        if len(times) >= 2 * _BATCH:
            self.fold()

    def drop_unsent(self, count: int, sample: str) -> None:
        """Drop requests that the load scheduled and whose turn never came: they have no time at all."""
        self.scheduled += count
        self.dropped += count
        self._count(ErrorCode.DROPPED, sample, count)

    def note(self, code: ErrorCode, sample: str, quote: Callable[[], str] | None = None) -> None:
        """Count an error that is not a request's failure, as a duplicate message."""
        self._count(code, sample, quote=quote)

    def break_off(self, failure: RequestFailure) -> None:
        """An internal error has ended the load; requests that it left without an end are counted as failed on."""
        unended = max(0, self.scheduled - self.done)
        self.internal_errors += unended
        self._count(failure.code, failure.text, max(1, unended))

    def abandon(self, due: float, sent: float, now: float) -> None:
        """A request had no complete response when the measurement was ended."""
        self.in_flight += 1
        self._time(due, sent, now)

    def phase(self, name: str, seconds: float, outcome: str = "") -> None:
        """Add one occurrence of a phase; `outcome`: how it ended, in a word, as a cache's `hit`."""
        self._phases.add(name, seconds, outcome)

    def take_phase(self, name: str, other: Self) -> None:
        """Take over another recorder's sum of a phase, in place of what is here."""
        self._phases.take(name, other._phases)

    def add_server_phases(self, other: Self) -> None:
        """Add another recorder's sums of the target's own phases."""
        self._phases.merge(other._phases, only=SERVER)

    @property
    def done(self) -> int:
        """How many scheduled requests have ended."""
        return self.completed + self.throttled + self.failed + self.internal_errors + self.dropped + self.in_flight

    @property
    def elapsed_s(self) -> float:
        """Seconds from the first request to the last end, of all that is folded; 0 before there is any."""
        return 0.0 if self.first_start is None or self.last_end is None else self.last_end - self.first_start

    @classmethod
    def merged(cls, recorders: Iterable[Self]) -> Self:
        """A recorder that has what all of these have."""
        whole = cls()
        for recorder in recorders:
            whole.merge(recorder)
        return whole

    def append(self, other: Self) -> None:
        """Add what another recorder has of a later stretch of the same load, as if no time lay between the two."""
        self.fold()
        other.fold()
        known = self.last_end is not None and other.first_start is not None
        self._add(other, (self.last_end or 0.0) - (other.first_start or 0.0) if known else 0.0)
        self._earlier = self._earlier.then(self._timeline.stretch()).then(other._earlier)
        self._timeline = Timeline()
        self._timeline.merge(other._timeline)

    def merge(self, other: Self) -> None:
        """Add what another recorder has of the same time.

        Stretches that were appended to either have no common time: those of the other follow those that are here.
        """
        other.fold()
        self._add(other, 0.0)
        self._earlier = self._earlier.then(other._earlier)
        self._timeline.merge(other._timeline)

    def _add(self, other: Self, later_s: float) -> None:
        """Add all but the timeline of another recorder, as if it had happened `later_s` later."""
        self.scheduled += other.scheduled
        self.completed += other.completed
        self.throttled += other.throttled
        self.failed += other.failed
        self.internal_errors += other.internal_errors
        self.dropped += other.dropped
        self.in_flight += other.in_flight
        self.waited_for_connection += other.waited_for_connection
        self.connections.merge(other.connections)
        self.body_bytes += other.body_bytes
        self._stragglers += other._stragglers
        self.response.add(other.response)
        self.service.add(other.service)
        self.send_lag.add(other.send_lag)
        self.dispatch_lag.add(other.dispatch_lag)
        self.statuses += other.statuses
        self.slowest.merge(other.slowest, later_s)
        self._sent_count += other._sent_count
        self._first_sent = min(self._first_sent, other._first_sent + later_s)
        self._last_sent = max(self._last_sent, other._last_sent + later_s)
        self._errors += other._errors
        for error, sample in other._samples.items():
            self._samples.setdefault(error, sample)
        self._phases.merge(other._phases)
        if other.first_start is not None and other.last_end is not None:
            self._span(other.first_start + later_s, other.last_end + later_s)

    @property
    def service_mean_s(self) -> float | None:
        """Mean service time so far, in seconds; None before there is any."""
        self.fold()
        return self.service.mean_s

    @property
    def sent_per_s(self) -> float | None:
        """Requests sent in a second, between the first and the last; None for fewer than two."""
        self.fold()
        lasted_s = self._last_sent - self._first_sent
        return (self._sent_count - 1) / lasted_s if self._sent_count > 1 and lasted_s > 0 else None

    def fold(self) -> None:
        """Fold the current batch of times into the histograms."""
        self._fold_dispatches()
        if self._response_times:
            due, sent, first_byte, end = np.array(self._response_times).reshape(-1, 4).T
            self._response_times.clear()
            self._fold_times(due, sent, end)
            self._fold_completed(sent, end)
            self._phases.add_all("waiting", sent - due)
            self._phases.add_all("first_byte", first_byte - sent)
            self._phases.add_all("body", end - first_byte)
        if self._times:
            due, sent, end = np.array(self._times).reshape(-1, 3).T
            self._times.clear()
            self._fold_times(due, sent, end)
        if self._completed_times:
            due, sent, end = np.array(self._completed_times).reshape(-1, 3).T
            self._completed_times.clear()
            self._fold_times(due, sent, end)
            self._fold_completed(sent, end)
        if self._failure_times:
            sent, end, how = np.array(self._failure_times).reshape(-1, 3).T
            self._failure_times.clear()
            served = how == _THROTTLED
            self._timeline.serve(sent[served])
            self._timeline.fail(sent[~served], end[~served], how[~served] == _FAILED)
        if self._drop_times:
            due, now = np.array(self._drop_times).reshape(-1, 2).T
            self._drop_times.clear()
            self.response.record(now - due)
            self.send_lag.record(now - due)
            self._span(float(now.min()), float(now.max()))

    def _fold_times(self, due: NDArray[np.float64], sent: NDArray[np.float64], end: NDArray[np.float64]) -> None:
        self.response.record(end - due)
        self.service.record(end - sent)
        self.send_lag.record(sent - due)
        first, last = float(sent.min()), float(sent.max())
        self._sent_count += sent.size
        self._first_sent = min(self._first_sent, first)
        self._last_sent = max(self._last_sent, last)
        self._span(first, float(end.max()))

    def _fold_completed(self, sent: NDArray[np.float64], end: NDArray[np.float64]) -> None:
        self._timeline.succeed(sent, end)
        self._stragglers += int(np.count_nonzero(end > self._timeline.stops_at))

    def _fold_dispatches(self) -> None:
        if self._dispatched_late:
            self.dispatch_lag.record(np.array(self._dispatched_late))
            self._dispatched_late.clear()

    def measurement(
        self, identity: MeasurementIdentity, started_at: datetime, health: Health, redactor: Redactor
    ) -> Measurement:
        """The finished measurement. Here secrets are taken out of all that the target said or was sent."""
        self.fold()
        return Measurement(
            **identity._asdict(),
            started_at=started_at,
            elapsed_s=self.elapsed_s,
            counts=Counts(
                scheduled=self.scheduled,
                completed=self.completed,
                throttled=self.throttled,
                failed=self.failed,
                internal_errors=self.internal_errors,
                dropped=self.dropped,
                in_flight=self.in_flight,
            ),
            response=self.response,
            service=self.service,
            send_lag=self.send_lag,
            statuses={str(status): count for status, count in sorted(self.statuses.items())},
            errors=[
                ErrorCount(
                    code=error.code,
                    count=count,
                    sample=self._samples[error].shown(redactor),
                    publishing=error.publishing,
                )
                for error, count in self._errors.most_common()
            ],
            phases=self._phases.measured(redactor),
            stale_connections=self.connections.stale,
            unreachable_addresses=self.connections.unreachable_addresses(),
            body_bytes=self.body_bytes,
            stragglers=self._stragglers if identity.duration_s is not None else 0,
            availability=self._earlier.then(self._timeline.stretch()).availability(),
            exemplars=self.slowest.exemplars(self.first_start, redactor),
            health=health,
        )

    def _count(
        self,
        code: ErrorCode,
        sample: str,
        count: int = 1,
        *,
        quote: Callable[[], str] | None = None,
        publishing: bool = False,
    ) -> None:
        error = _Error(code, publishing)
        self._errors[error] += count
        if error not in self._samples:
            self._samples[error] = FailureSample.of(sample, quote)

    def _time(self, due: float, sent: float, end: float) -> None:
        times = self._times
        times += (due, sent, end)
        if len(times) >= 3 * _BATCH:
            self.fold()

    def _end_badly(self, sent: float, end: float, how: float) -> None:
        times = self._failure_times
        times += (sent, end, how)
        if len(times) >= 3 * _BATCH:
            self.fold()

    def _span(self, start: float, end: float) -> None:
        self.first_start = start if self.first_start is None else min(self.first_start, start)
        self.last_end = end if self.last_end is None else max(self.last_end, end)
