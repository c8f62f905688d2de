"""A scenario's load cut into rounds, each a small load of its own.

What ends after a number of requests, or opens connections at once, is a whole such load in each round, a large one of
fewer requests. What time ends is cut into windows: round n is its n-th window, in which requests are due (or workers
work) as the whole profile says; past the last window the profile begins again.
"""

import math
from dataclasses import dataclass

from loadtasks.engine.profiles.pacer import Pacer, due_before, pacer_of
from loadtasks.engine.profiles.worker_schedule import Span, WorkerSchedule, shifts_of
from loadtasks.scenarios.load import ClosedLoad, ConnectionsLoad, OpenLoad, StagesLoad, WorkerStagesLoad
from loadtasks.scenarios.model import HttpScenario, PartScenario

_WINDOWS = 40
"""Into so many a long load is cut; a short one into fewer."""
_LEAST_WINDOW_S = 0.25
_LEAST_DUE = 20
"""Requests in a window of an open load, on average; less says little of a percentile."""
_MOST_REQUESTS = 20
"""Of a closed load. In the same time many small rounds show more than few large ones, since the machine's mood changes
within tenths of a second: measured with 10 to 40 requests of 1 ms, and 20 to 300 of 7 ms."""
_LEAST_PER_WORKER = 4
"""Fewer would measure how the workers begin and end, not how they work."""
_WARMUP_REQUESTS = 4
"""Before a round after the first; at least one a worker, whose connection is new."""


class Window:
    """The due times of a stretch of a profile, as a profile of its own."""

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
    """So many make up the whole load."""
    requests: int | None = None
    """Of each round; None where something else ends it."""
    width_s: float | None = None
    """Of each round's window; None where it has none."""

    def span(self, number: int) -> Span:
        """The window of a round (from 0), in seconds after the whole load's start."""
        width_s, place = self.width_s or 0.0, number % self.number
        return Span(place * width_s, (place + 1) * width_s if place + 1 < self.number else math.inf)

    def pacer(self, whole: Pacer, number: int) -> Window:
        """When the requests of a round are due."""
        return Window(whole, *self.span(number))

    def shifts(self, load: ClosedLoad | WorkerStagesLoad, number: int) -> list[WorkerSchedule]:
        """When the workers of a round work."""
        if self.width_s is None:
            return shifts_of(load)
        window = self.span(number)
        return [WorkerSchedule(shift.worker, tuple(_within(shift.spans, window))) for shift in shifts_of(load)]


def rounds_of(part: PartScenario) -> Rounds:
    """How a part's load is cut into rounds."""
    match part.load:
        case ClosedLoad(requests=int() as requests) as load:
            each = min(requests, max(_MOST_REQUESTS, _LEAST_PER_WORKER * load.workers))
            return Rounds(math.ceil(requests / each), requests=each)
        case ConnectionsLoad():
            return Rounds(1)
        case ClosedLoad() | WorkerStagesLoad() as load:
            return _windows(load.duration_s or 0.0, _LEAST_WINDOW_S)
        case OpenLoad() | StagesLoad() as load:
            return _due_windows(load, 1)
        case load:
            return _due_windows(load.publishing, load.listeners)


def warmup(part: HttpScenario, workers: int, number: int) -> int:
    """How many requests of a closed load warm a round (from 0) up: the first as the scenario says, no other by more."""
    return part.warmup_requests if number == 0 else min(part.warmup_requests, max(_WARMUP_REQUESTS, workers))


def _due_windows(load: OpenLoad | StagesLoad, each: int) -> Rounds:
    """Windows of due times, of which each makes so many requests (or deliveries)."""
    apart_s = load.duration_s / max(1, pacer_of(load).count * each)
    return _windows(load.duration_s, max(_LEAST_WINDOW_S, _LEAST_DUE * apart_s))


def _windows(duration_s: float, least_s: float) -> Rounds:
    number = max(1, min(_WINDOWS, int(duration_s / least_s)))
    return Rounds(number, width_s=duration_s / number)


def _within(spans: tuple[Span, ...], window: Span) -> list[Span]:
    cut = [Span(max(span.start_s, window.start_s), min(span.stop_s, window.stop_s)) for span in spans]
    return [Span(a - window.start_s, b - window.start_s) for a, b in cut if a < b]
