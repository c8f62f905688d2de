"""When each request of an open load profile is due, computed from the profile alone.

A pacer is a pure function of the request's number: no clock and no responses, so that coordinated omission (Gil Tene,
"How NOT to Measure Latency", 2013) can't happen, and a plan can be printed without sending anything. The n-th request
(from 0) is due where the area under the rate line is n:

    constant    area(t) = r t                      t(n) = n / r
    ramp        area(t) = a t + (b - a) t^2 / 2T   t(n) = 2 n / (a + sqrt(a^2 + 2 n (b - a) / T))
    Poisson     gaps are exponential with mean 1/r, from a stored seed

A ramp goes from rate a to rate b in T seconds; in this form its root is exact for a = b too, and where the rate falls.
The remainder of a stage's area is carried into the next.
"""

import bisect
import math
from collections.abc import Callable
from itertools import accumulate
from time import perf_counter
from typing import NamedTuple, Protocol

import numpy as np

from loadtasks.scenarios.load import AnyOpenLoad, StagesLoad

_SLACK = 1e-9
"""How far binary fractions may be off: 0.1/s for 30 s are 3 requests, not 4."""


class Pacer(Protocol):
    """Due times of a profile."""

    count: int
    """How many requests are due in all."""

    def due_s(self, n: int) -> float | None:
        """Seconds after the start at which request n (from 0) is due; None past the last."""


class DueTimes(NamedTuple):
    """When the requests of an open load are due: a profile's due times, and the start that they count from."""

    pacer: Pacer
    start: Callable[[], float] = perf_counter
    """Gives the load's start, a time of `time.perf_counter`; called once, when the load begins."""
    lasts_s: float | None = None
    """How long requests are due; None where it is as long as the load's own profile."""


class ConstantPacer:
    """A constant rate."""

    def __init__(self, rate: float, count: int) -> None:
        self.count = count
        self._rate = rate

    def due_s(self, n: int) -> float | None:
        """Seconds after the start at which request n (from 0) is due; None past the last."""
        return n / self._rate if n < self.count else None


class PoissonPacer:
    """Arrivals of a Poisson process: the same for the same seed."""

    def __init__(self, rate: float, duration_s: float, seed: int) -> None:
        generator = np.random.default_rng(seed)
        expected = rate * duration_s
        times = np.empty(0)
        while not times.size or times[-1] < duration_s:
            gaps = generator.exponential(1 / rate, size=int(expected + 4 * math.sqrt(expected)) + 16)
            times = np.concatenate([times, np.cumsum(gaps) + (times[-1] if times.size else 0.0)])
        self._times = times[times < duration_s]
        self.count = int(self._times.size)

    def due_s(self, n: int) -> float | None:
        """Seconds after the start at which request n (from 0) is due; None past the last."""
        return float(self._times[n]) if n < self.count else None


class RampPacer:
    """Stages, each a straight line from the last rate to its own."""

    def __init__(self, start_rate: float, stages: list[tuple[float, float]]) -> None:
        """`start_rate`: requests a second at the start; each stage: the rate at its end, and its seconds."""
        self._lines = [
            (before, rate, seconds)
            for (rate, seconds), before in zip(stages, [start_rate, *(rate for rate, _ in stages)], strict=False)
        ]
        areas = [(before + rate) / 2 * seconds for before, rate, seconds in self._lines]
        self._area_before = [0.0, *accumulate(areas)]
        self._time_before = [0.0, *accumulate(seconds for _, seconds in stages)]
        self.count = math.ceil(self._area_before[-1] - _SLACK)

    def due_s(self, n: int) -> float | None:
        """Seconds after the start at which request n (from 0) is due; None past the last."""
        if n >= self.count:
            return None
        stage = min(bisect.bisect_right(self._area_before, n), len(self._lines)) - 1
        before, rate, seconds = self._lines[stage]
        area = n - self._area_before[stage]
        root = math.sqrt(max(0.0, before * before + 2 * area * (rate - before) / seconds))
        within = 2 * area / (before + root) if area > 0 else 0.0
        return self._time_before[stage] + within


def pacer_of(load: AnyOpenLoad) -> Pacer:
    """The pacer of a load profile."""
    if isinstance(load, StagesLoad):
        return RampPacer(load.start_rate, [(stage.rate, stage.duration_s) for stage in load.stages])
    if load.arrivals == "poisson":
        return PoissonPacer(load.rate, load.duration_s, load.seed)
    return ConstantPacer(load.rate, math.ceil(load.rate * load.duration_s - _SLACK))


def due_before(pacer: Pacer, time_s: float) -> int:
    """How many requests are due before a time (seconds after the start), by bisection, since due times ascend."""
    return bisect.bisect_left(range(pacer.count), time_s, key=lambda n: pacer.due_s(n) or 0.0)
