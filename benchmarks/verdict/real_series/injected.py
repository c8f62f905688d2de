"""Steps injected into calm stretches of real series: how many are found within 10 runs.

A place is calm if no annotated and no optional step, and no alarm of the sheriffs' t-test, lies within the 40 points
before and the 20 after it; so places don't depend on the detector that is measured. Up to three a series are drawn, 30
points apart, the same ones for the same seed. The detector judges up to 200 points before a place; from the place on
all values are worse by the step. A step is found if a regression that begins near the place is raised within 10 runs,
the first with the step included. A place where the detector raises one without any step is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.verdict.real_series import rules
from benchmarks.verdict.real_series.scoring import MARGIN
from benchmarks.verdict.real_series.series import RealSeries, cut
from benchmarks.verdict.real_series.supervised import Response, judge

STEPS = (0.05, 0.10, 0.20)
WITHIN = 10
BEFORE, AFTER, _APART = 40, 20, 30
_MIN_RUNS, _MAX_BEFORE, _PLACES = 60, 200, 3


@dataclass(frozen=True)
class Place:
    """Where a step is injected."""

    series: RealSeries
    """The stretch that is judged, without a step."""
    run: int
    """The first run with the step."""

    def injected(self, step: float) -> RealSeries:
        """The series, worse by a step from the place on; 0.1 is 10 % slower, or 1 / 1.1 of a throughput."""
        values, since = self.series.values.copy(), self.series.first_points[self.run]
        values[since:] *= 1 + step if self.series.worse_up else 1 / (1 + step)
        return replace(self.series, values=values)


@dataclass(frozen=True)
class Found:
    """How many injected steps of a size are found."""

    step: float
    places: int
    delays: list[int]
    """Runs from the first with the step to the alarm, of those found."""

    @property
    def share(self) -> float:
        """The share that is found within 10 runs."""
        return len(self.delays) / self.places if self.places else np.nan


def calm_places(series: Sequence[RealSeries], seed: int) -> list[Place]:
    """Places to inject a step, drawn at random; the same seed gives the same."""
    random = np.random.default_rng(seed)
    return [place for one in series for place in _places(one, random)]


def inject(places: Sequence[Place], share: float, steps: Sequence[float] = STEPS) -> list[Found]:
    """Inject steps of each size at each place; a series' share of the budget is given."""
    plain = _delays(places, [place.series for place in places], share)
    calm = [place for place, delay in zip(places, plain, strict=True) if delay is None]
    found = []
    for step in steps:
        delays = _delays(calm, [place.injected(step) for place in calm], share)
        found.append(Found(step, len(calm), [delay for delay in delays if delay is not None]))
    return found


def _delays(places: Sequence[Place], series: Sequence[RealSeries], share: float) -> list[int | None]:
    """The runs from each place to the regression that is raised; None where there is none within 10 runs."""
    delays: list[int | None] = []
    for place, judged in zip(places, judge(series, share, Response.ANSWERED), strict=True):
        points, worse = judged.series.first_points, 1 if judged.series.worse_up else -1
        since = points[place.run]
        within = [
            points.index(alarm.raised) - place.run
            for alarm in judged.alarms
            if alarm.direction == worse and alarm.raised >= since and alarm.first >= since - MARGIN
        ]
        delays.append(min((delay for delay in within if delay < WITHIN), default=None))
    return delays


def _places(series: RealSeries, random: np.random.Generator) -> list[Place]:
    points = series.first_points
    unquiet = np.array(
        [*series.annotated, *series.optional, *(alarm.first for alarm in rules.t_test(series.values))], dtype=np.int64
    )
    candidates = [
        run
        for run in range(_MIN_RUNS, len(points) - AFTER)
        if not ((unquiet >= points[run] - BEFORE) & (unquiet < points[run] + AFTER)).any()
    ]
    chosen: list[int] = []
    for run in random.permutation(candidates):
        if len(chosen) < _PLACES and all(abs(run - other) >= _APART for other in chosen):
            chosen.append(int(run))
    places = []
    for run in chosen:
        begin = max(0, run - _MAX_BEFORE)
        places.append(Place(cut(series, begin, run + WITHIN), run - begin))
    return places
