"""The runs that the baselines of many series consist of.

Series are kept side by side, a row each, so that one run of all of them costs a few array operations. The values are
whatever adds up; of times these are the logarithms. A baseline keeps its last `MAX_BASELINE_RUNS` valid runs, each with
all the measurements (repetitions) that were made in it.
"""

from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

MAX_BASELINE_RUNS = 90
"""A quarter of a year of nightly runs: the standard error of a scale from 90 runs is 1 / sqrt(2 * 90), about 7.5 %, and
older runs say little about the environment of today."""
MIN_BASELINE_RUNS = 14
"""Valid runs that a whole baseline has: with nightly runs two weeks, each weekday twice. The thresholds of
`false_alarm_budget` are simulated with this number. A shorter one is young."""
MIN_RESTARTED_RUNS = 6
"""Valid runs that a baseline needs which begins at a confirmed change: the noise of the series is known from before."""
_KNOWN_RUNS = 5.0
"""How many runs the noise from before a change is worth: little, since a change may change the noise as well."""
MAX_RUNS_SINCE_CHANGE = 24
"""Only the newest 24 runs can be the first of a shift. The thresholds of `false_alarm_budget` are simulated
with this number."""
MAX_REPETITIONS = 4
"""Measurements of one scenario in one run. A trade-off of time against evidence: `benchmarks.verdict.detectors` finds
what it is required to find with three confirmations."""


@dataclass(frozen=True)
class Segment:
    """Consecutive valid runs of one series, the newest last."""

    numbers: NDArray[np.int64]
    """The number of each run; shape: runs."""
    repetitions: Values
    """Shape: runs x `MAX_REPETITIONS`. The first measurement of each run, then its repetitions; nan where it has no
    more."""

    @classmethod
    def of_run(cls, number: int, value: float) -> Self:
        """One run that was measured once."""
        return cls(np.array([number]), np.array([[value] + [np.nan] * (MAX_REPETITIONS - 1)]))

    @property
    def means(self) -> Values:
        """The mean over the repetitions of each run; shape: runs."""
        means: Values = np.nanmean(self.repetitions, axis=1)
        return means

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, part: slice) -> "Segment":
        return Segment(self.numbers[part], self.repetitions[part])

    def __add__(self, later: "Segment") -> "Segment":
        both = (self, later)
        return Segment(
            np.concatenate([side.numbers for side in both]), np.concatenate([side.repetitions for side in both])
        )

    def __mul__(self, factor: float) -> "Segment":
        return Segment(self.numbers, self.repetitions * factor)


class ScaleBounds(NamedTuple):
    """What is known of the scale of one series besides its runs, in units of its values."""

    min_scale: float
    """The smallest scale that an estimate may have."""
    prior_scale: float
    """The scale that is plausible before any run was seen."""


@dataclass(frozen=True)
class KnownNoise:
    """The noise of each series before the change that its baseline begins with; shape of each: series."""

    scale: Values
    """The scale from run to run; 1 where there was no change."""
    innovation: Values
    """The scale of what is new in a run, given the run before; 1 where there was no change."""
    runs: Values
    """How many runs that is worth: 0 where there was no change."""

    def blend(self, own: Values, before: Values, runs: NDArray[np.int64]) -> Values:
        """A scale of the runs themselves and the one from before, averaged in logarithms by their weights."""
        blended = own.copy()
        changed = np.flatnonzero(self.runs)
        if len(changed):
            known, others = self.runs[changed], runs[changed]
            logarithm = (known * np.log(before[changed]) + others * np.log(own[changed])) / (known + others)
            blended[changed] = np.exp(logarithm)
        return blended

    def of(self, rows: NDArray[np.int64]) -> "KnownNoise":
        """The noise of some of the series."""
        return KnownNoise(self.scale[rows], self.innovation[rows], self.runs[rows])


class Baselines:
    """The baselines of several series, each with its valid runs."""

    def __init__(self, min_scale: Values, prior_scale: Values) -> None:
        """Begin without any run.

        Args:
            min_scale: For each series the smallest scale that an estimate may have, in units of its values.
            prior_scale: For each series the scale that is plausible before any run was seen, in units of its values.
        """
        self.min_scale = min_scale
        self.prior_scale = prior_scale
        self.repetitions: Values = np.full((len(min_scale), MAX_BASELINE_RUNS, MAX_REPETITIONS), np.nan)
        """Shape: series x runs x repetitions, right-aligned: the newest run is last. nan where there is no run yet, or
        no further repetition of it."""
        self.first_values: Values = np.full((len(min_scale), MAX_BASELINE_RUNS), np.nan)
        """The first measurement of each run, once more: side by side, so that they are quickly read."""
        self.measured = np.zeros((len(min_scale), MAX_BASELINE_RUNS), dtype=np.int8)
        """How many measurements each run has; shape: series x runs. In bytes, which are soon searched."""
        self.numbers = np.zeros((len(min_scale), MAX_BASELINE_RUNS), dtype=np.int64)
        """The number of each run; shape: series x runs."""
        self.count = np.zeros(len(min_scale), dtype=np.int64)
        """How many runs each baseline has."""
        self.known = KnownNoise(np.ones_like(min_scale), np.ones_like(min_scale), np.zeros_like(min_scale))
        """The noise of each series before the change that its baseline begins with."""

    @property
    def newest_repetitions(self) -> NDArray[np.int8]:
        """How many measurements the newest run of each series has."""
        return self.measured[:, -1].copy()

    @property
    def min_runs(self) -> NDArray[np.int64]:
        """How many runs each baseline needs to be whole."""
        return np.where(self.known.runs > 0, MIN_RESTARTED_RUNS, MIN_BASELINE_RUNS)

    def of(self, rows: NDArray[np.int64]) -> "Baselines":
        """A copy with some of the series."""
        some = copy(self)
        for name in ("min_scale", "prior_scale", "repetitions", "first_values", "measured", "numbers", "count"):
            setattr(some, name, getattr(self, name)[rows])
        some.known = self.known.of(rows)
        return some

    def add_run(self, number: int, values: Values) -> None:
        """Add a run by each series' first measurement; nan where there is no valid one."""
        valid = ~np.isnan(values)
        invalid = np.flatnonzero(~valid)
        arrays: list[NDArray[Any]] = [self.repetitions, self.first_values, self.numbers, self.measured]
        unmoved = [kept[invalid] for kept in arrays]
        for kept in arrays:
            # All rows are moved in one piece, which is soonest done; the newest run, now another row's, is set below.
            whole, step = kept.reshape(-1), kept[:1, :1].size
            whole[:-step] = whole[step:]
        self.repetitions[:, -1] = np.nan
        self.repetitions[:, -1, 0] = self.first_values[:, -1] = values
        self.numbers[:, -1], self.measured[:, -1] = number, 1
        for kept, runs in zip(arrays, unmoved, strict=True):
            kept[invalid] = runs
        self.count = np.minimum(self.count + valid, MAX_BASELINE_RUNS)

    def add_repetition(self, values: Values) -> None:
        """Add a repetition to each series' newest run, up to `MAX_REPETITIONS`; nan for a series without one."""
        valid = np.flatnonzero(~np.isnan(values))
        self.repetitions[valid, -1, self.measured[valid, -1]] = values[valid]
        self.measured[valid, -1] += 1

    def bounds(self, row: int) -> "ScaleBounds":
        """What is known of one series' scale besides its runs."""
        return ScaleBounds(float(self.min_scale[row]), float(self.prior_scale[row]))

    def segment(self, row: int) -> Segment:
        """All runs of one baseline."""
        since = MAX_BASELINE_RUNS - int(self.count[row])
        return Segment(self.numbers[row, since:].copy(), self.repetitions[row, since:].copy())

    def take(self, row: int, newest: int) -> Segment:
        """Remove the newest runs of one baseline, and return them."""
        segment = self.segment(row)
        self.restart(row, segment[: len(segment) - newest])
        return segment[len(segment) - newest :]

    def restart(self, row: int, segment: Segment) -> None:
        """Begin one baseline anew with these runs."""
        segment = segment[-MAX_BASELINE_RUNS:]
        since = MAX_BASELINE_RUNS - len(segment)
        self.repetitions[row, :since] = self.first_values[row, :since] = np.nan
        self.measured[row, :since] = 0
        self.repetitions[row, since:], self.numbers[row, since:] = segment.repetitions, segment.numbers
        self.first_values[row, since:] = segment.repetitions[:, 0]
        self.measured[row, since:] = (~np.isnan(segment.repetitions)).sum(axis=1)
        self.count[row] = len(segment)

    def begin_at_change(self, row: int, segment: Segment, scale: float, innovation: float) -> None:
        """Begin one baseline anew with the runs since a change; its noise before that is known."""
        self.known.scale[row], self.known.innovation[row] = scale, innovation
        self.known.runs[row] = _KNOWN_RUNS
        self.restart(row, segment)

    def extend(self, row: int, segment: Segment) -> None:
        """Add later runs to one baseline."""
        self.restart(row, self.segment(row) + segment)
