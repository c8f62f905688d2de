"""Alarms compared with annotated steps: which are right, which are false, and how soon they come.

An alarm is right within `MARGIN` points of a step of its direction that no nearer alarm was matched with. It is neither
right nor wrong if it repeats a step that was matched, or is near an optional step. Any other is false. Covering is that
of van den Burg and Williams (2020, "An evaluation of change point detection algorithms"): how well the stretches
between alarms overlap those between steps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from benchmarks.verdict.real_series.series import RealSeries

MARGIN = 5
"""Points between an alarm's first point and the step that it means."""
_OPTIONAL_MARGIN = 2 * MARGIN
_LEVEL_POINTS = 20
POINTS_A_YEAR = 365


class Alarm(NamedTuple):
    """A change that a detector reports."""

    raised: int
    """The point at which it is reported."""
    first: int
    """The first point of the new level, as the detector has it."""
    direction: int
    """1 where the new level is higher, -1 where it is lower."""


@dataclass(frozen=True)
class Step:
    """An annotated step."""

    first: int
    direction: int


@dataclass(frozen=True)
class Matches:
    """The alarms of one series compared with its steps."""

    series: RealSeries
    alarms: Sequence[Alarm]
    steps: Sequence[Step]
    found: dict[int, int]
    """By number of a step, the number of the alarm that means it."""
    false: list[int]
    """The numbers of false alarms."""

    @property
    def missed(self) -> list[Step]:
        """The steps without an alarm."""
        return [step for number, step in enumerate(self.steps) if number not in self.found]


@dataclass(frozen=True)
class Score:
    """How a detector does in many series."""

    steps: int
    found: int
    false: int
    points: int
    delays: Sequence[int]
    """Points from each step that was found to its alarm."""
    covering: float

    @property
    def precision(self) -> float:
        """The share of alarms that are right, of those that are right or false."""
        return self.found / (self.found + self.false) if self.found + self.false else np.nan

    @property
    def recall(self) -> float:
        """The share of steps that are found."""
        return self.found / self.steps if self.steps else np.nan

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        alarms = self.found + self.false
        return 2 * self.found / (self.steps + alarms) if self.found else 0.0

    @property
    def false_a_year(self) -> float:
        """False alarms in a series-year."""
        return self.false / self.points * POINTS_A_YEAR

    def delay(self, percentile: float) -> float:
        """A percentile of the delays, in points."""
        return float(np.percentile(self.delays, percentile)) if self.delays else np.nan


def steps_of(series: RealSeries) -> list[Step]:
    """The annotated steps, each with the direction in which the level moves."""
    return [Step(point, _direction(series, point)) for point in series.annotated]


def level_ratio(series: RealSeries, point: int) -> float:
    """The median of the 20 points from this one on, in times that of the 20 before; nan where there is none before."""
    before, after = series.values[max(0, point - _LEVEL_POINTS) : point], series.values[point : point + _LEVEL_POINTS]
    return float(np.median(after) / np.median(before)) if len(before) and len(after) else np.nan


def is_annotated(series: RealSeries, alarm: Alarm) -> bool:
    """Whether an alarm is near a step of its direction."""
    return any(_means(alarm, step) for step in steps_of(series))


def is_optional(series: RealSeries, alarm: Alarm) -> bool:
    """Whether an alarm is raised or begins near an optional step."""
    return any(
        min(abs(alarm.first - point), abs(alarm.raised - point)) <= _OPTIONAL_MARGIN for point in series.optional
    )


def match(series: RealSeries, alarms: Sequence[Alarm]) -> Matches:
    """Compare the alarms of a series with its steps."""
    steps = steps_of(series)
    pairs = sorted(
        (abs(alarm.first - step.first), at, number)
        for at, alarm in enumerate(alarms)
        for number, step in enumerate(steps)
        if _means(alarm, step)
    )
    found: dict[int, int] = {}
    for _, at, number in pairs:
        if at not in found.values() and number not in found:
            found[number] = at
    false = [
        at
        for at, alarm in enumerate(alarms)
        if at not in found.values()
        and not is_optional(series, alarm)
        and not any(_means(alarm, step) for step in steps)
    ]
    return Matches(series, alarms, steps, found, false)


def score(matched: Iterable[Matches], worse: bool | None = None) -> Score:
    """Add up many series.

    Args:
        matched: The series.
        worse: Only steps and alarms for the worse (True) or for the better (False); None: all.
    """
    steps = found = false = points = 0
    delays: list[int] = []
    coverings = []
    for one in matched:

        def counts(direction: int, series: RealSeries = one.series) -> bool:
            return worse is None or ((direction > 0) == series.worse_up) == worse

        counted = [number for number, step in enumerate(one.steps) if counts(step.direction)]
        steps += len(counted)
        false += sum(counts(one.alarms[at].direction) for at in one.false)
        points += len(one.series.values)
        delayed = [
            one.alarms[one.found[number]].raised - one.steps[number].first for number in counted if number in one.found
        ]
        found += len(delayed)
        delays += delayed
        coverings.append(
            covering(len(one.series.values), [step.first for step in one.steps], [alarm.first for alarm in one.alarms])
        )
    return Score(steps, found, false, points, delays, float(np.mean(coverings)) if coverings else np.nan)


def covering(points: int, steps: Iterable[int], alarms: Iterable[int]) -> float:
    """How well the stretches between alarms cover those between steps: the mean of their best overlaps, 1 at most."""
    found = _stretches(points, alarms)
    total = 0.0
    for begin, end in _stretches(points, steps):
        overlaps = [
            (min(end, until) - max(begin, since)) / (max(end, until) - min(begin, since)) for since, until in found
        ]
        total += (end - begin) * max(0.0, *overlaps)
    return total / points


def _means(alarm: Alarm, step: Step) -> bool:
    return abs(alarm.first - step.first) <= MARGIN and alarm.direction == step.direction


def _direction(series: RealSeries, point: int) -> int:
    logarithms = np.log(series.values)
    before, after = logarithms[max(0, point - _LEVEL_POINTS) : point], logarithms[point : point + _LEVEL_POINTS]
    return 1 if np.median(after) > np.median(before) else -1


def _stretches(points: int, firsts: Iterable[int]) -> list[tuple[int, int]]:
    ends = [0, *sorted({first for first in firsts if 0 < first < points}), points]
    return list(pairwise(ends))
