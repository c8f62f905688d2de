"""A scenario's load cut into rounds, each a small load of its own.

A load that ends after a number of requests, or that opens connections all at once, is in each round a whole such load;
a large one has fewer requests in each. A load that time ends is cut into windows: round n is its n-th window, in which
requests are due (or workers work) as the whole profile says; after the last window the profile begins again.
"""

import math
from dataclasses import dataclass

from loadtasks.engine.profiles.load_slice import LoadSlice
from loadtasks.engine.profiles.pacer import Pacer, due_before, pacer_of
from loadtasks.engine.profiles.worker_schedule import Span, WorkerSchedule, schedules_of
from loadtasks.scenarios.load import AnyClosedLoad, AnyOpenLoad, ClosedLoad, ClosedProfile, ConnectionsLoad, OpenProfile
from loadtasks.scenarios.model import BroadcastScenario, HttpScenario, PartScenario

_MAX_WINDOWS = 40
"""The number of windows that a long load is cut into; a short one is cut into fewer."""
_MIN_WINDOW_S = 0.25
_MIN_DUE = 20
"""Requests in a window of an open load, on average; fewer say little about a percentile."""
_MAX_REQUESTS = 20
"""Requests in a round of a closed load. In the same time many small rounds show more than few large ones, since the
machine's speed changes within tenths of a second: measured with 10 to 40 requests of 1 ms, and 20 to 300 of 7 ms."""
_MIN_PER_WORKER = 4
"""Requests of one worker in a round; fewer would measure how workers begin and end, not how they work."""
_WARMUP_REQUESTS = 4
"""Warm-up requests of a round after the first; at least one for each worker, whose connection is new."""


class Window:
    """The due times of a stretch of a profile, as a pacer of its own."""

    def __init__(self, whole: Pacer, from_s: float, to_s: float) -> None:
        self._whole = whole
        self._from_s = from_s
        self._first = due_before(whole, from_s)
        self.count = due_before(whole, to_s) - self._first

    def due_s(self, n: int) -> float | None:
        """Seconds after the stretch's start at which its request n (from 0) is due; None past its last."""
        due_s = self._whole.due_s(self._first + n) if n < self.count else None
        return None if due_s is None else max(0.0, due_s - self._from_s)


@dataclass(frozen=True)
class Rounds:
    """How one part of a scenario is cut."""

    number: int
    """How many rounds make up the whole load."""
    requests: int | None = None
    """How many requests end each round; None where something else ends it."""
    width_s: float | None = None
    """Length of each round's window; None where a round is a whole load."""

    def span(self, number: int) -> Span:
        """The window of a round (from 0), in seconds after the whole load's start."""
        width_s, window = self.width_s or 0.0, number % self.number
        return Span(window * width_s, (window + 1) * width_s if window + 1 < self.number else math.inf)

    def pacer(self, whole: Pacer, number: int) -> Window:
        """When the requests of a round (from 0) are due."""
        return Window(whole, *self.span(number))

    def schedules(self, load: AnyClosedLoad, number: int) -> list[WorkerSchedule]:
        """When the workers of a round (from 0) work."""
        whole = schedules_of(load)
        if self.width_s is None:
            return whole
        window = self.span(number)
        return [WorkerSchedule(schedule.worker, tuple(_within(schedule.spans, window))) for schedule in whole]

    def slice_of(self, part: PartScenario, number: int) -> LoadSlice:
        """The slice of a part's load that is driven in a round (from 0)."""
        match part:
            case HttpScenario(load=ClosedProfile() as load):
                schedules = self.schedules(load, number)
                if isinstance(load, ClosedLoad) and self.requests is not None:
                    load = load.model_copy(update={"requests": self.requests})
                changes = {"load": load, "warmup_requests": _warmup_requests(part, len(schedules), number)}
                return LoadSlice(part.model_copy(update=changes), schedules=schedules, lasts_s=self.width_s)
            case HttpScenario(load=OpenProfile() as load):
                return LoadSlice(part, pacer=self.pacer(pacer_of(load), number), lasts_s=self.width_s)
            case BroadcastScenario(load=load):
                return LoadSlice(part, pacer=self.pacer(pacer_of(load.publishing), number), lasts_s=self.width_s)
            case _:
                return LoadSlice(part)


def rounds_of(part: PartScenario) -> Rounds:
    """How a part's load is cut into rounds."""
    match part.load:
        case ClosedLoad(requests=int() as requests) as load:
            per_round = min(requests, max(_MAX_REQUESTS, _MIN_PER_WORKER * load.workers))
            return Rounds(math.ceil(requests / per_round), requests=per_round)
        case ConnectionsLoad():
            return Rounds(1)
        case ClosedProfile() as load:
            return _windows(load.duration_s or 0.0, _MIN_WINDOW_S)
        case OpenProfile() as load:
            return _due_windows(load, 1)
        case load:
            return _due_windows(load.publishing, load.listeners)


def _warmup_requests(part: HttpScenario, workers: int, number: int) -> int:
    """The warm-up of a closed load's round (from 0): the first as the scenario says, a later one a short one."""
    return part.warmup_requests if number == 0 else min(part.warmup_requests, max(_WARMUP_REQUESTS, workers))


def _due_windows(load: AnyOpenLoad, per_due_time: int) -> Rounds:
    """Windows of due times; at each due time `per_due_time` requests (or deliveries) begin."""
    apart_s = load.duration_s / max(1, pacer_of(load).count * per_due_time)
    return _windows(load.duration_s, max(_MIN_WINDOW_S, _MIN_DUE * apart_s))


def _windows(duration_s: float, min_s: float) -> Rounds:
    number = max(1, min(_MAX_WINDOWS, int(duration_s / min_s)))
    return Rounds(number, width_s=duration_s / number)


def _within(spans: tuple[Span, ...], window: Span) -> list[Span]:
    cut = [Span(max(span.start_s, window.start_s), min(span.stop_s, window.stop_s)) for span in spans]
    return [Span(a - window.start_s, b - window.start_s) for a, b in cut if a < b]
