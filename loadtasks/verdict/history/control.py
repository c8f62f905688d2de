"""What controls explain of series: a covariate that is taken out before anything is judged.

A control is measured in every run and is not the API (`loadtasks.verdict.history.covariates` names them). Two things
are taken from a series on its account, and neither ever adds to what a series shows:

- **Covariation.** Where the series has varied with the control from run to run, the control's deviation from its level,
  times their regression coefficient. The coefficient is that of the differences of consecutive runs, as far as they
  prove it: below three standard errors it is 0, beyond it approaches the estimate, between 0 and 1.2. It is estimated
  every two weeks of runs from the runs before, and holds for those that follow, so that the past stays as it is
  (regression on a covariate: Deng et al. 2013, "Improving the sensitivity of online controlled experiments").
- **Moves.** Where the control has moved to another level (`loadtasks.verdict.history.control_levels`), and the series
  with it, what the series moved in the first runs there, at most `MAX_COEFFICIENT` times what the control did. Nothing
  in the past shows that coefficient: a neighbour that is busy for the first time is the first occasion to see it. By
  physical reasoning it is between 0 (the series waits for something else) and about 1 (it computes where the control
  computes). The other scenarios bound it: they meet the same environment in the same run, so that a scenario is
  excused by no more than they moved, plus twice how much they differ. What one scenario moved beyond the others is its
  own. Where the control moves back to a level that it had, so does what it explains.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS, Values
from loadtasks.verdict.history.control_levels import LASTING_RUNS, ControlLevel, FollowedControl, Visit
from loadtasks.verdict.history.estimates import MEDIAN_ABSOLUTE

MAX_COEFFICIENT = 1.2
"""What a series may move for each unit that a control moves, in logarithms. One that computes moves as the control
does; the rest allows for a control that meets a neighbour a little less than the API does."""
_ALIGNMENT_RUNS = 7
"""Runs at a new level of a control that show how far a series moved with it: enough to tell 10 % of one scenario from
noise of 5 %, and few, so that what the API does later is its own."""
_RECENT_RUNS = 20
"""Runs before a move whose median is what a series moves from."""
_MIN_OTHERS = 4
"""Other scenarios that it takes to bound a coefficient by theirs."""
_OTHERS_SCALES = 2.0
"""How much farther than the others' median a scenario may move with a control, in standard deviations of how much they
truly differ: one scenario in forty moves farther. In any case as far as the second farthest of the others: a dozen
scenarios show little of how far the farthest may move. With 1 instead of 2, `benchmarks.verdict.controls` finds the
slower scenario in 17 instead of 13 of 20 families, and blames another one in 14 instead of 6 where they differ."""
_NOISE_SCALES = 2.0
"""No series is explained to have moved farther than it did by more than so many standard errors: one that waits for
something else than the control stays where it is."""
_MEDIAN_ERROR = 1.2533
"""The standard error of a median over that of a mean, of normal values."""
_MIN_RUNS = 14
"""Differences of consecutive runs that a coefficient is estimated from at least."""
_PROVEN = 3.0
"""Standard errors that a coefficient has to be above 0 to count. Differences of independent runs are correlated, which
makes the true standard error up to 1.22 times the one that is calculated."""
_CLIP = 3.0
"""Deviations and differences beyond so many scales count as if they were so far: a single bad run proves nothing."""


@dataclass(frozen=True)
class ExplainedSeries:
    """What one control explains of several series."""

    explained: Values
    """To be subtracted from the values; 0 where there is nothing to explain; shape: runs x series."""
    moved: Values
    """The part of the newest run that is due to the control standing at another level than is usual; shape: series."""


@dataclass(frozen=True)
class SeriesGroups:
    """How series belong together; an item a series."""

    metric: NDArray[np.int64]
    """The number of the metric: only series of one metric bound each other's coefficients."""
    scenario: NDArray[np.int64]
    """The number of the scenario: what a scenario moved never bounds itself."""


def explain(
    values: Values, control: FollowedControl, positions: NDArray[np.int64], of: SeriesGroups
) -> ExplainedSeries:
    """What a control explains of series that are worse where they are higher, in logarithms.

    Args:
        values: nan where there is none; shape: runs x series.
        control: The control; worse where it is higher, too.
        positions: The position among the control's runs of each run of the series; shape: runs.
        of: How the series belong together.
    """
    moves = _Moves(values, control, of)
    places = {int(position): run for run, position in enumerate(positions)}
    for visit in control.visits:
        moves.add(visit, [places[position] for position in visit.runs if position in places])
    covariation = _covariation(values - moves.explained, control, positions)
    return ExplainedSeries(moves.explained + covariation, moves.newest())


class _Moves:
    """What series moved with the levels of a control, visit after visit."""

    def __init__(self, values: Values, control: FollowedControl, of: SeriesGroups) -> None:
        self._values, self._control, self._of = values, control, of
        self.explained: Values = np.zeros_like(values)
        self._offsets: dict[int, Values] = {0: np.zeros(values.shape[1])}
        self._shifts: dict[int, list[Values]] = {}
        self._errors: dict[int, Values] = {}
        self._last = 0

    def add(self, visit: Visit, runs: Sequence[int]) -> None:
        """Explain the runs of a visit. `runs`: the numbers of those that the series have."""
        self._last = visit.level
        level = self._control.levels[visit.level]
        if level.base == level.number:
            self._offsets.setdefault(level.number, np.zeros(self._values.shape[1]))
        elif runs or level.number not in self._offsets:
            self._align(level, visit, runs)
        if runs:
            self.explained[runs] = self._offsets[level.number]

    def newest(self) -> Values:
        """What the newest run's level explains beyond the usual one."""
        usual = self._control.usual
        nothing = np.zeros(self._values.shape[1])
        now: Values = self._offsets.get(self._last, nothing)
        moved: Values = now - self._offsets.get(usual, nothing) if usual is not None else nothing
        return moved

    def _align(self, level: ControlLevel, visit: Visit, runs: Sequence[int]) -> None:
        base = self._offsets.get(level.base, np.zeros(self._values.shape[1]))
        shifts = self._shifts.setdefault(level.number, [])
        missing = list(runs[: _ALIGNMENT_RUNS - len(shifts)])
        if missing:
            before = (self._values[: missing[0]] - self.explained[: missing[0]])[-_RECENT_RUNS:]
            recent = _median(before)
            shifts.extend(self._values[missing] - base - recent)
            deviation = MEDIAN_ABSOLUTE * _median(np.abs(before - recent))
            number = np.maximum((~np.isnan(before)).sum(axis=0), 1)
            self._errors[level.number] = _MEDIAN_ERROR * deviation * np.sqrt(1 / len(shifts) + 1 / number)
        if not shifts:
            self._offsets[level.number] = base
            return
        size = self._control.move(visit)
        coefficients = _shared(_median(np.array(shifts)) / size, self._errors[level.number] / abs(size), self._of)
        self._offsets[level.number] = base + coefficients * size


def _shared(ratios: Values, errors: Values, of: SeriesGroups) -> Values:
    """The coefficient of each series, by what it moved and what the other scenarios did; 0 where nothing is known.

    Args:
        ratios: What each series moved over what the control moved; nan where it has no value.
        errors: The standard errors of these.
        of: How the series belong together.
    """
    own, noise = np.nan_to_num(ratios), np.nan_to_num(errors)
    estimates, limits = own.copy(), np.full(len(own), MAX_COEFFICIENT)
    for metric in np.unique(of.metric):
        members = np.flatnonzero((of.metric == metric) & ~np.isnan(ratios))
        scenarios = of.scenario[members]
        if len(np.unique(scenarios)) <= _MIN_OTHERS:
            continue
        others = scenarios[:, None] != scenarios[None, :]
        theirs = np.where(others, np.clip(own[members], 0.0, MAX_COEFFICIENT)[None, :], np.nan).T
        centre = _median(theirs)
        scale = MEDIAN_ABSOLUTE * _median(np.abs(theirs - centre))
        chance = _median(np.where(others, noise[members][None, :], np.nan).T)
        differ = np.maximum(scale**2 - chance**2, 0.0)
        weight = differ / np.maximum(differ + noise[members] ** 2, 1e-12)
        estimates[members] = centre + weight * (own[members] - centre)
        farthest = np.sort(np.where(others, np.clip(own[members], 0.0, MAX_COEFFICIENT)[None, :], 0.0), axis=1)
        limit = np.maximum(centre + _OTHERS_SCALES * np.sqrt(differ), farthest[:, -2])
        limits[members] = np.minimum(limit, MAX_COEFFICIENT)
    shared: Values = np.clip(np.minimum(estimates, own + _NOISE_SCALES * noise), 0.0, limits)
    return shared


def _covariation(values: Values, control: FollowedControl, positions: NDArray[np.int64]) -> Values:
    """What the deviations of a control from its levels explain; shape: runs x series."""
    explained: Values = np.zeros_like(values)
    deviations, scales = control.deviations[positions], control.scales[positions]
    for begin in range(_MIN_RUNS, len(values), LASTING_RUNS):
        past = slice(max(0, begin - MAX_BASELINE_RUNS), begin)
        coefficients = _coefficients(values[past], deviations[past])
        if not coefficients.any():
            continue
        block = slice(begin, begin + LASTING_RUNS)
        scale = np.nan_to_num(scales[block])
        covariate = np.clip(np.nan_to_num(deviations[block]), -_CLIP * scale, _CLIP * scale)
        explained[block] = covariate[:, None] * coefficients
    return explained


def _coefficients(values: Values, covariate: Values) -> Values:
    """The regression coefficient of each series, as far as it is proven; shape: series."""
    known = np.flatnonzero(~np.isnan(covariate))
    if len(known) <= _MIN_RUNS:
        return np.zeros(values.shape[1])
    own, of_control = _clipped(np.diff(values[known], axis=0)), _clipped(np.diff(covariate[known])[:, None])
    present = ~np.isnan(own)
    number = present.sum(axis=0)
    x, y = np.where(present, of_control, 0.0), np.where(present, own, 0.0)
    squares = np.maximum((x**2).sum(axis=0), np.finfo(float).tiny)
    slope = (x * y).sum(axis=0) / squares
    residual = ((y - slope * x) ** 2).sum(axis=0) / np.maximum(number - 1, 1)
    error = np.sqrt(np.maximum(residual, 1e-12) / squares)
    proof = np.where(number >= _MIN_RUNS, slope / error, 0.0)
    weight = np.where(proof > _PROVEN, 1.0 - (_PROVEN / np.maximum(proof, _PROVEN)) ** 2, 0.0)
    coefficients: Values = np.clip(slope, 0.0, MAX_COEFFICIENT) * weight
    return coefficients


def _clipped(differences: Values) -> Values:
    limit = _CLIP * MEDIAN_ABSOLUTE * _median(np.abs(differences))
    clipped: Values = np.clip(differences, -limit, limit)
    return clipped


def _median(values: Values) -> Values:
    """The median of each column without its nan; nan where there is nothing else; shape: columns."""
    if not len(values):
        return np.full(values.shape[1], np.nan)
    ordered = np.sort(values, axis=0)  # nan last
    count = (~np.isnan(values)).sum(axis=0)
    columns = np.arange(values.shape[1])
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(values) - 1)
    middle: Values = 0.5 * (ordered[low, columns] + ordered[high, columns])
    return middle
