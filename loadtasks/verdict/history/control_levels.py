"""The levels of a control: where it stood in which runs, and how much it differs from run to run.

A control is measured in every run and is not the API. Its level is taken to be constant until one run, or several in a
row, lie farther from it than its own noise explains; then it has another level, a new one or one that it had before. So
an imprecise control has to move far before it counts as moved.
"""

import math
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from loadtasks.verdict.history.baselines import Values
from loadtasks.verdict.history.estimates import MEDIAN_ABSOLUTE

MIN_LEVEL_RUNS = 5
"""Runs of a control before anything is read from it: fewer don't show how much it differs from run to run."""
LASTING_RUNS = 14
"""Runs after which a level is the usual one: with nightly runs two weeks, as for a whole baseline."""
_MAX_LEVEL_RUNS = 30
"""Runs that a level, and the scale around it, are estimated from: those at its beginning, so that a slow drift of the
control leaves its level in the end."""
_PRIOR_SCALE = 0.08
_PRIOR_RUNS = 3.0
"""How much a control plausibly differs from run to run before many runs were seen, in logarithms, and how many runs
that is worth: the calibration against the null server was seen to differ by 2 to 15 %."""
_MIN_SCALE = 0.01
_ONE_RUN, _SEVERAL_RUNS = 3.0, 4.0
"""Standard errors from the level beyond which one run, or the mean of several, has moved. A run that only chance put
there does little harm: what it excuses is bounded by what the control moved, and ends with it. A control whose runs are
independent is moved by chance three times in 1,000 runs, one with a correlation of .5 six times."""
MIN_MOVE = 0.03
"""The smallest move that counts, in logarithms: the smallest effect that is reported of a series."""


@dataclass
class ControlLevel:
    """One level of a control."""

    number: int
    """From 0, in the order of their first runs."""
    base: int
    """The number of the level from which it was first reached; its own for the first one."""
    values: list[float] = field(default_factory=list)
    """Those that it is estimated from, in logarithms."""
    value: float = math.nan
    """The median of these."""

    def learn(self, value: float) -> None:
        """Add a run, while the level isn't known well enough."""
        if len(self.values) < _MAX_LEVEL_RUNS:
            self.values.append(value)
            self.value = median(self.values)

    def unlearn(self, value: float) -> None:
        """Take a run back."""
        if value in self.values:
            self.values.remove(value)
            self.value = median(self.values) if self.values else math.nan


@dataclass(frozen=True)
class Visit:
    """Consecutive runs in which a control stood at one level."""

    level: int
    first: int
    """The position of its first run among the runs of the control."""
    runs: Sequence[int]
    """The positions of its runs that have a value."""


@dataclass(frozen=True)
class FollowedControl:
    """A control over its runs."""

    levels: Sequence[ControlLevel]
    visits: Sequence[Visit]
    deviations: Values
    """How far each run is from the level that it is at, in logarithms; nan where it has no value; shape: runs."""
    scales: Values
    """How much the control differed from run to run, by the runs before each; nan where that isn't known yet."""

    def move(self, visit: Visit) -> float:
        """How far the level of a visit is from the one that it was first reached from, in logarithms."""
        level = self.levels[visit.level]
        return level.value - self.levels[level.base].value

    @property
    def usual(self) -> int | None:
        """The number of the level that it had last for so long that it is the usual one; None where there is none."""
        lasting = [visit.level for visit in self.visits if len(visit.runs) >= LASTING_RUNS]
        return lasting[-1] if lasting else self.visits[0].level if self.visits else None


def follow(values: Values) -> FollowedControl:
    """Find the levels of a control.

    `values`: of each run, the oldest first, in logarithms; nan where it was not measured.
    """
    follower = _Follower(len(values))
    for position, value in enumerate(values.tolist()):
        if not math.isnan(value):
            follower.add(position, value)
    return follower.finished()


class _Follower:
    """The levels as of a run."""

    def __init__(self, runs: int) -> None:
        self._levels: list[ControlLevel] = [ControlLevel(0, 0)]
        self._visits: list[tuple[int, list[int]]] = [(0, [])]
        self._values: dict[int, float] = {}
        self._errors: deque[float] = deque(maxlen=3 * _MAX_LEVEL_RUNS)
        """How far runs were from the level that held before them, without regard to sign, the newest last."""
        self._scales = np.full(runs, np.nan)
        self._runs = runs

    def add(self, position: int, value: float) -> None:
        """Add a run."""
        self._values[position] = value
        number, members = self._visits[-1]
        level, scale = self._levels[number], self._scale()
        members.append(position)
        learning = len(self._errors) < MIN_LEVEL_RUNS - 1
        if not learning:
            self._scales[position] = scale
        if level.values:
            error = abs(value - level.value) / math.sqrt(1.0 + 1.0 / len(level.values))
            self._errors.append(error if learning else min(error, _ONE_RUN * scale))
        moved = 0 if learning else self._moved(level, members, scale)
        if not moved:
            level.learn(value)
            return
        leaving = members[-moved:]
        del members[-moved:]
        for run in leaving[:-1]:
            level.unlearn(self._values[run])
        if not members:
            self._visits.pop()
        self._arrive(level, leaving, scale)

    def finished(self) -> FollowedControl:
        """The control as of the last run."""
        deviations = np.full(self._runs, np.nan)
        visits = []
        for number, members in self._visits if self._values else ():
            visits.append(Visit(number, members[0], tuple(members)))
            for position in members:
                deviations[position] = self._values[position] - self._levels[number].value
        return FollowedControl(self._levels, visits, deviations, self._scales)

    def _scale(self) -> float:
        own = MEDIAN_ABSOLUTE * median(self._errors) if self._errors else 0.0
        freedom = max(len(self._errors) - 1, 0)
        return max(_MIN_SCALE, math.sqrt((_PRIOR_RUNS * _PRIOR_SCALE**2 + freedom * own**2) / (_PRIOR_RUNS + freedom)))

    def _moved(self, level: ControlLevel, members: Sequence[int], scale: float) -> int:
        """How many of the newest runs have left the level; 0 where none has."""
        best, chosen, total = 1.0, 0, 0.0
        for count, run in enumerate(members[: -LASTING_RUNS - 1 : -1], 1):
            known = len(level.values) - (count - 1)  # without these runs; a level is no better known than its runs
            if known < 1:
                break
            total += self._values[run] - level.value
            mean = abs(total) / count
            error = scale * math.sqrt(1.0 / count + 1.0 / known)
            score = mean / error / (_ONE_RUN if count == 1 else _SEVERAL_RUNS)
            if score > best and mean >= MIN_MOVE:
                best, chosen = score, count
        return chosen

    def _arrive(self, left: ControlLevel, runs: list[int], scale: float) -> None:
        """Begin a visit: of a level that it had before, where one is as near as the noise allows, else of a new one."""
        values = [self._values[run] for run in runs]
        mean = sum(values) / len(values)
        known = [level for level in self._levels if level is not left and level.values]
        nearest = min(known, key=lambda level: abs(level.value - mean), default=None)
        if nearest is not None:
            error = scale * math.sqrt(1.0 / len(values) + 1.0 / len(nearest.values))
            if abs(nearest.value - mean) > max(_ONE_RUN * error, MIN_MOVE):
                nearest = None
        if nearest is None:
            nearest = ControlLevel(len(self._levels), left.number if left.values else left.base)
            self._levels.append(nearest)
        for value in values:
            nearest.learn(value)
        if self._visits and self._visits[-1][0] == nearest.number:
            self._visits[-1][1].extend(runs)
        else:
            self._visits.append((nearest.number, runs))


def median(values: Collection[float]) -> float:
    """The median of some numbers: of a few dozen, many times as fast as with numpy."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
