"""When requests were served and when they failed, in slices of time, for a measurement's availability.

A slice is a hundredth of a second, or longer in a load that lasts longer than the kept slices: then two become one, as
often as it takes. So memory is fixed, and what is kept doesn't depend on the order in which it was recorded, nor on how
many recorders it was recorded in: slices lie at whole multiples of their length, a slice of two is what both had, and
the clock is the same in every process of a machine.
"""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from loadtasks.engine.recording.gaps import Gap, Gaps
from loadtasks.measurement.availability import MIN_LOAD_S, Availability

_TICK_US = 10_000
"""The shortest slice. Ends of failures are kept in these, however long the slices are."""
_TICKS_PER_S = 100.0
_SLICES = 16_384
"""Kept at most, a power of two: 2.7 minutes of ticks; an hour in slices of 0.32 s."""
_SUCCEEDED, _SERVED, _CONNECTED = (np.uint8(1 << bit) for bit in range(3))
_NEVER = 1 << 62
_Indices = NDArray[np.int64]


class Stretch(NamedTuple):
    """What a timeline shows of a stretch of a load. Stretches follow each other as if no time lay between them."""

    length_us: int = 0
    outages: Gaps = Gaps()
    """From the first to the last failed request between two that were served."""
    refusals: Gaps = Gaps()
    """From the first to the last request without a connection between two that had one."""
    silences: Gaps = Gaps()
    """Between two successful responses."""

    def then(self, later: Self) -> Self:
        """This stretch and a later one."""
        return self._replace(
            length_us=self.length_us + later.length_us,
            outages=self.outages.then(later.outages, self.length_us),
            refusals=self.refusals.then(later.refusals, self.length_us),
            silences=self.silences.then(later.silences, self.length_us),
        )

    def availability(self) -> Availability | None:
        """The availability; None of a load that is too short, and where nothing was served and nothing failed."""
        outage = self.outages.longest_of_all
        if self.length_us < MIN_LOAD_S * 1e6 or (outage is None and not self.outages.is_marked):
            return None
        return Availability(
            share=1 - self.outages.sum_us / self.length_us,
            longest_outage_s=_seconds(outage),
            longest_outage_from_s=outage.start_us / 1e6 if outage is not None else None,
            longest_gap_s=_seconds(self.silences.longest_of_all),
            longest_refused_s=_seconds(self.refusals.longest_of_all),
        )


def _seconds(gap: Gap | None) -> float:
    return gap.length_us / 1e6 if gap is not None else 0.0


class Timeline:
    """The slices of one stretch. Times are those of `time.perf_counter`, in seconds."""

    # Slice n is kept at n modulo the number of slices, so that none has to move when the load goes on, or when an
    # earlier time comes from another process.

    def __init__(self) -> None:
        self._start_us = _NEVER
        self._stop_us = -_NEVER
        """When the profile is over."""
        self._ends_with_its_requests = False
        """Whether the load, or a part of it, has no duration."""
        self._last_sent = -_NEVER
        self._shift = 0
        """A slice is 2 to the power of this many ticks."""
        self._first, self._last = _NEVER, -_NEVER
        """Ticks: the earliest and the latest in which anything is kept."""
        self._marks = np.zeros(_SLICES, np.uint8)
        self._failed_until = np.zeros(_SLICES, np.int64)
        """By the slice in which requests that failed were sent: the tick after the last end of any; 0 without any."""
        self._refused_until = np.zeros(_SLICES, np.int64)
        """The same of those that failed without a connection."""

    def begin(self, start: float, lasts_s: float | None) -> None:
        """The load begins, and lasts so long; None: until its last request is sent."""
        self._start_us = round(start * 1e6)
        if lasts_s is None:
            self._ends_with_its_requests = True
        else:
            self._stop_us = self._start_us + round(lasts_s * 1e6)

    @property
    def stops_at(self) -> float:
        """When the profile is over; never where a number of requests ends the load."""
        return self._stop_us / 1e6 if self._stop_us > self._start_us else float("inf")

    def succeed(self, sent: NDArray[np.float64], end: NDArray[np.float64]) -> None:
        """Requests got responses that pass their checks."""
        self._mark(_ticks(end), _SUCCEEDED)
        self.serve(sent)

    def serve(self, sent: NDArray[np.float64]) -> None:
        """Requests were served, with success or by a rate limit that rejected them."""
        self._mark(_ticks(sent), _SERVED | _CONNECTED)
        self._send(sent)

    def fail(self, sent: NDArray[np.float64], end: NDArray[np.float64], connected: NDArray[np.bool_]) -> None:
        """Requests failed; `connected`: whether each had a connection."""
        ticks, ends = _ticks(sent), _ticks(end) + 1
        self._reach(ticks)
        self._send(sent)
        slots = self._slots(ticks)
        np.maximum.at(self._failed_until, slots, ends)
        np.maximum.at(self._refused_until, slots[~connected], ends[~connected])
        self._marks[slots[connected]] |= _CONNECTED

    def merge(self, other: Self) -> None:
        """Add what another timeline has of the same time."""
        self._start_us = min(self._start_us, other._start_us)
        self._stop_us = max(self._stop_us, other._stop_us)
        self._ends_with_its_requests |= other._ends_with_its_requests
        self._last_sent = max(self._last_sent, other._last_sent)
        if other._first > other._last:
            return
        self._reach(np.array([other._first, other._last]))
        while self._shift < other._shift:
            self._coarsen()
        kept = other._kept_slices()
        slots = (kept >> (self._shift - other._shift)) & (_SLICES - 1)
        kept &= _SLICES - 1
        np.bitwise_or.at(self._marks, slots, other._marks[kept])
        np.maximum.at(self._failed_until, slots, other._failed_until[kept])
        np.maximum.at(self._refused_until, slots, other._refused_until[kept])

    def stretch(self) -> Stretch:
        """What it shows of the load's time; nothing where no load has begun."""
        stop_us = self._stop_us
        if self._ends_with_its_requests:
            stop_us = max(stop_us, (self._last_sent + 1) * _TICK_US)
        if self._start_us >= stop_us:
            return Stretch()
        slices = self._kept_slices()
        starts_us = slices * self._width_us
        slices = slices[(starts_us + self._width_us > self._start_us) & (starts_us < stop_us)]
        marks = self._marks[slices & (_SLICES - 1)]
        window = Gap(self._start_us, stop_us)
        return Stretch(
            window.length_us,
            self._failures(slices, marks & _SERVED > 0, self._failed_until, window),
            self._failures(slices, marks & _CONNECTED > 0, self._refused_until, window),
            self._silences(slices[marks & _SUCCEEDED > 0], window),
        )

    def _failures(self, slices: _Indices, is_marked: NDArray[np.bool_], until: _Indices, window: Gap) -> Gaps:
        """Between each two marks, from the start of the first failure to the end of the last one."""
        marks = slices[is_marked]
        ends = until[slices & (_SLICES - 1)]
        failing = np.flatnonzero(ends)
        # What was sent in a marked slice counts from the next one on.
        from_us = (slices[failing] + is_marked[failing]) * self._width_us
        piece = np.searchsorted(marks, slices[failing], side="right")
        next_mark_us = np.append(marks * self._width_us, _NEVER)[piece]
        return _gaps(len(marks), piece, from_us, np.minimum(ends[failing] * _TICK_US, next_mark_us), window)

    def _silences(self, marks: _Indices, window: Gap) -> Gaps:
        """Between each two marks all of the time."""
        from_us = np.append(-_NEVER, (marks + 1) * self._width_us)
        until_us = np.append(marks * self._width_us, _NEVER)
        return _gaps(len(marks), np.arange(len(marks) + 1), from_us, until_us, window)

    @property
    def _width_us(self) -> int:
        return _TICK_US << self._shift

    def _mark(self, ticks: _Indices, mark: np.uint8) -> None:
        ticks = ticks[np.flatnonzero(np.diff(ticks, prepend=-1))]  # many requests in a row have the same one
        self._reach(ticks)
        self._marks[self._slots(ticks)] |= mark

    def _slots(self, ticks: _Indices) -> _Indices:
        return (ticks >> self._shift) & (_SLICES - 1)

    def _kept_slices(self) -> _Indices:
        return np.arange(self._first >> self._shift, (self._last >> self._shift) + 1, dtype=np.int64)

    def _send(self, sent: NDArray[np.float64]) -> None:
        if sent.size:
            self._last_sent = max(self._last_sent, int(_ticks(sent.max(keepdims=True))[0]))

    def _reach(self, ticks: _Indices) -> None:
        """Keep these ticks too, in longer slices where there would be too many."""
        first = int(ticks.min(initial=self._first))
        last = int(ticks.max(initial=self._last))
        while (last >> self._shift) - (first >> self._shift) >= _SLICES:
            self._coarsen()
        self._first, self._last = first, last

    def _coarsen(self) -> None:
        """Make one slice of two."""
        kept = self._kept_slices() if self._first <= self._last else np.empty(0, np.int64)
        self._shift += 1
        slots = (kept >> 1) & (_SLICES - 1)
        kept &= _SLICES - 1
        marks, failed_until, refused_until = self._marks, self._failed_until, self._refused_until
        self._marks, self._failed_until = np.zeros_like(marks), np.zeros_like(failed_until)
        self._refused_until = np.zeros_like(refused_until)
        np.bitwise_or.at(self._marks, slots, marks[kept])
        np.maximum.at(self._failed_until, slots, failed_until[kept])
        np.maximum.at(self._refused_until, slots, refused_until[kept])


def _ticks(seconds: NDArray[np.float64]) -> _Indices:
    return (seconds * _TICKS_PER_S).astype(np.int64)


def _gaps(marks: int, piece: _Indices, from_us: _Indices, until_us: _Indices, window: Gap) -> Gaps:
    """In each piece between marks one gap, from the earliest start to the latest end, within the window."""
    from_us, until_us = np.maximum(from_us, window.start_us), np.minimum(until_us, window.end_us)
    is_gap = from_us < until_us
    piece, from_us, until_us = piece[is_gap], from_us[is_gap], until_us[is_gap]
    if not piece.size:
        return Gaps.of(marks, [])
    first = np.flatnonzero(np.diff(piece, prepend=-1))
    found = zip(piece[first], np.minimum.reduceat(from_us, first), np.maximum.reduceat(until_us, first), strict=True)
    return Gaps.of(marks, [(int(n), Gap(int(a) - window.start_us, int(b) - window.start_us)) for n, a, b in found])
