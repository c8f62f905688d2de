"""The baseline of one metric as a chart shows it: level and scale, and between which runs a change lies.

A verdict is found by replaying all series of a service together (`loadtasks.verdict.history.replay`). For a chart of
one series it is enough to know where its baseline begins and which runs are no part of it, which is stored: estimates
over the last `MAX_BASELINE_RUNS` of its runs are then the detector's own.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from loadtasks.measurement.metrics import BASELINE_METRICS, METRICS, Unit
from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS, MAX_REPETITIONS, Baselines, Segment, Values
from loadtasks.verdict.history.change_point import locate_change
from loadtasks.verdict.history.estimates import huber_scale, median

_STEP = 30
"""Runs that share a band, so that a level that moves slowly is followed without a step at every run."""
_MIN_RUNS = 3
"""Fewer runs have no scale."""
_AROUND = 15
"""A change is looked for this many runs before and after its most likely first run."""
_MIN_SCALE_SHARE = 0.25
"""The smallest scale, in minimum effects; as the detector has it."""


@dataclass(frozen=True)
class Band:
    """Level and scale of a baseline, for some runs that belong to it or are judged by it."""

    first: int
    """The place of the first of these runs."""
    last: int
    """The place of the last of these runs."""
    level: float
    """In the metric's unit."""
    low: float
    """Level - scale, in the metric's unit."""
    high: float
    """Level + scale, in the metric's unit."""
    runs: int
    """How many runs of the baseline it comes from."""


@dataclass(frozen=True)
class PlottedSeries:
    """The runs of one metric of one scenario, or of a part of it, as a chart shows them."""

    metric: str
    """One of `BASELINE_METRICS`."""
    values: Sequence[float | None]
    """Of each run; None where there is no valid one."""
    min_effect: float
    """The smallest relative change that is reported."""

    def bands(self, begins: Collection[int], outside: Collection[int], since: int = 0) -> list[Band]:
        """The bands, in the order of the runs.

        Args:
            begins: The places of the runs with which a baseline begins, besides the first.
            outside: The places of runs that are no part of a baseline: of regressions that are open, or were fixed.
            since: The first place that is shown; bands that end before it are left out.
        """
        judged = self._in_units()
        judged[[place for place in outside if place < len(judged)]] = np.nan
        stretches = [stretch for stretch in _stretches(judged, begins) if stretch[1] >= since]
        if not stretches:
            return []
        members = np.full((len(stretches), MAX_BASELINE_RUNS), np.nan)
        for row, (_, _, baseline) in enumerate(stretches):
            members[row, : len(baseline)] = baseline
        count = np.array([len(baseline) for _, _, baseline in stretches])
        level = median(members, count)
        distances = np.where(np.isnan(members), 0.0, members - level[:, None])
        scale = huber_scale(distances, count, np.full(len(stretches), self._min_scale))
        return [
            Band(first, last, *self._in_metric(level[row] + np.array([0.0, -scale[row], scale[row]])), int(count[row]))
            for row, (first, last, _) in enumerate(stretches)
        ]

    def change_interval(self, begin: int, first: int, last: int) -> tuple[int, int]:
        """The places between which the first run of a change lies, with 90 % probability.

        Args:
            begin: The place where the baseline before it begins.
            first: The place of the most likely first run.
            last: The place of the last run at the new level.
        """
        if self._is_share:  # judged by counts, most of which are 0
            return first, first
        judged = self._in_units()
        places = np.array([place for place in range(begin, last + 1) if not np.isnan(judged[place])], dtype=np.int64)
        since = int((places >= first).sum())
        # What follows a change long after says nothing about when it was, and must not push the runs before out.
        places = places[: len(places) - since + 2 * _AROUND][-MAX_BASELINE_RUNS:]
        since = int((places >= first).sum())
        if since == 0 or len(places) - since < _MIN_RUNS:
            return first, first
        repetitions = np.full((len(places), MAX_REPETITIONS), np.nan)
        repetitions[:, 0] = judged[places]
        prior_scale = BASELINE_METRICS[self.metric].prior_scale
        baselines = Baselines(np.array([self._min_scale]), np.array([prior_scale]))
        baselines.restart(0, Segment(places, repetitions))
        newest_first = np.arange(len(places))
        candidates = (np.abs(newest_first + 1 - since) <= _AROUND) & (newest_first < len(places) - _MIN_RUNS)
        before, after = judged[places[:-since]], judged[places[-since:]]
        direction = 1.0 if np.median(after) > np.median(before) else -1.0
        found = locate_change(baselines, 0, candidates, 1.0, direction)
        return min(found.earliest, first), max(found.latest, first)

    @property
    def _is_share(self) -> bool:
        return METRICS[self.metric].unit is Unit.SHARE

    @property
    def _min_scale(self) -> float:
        if self._is_share:  # judged by counts, to which no smallest scale applies
            return 0.0
        return _MIN_SCALE_SHARE * float(np.log1p(max(BASELINE_METRICS[self.metric].min_effect or 0.0, self.min_effect)))

    def _in_units(self) -> Values:
        """The values in units that add up; nan where there is none."""
        known = np.array([np.nan if value is None else value for value in self.values], dtype=np.float64)
        if self._is_share:
            return known
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithms = np.log(known)
        return np.where(np.isfinite(logarithms), logarithms, np.nan)

    def _in_metric(self, ends: Values) -> tuple[float, float, float]:
        """Level, lower and upper end in the metric's unit."""
        level, low, high = (np.clip(ends, 0.0, 1.0) if self._is_share else np.exp(ends)).tolist()
        return level, low, high


def _stretches(judged: Values, begins: Collection[int]) -> Iterator[tuple[int, int, Values]]:
    """The first and the last place of each stretch, and the values of its baseline, at least `_MIN_RUNS` of them."""
    edges = sorted({0, *(place for place in begins if 0 < place < len(judged)), len(judged)})
    for begin, end in pairwise(edges):
        steps = [*range(end, begin, -_STEP)][::-1]  # the newest stretch is a whole one
        first = begin
        for after in steps:
            known = judged[begin:after]
            baseline = known[~np.isnan(known)][-MAX_BASELINE_RUNS:]
            if len(baseline) >= _MIN_RUNS:
                yield first, after - 1, baseline
                first = after
