"""Creep: a level that drifts away from where it was accepted, so slowly that no single run is to blame.

The runs since the anchor are taken in blocks of `BLOCK_RUNS`, by their medians, so that single outliers count for
little. A slow rise is fitted to these (least squares over all rises that begin and end somewhere, `MIN_BLOCKS` long or
longer), and is creep where

- it is large enough, and leads above the anchor;
- it stands out from the noise. Noise is what the fit leaves over, with the correlation of blocks taken into account
  (the variance of a sum of first-order autoregressive values), so that a level that wanders slowly needs a larger rise;
- no single step explains the blocks better: a step is a matter for the detector.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from loadtasks.verdict.history.baselines import MIN_BASELINE_RUNS, Values

BLOCK_RUNS = MIN_BASELINE_RUNS
"""Runs of a block; the anchor is the first block: as long as a whole baseline, with each weekday twice."""
MIN_BLOCKS = 12
"""The shortest rise, and so the shortest series in which one is found: 168 runs. Shorter ones make a half more false
findings where a level wanders slowly (simulated, see `_FALSE_FINDINGS`), and are steps for the detector."""
MIN_EFFECTS = 1.25
"""How many minimum effects a drift must have. By default that is 3.75 %: of a creep of 5 % in 400 runs the fit shows
4.2 to 5.8 % where runs differ by 2 %, so that twice the minimum effect, 6 %, would never find it."""
_FALSE_FINDINGS = 2e-4
"""The probability, by Student's distribution, of a rise as steep as this without creep, at one time; see
docs/verdict.md for what was simulated with it."""
_MAX_BLOCKS = 48
"""Neighbouring blocks of a longer series are averaged, so that thousands of runs cost no more than hundreds."""
_MAX_ENDS = 12
"""How many places are tried as the beginning of a rise, and how many as its end."""
_FITTED = 4
"""What a rise is fitted by: level, size, beginning and end."""
_BIAS = (2.0, 5.0)
"""The correlation of neighbouring residuals is too small by about (2 + 5 rho) / blocks, since a fit follows them (as
Marriott and Pope 1954, with a slope)."""
_MAX_AUTOCORRELATION = 0.9
_STEP_ADVANTAGE = 3.0
"""How much better than a rise, in residual variances, the best step must explain the blocks to be the explanation:
there are as many steps to choose from as blocks."""
_QUANTILE = 0.995
"""Of Student's distribution, on each side. Beginning and end are chosen where chance adds to a rise, so .975 would be
too little for 95 % of the intervals to contain the truth (79 % in the test's simulation)."""


@dataclass(frozen=True)
class Creep:
    """A drift for the worse, in the units of the values; of logarithms, `exp(size) - 1` is the relative change."""

    size: float
    low: float
    """The lower end of the size's 95 % interval."""
    high: float
    """The upper end of the size's 95 % interval."""
    first: int
    """The position among the values of the first run of the rise."""
    last: int
    """The position of the last run of the rise."""
    runs: int
    """The number of valid runs from `first` to `last`."""


@dataclass(frozen=True)
class _Shapes:
    """What may be fitted to so many blocks: rises first, then steps; each with a mean of 0."""

    shapes: Values
    """Shape: rises and steps x blocks."""
    squares: Values
    """The sum of squares of each."""
    ends: NDArray[np.int64]
    """The first and the last block of each rise; shape: rises x 2."""


def find_creep(values: Values, gained: Values, min_effect: Values, worse_up: NDArray[np.bool_]) -> list[Creep | None]:
    """The creep of each series as of its newest run; None where there is none.

    Args:
        values: The values of the runs since the anchor, without steps that were confirmed; shape: runs x series, nan
            where there is no valid one. Whatever adds up, as of `Detector`.
        gained: By how much confirmed steps, which the values are without, have brought each series below its anchor: so
            far its level may rise before it is above that. At least 0.
        min_effect: The minimum effect of each series.
        worse_up: Whether higher is worse, by series.
    """
    sign = np.where(worse_up, 1.0, -1.0)
    order = np.argsort(np.isnan(values), axis=0, kind="stable")
    blocks = (~np.isnan(values)).sum(axis=0) // BLOCK_RUNS
    found: list[Creep | None] = [None] * values.shape[1]
    for number in np.unique(blocks[blocks >= MIN_BLOCKS]):
        rows = np.flatnonzero(blocks == number)
        valid = order[: number * BLOCK_RUNS, rows]
        medians = _medians(values[:, rows] * sign[rows], valid)
        for column, rise in enumerate(_fit(medians, gained[rows], min_effect[rows])):
            if rise is not None:
                found[rows[column]] = _in_runs(rise, sign[rows[column]], valid[:, column])
    return found


@dataclass(frozen=True)
class _Rise:
    """A rise in blocks."""

    size: float
    half: float
    """Half of the size's 95 % interval."""
    first: int
    last: int


def _medians(values: Values, valid: NDArray[np.int64]) -> Values:
    """The medians of blocks; shape: series x blocks. `valid`: the positions of the valid values of each series."""
    blocks = np.take_along_axis(values, valid, axis=0).reshape(-1, BLOCK_RUNS, values.shape[1])
    medians: Values = np.median(blocks, axis=1).T
    return medians


def _in_runs(rise: _Rise, sign: float, valid: NDArray[np.int64]) -> Creep:
    first, last = rise.first * BLOCK_RUNS, (rise.last + 1) * BLOCK_RUNS - 1
    low, high = sorted((sign * (rise.size - rise.half), sign * (rise.size + rise.half)))
    return Creep(sign * rise.size, low, high, int(valid[first]), int(valid[last]), last - first + 1)


def _fit(medians: Values, gained: Values, min_effect: Values) -> list[_Rise | None]:
    """The rise of each series above its anchor, in blocks. `medians`: shape: series x blocks."""
    together = -(-medians.shape[1] // _MAX_BLOCKS)
    blocks = _averaged(medians, together)
    number = blocks.shape[1]
    family = _shapes(number, max(3, -(-MIN_BLOCKS // together)))
    centred = blocks - blocks.mean(axis=1, keepdims=True)
    sizes = centred @ family.shapes.T / family.squares
    explained = np.where(sizes > 0, sizes**2 * family.squares, -np.inf)
    rises = len(family.ends)
    best = explained[:, :rises].argmax(axis=1)
    rows = np.arange(len(blocks))
    size = sizes[rows, best]
    residual = centred - size[:, None] * family.shapes[best]
    squares = (residual**2).sum(axis=1)
    freedom = number - _FITTED
    variance = np.maximum(squares / freedom, (min_effect / 4) ** 2 / BLOCK_RUNS / together)
    correlation = (residual[:, 1:] * residual[:, :-1]).sum(axis=1) / np.maximum(squares, np.finfo(float).tiny)
    correlation = np.clip((correlation + _BIAS[0] / number) / (1 - _BIAS[1] / number), 0.0, _MAX_AUTOCORRELATION)
    error = np.sqrt(variance * (1 + correlation) / (1 - correlation) / family.squares[best])
    is_rise = explained[rows, best] > explained[:, rises:].max(axis=1) - _STEP_ADVANTAGE * variance
    limit = MIN_EFFECTS * min_effect
    is_creep = is_rise & (size - gained >= limit) & (size > error * -stdtrit(freedom, _FALSE_FINDINGS))
    half = error * stdtrit(freedom, _QUANTILE)
    spare = together * number - medians.shape[1]
    ends = np.maximum(family.ends[best] * together + [[0, together - 1]] - spare, 0)
    return [
        _Rise(float(size[row] - gained[row]), float(half[row]), int(ends[row, 0]), int(ends[row, 1]))
        if is_creep[row]
        else None
        for row in rows
    ]


def _averaged(blocks: Values, together: int) -> Values:
    """Neighbouring blocks averaged; the oldest ones fill a group of their own."""
    spare = -blocks.shape[1] % together
    padded = np.concatenate([np.full((len(blocks), spare), np.nan), blocks], axis=1)
    averaged: Values = np.nanmean(padded.reshape(len(blocks), -1, together), axis=2)
    return averaged


@cache
def _shapes(number: int, shortest: int) -> _Shapes:
    """Everything that may be fitted to a number of blocks; a rise takes `shortest` of them or more."""
    places = np.unique(np.linspace(0, number - 1, min(number, _MAX_ENDS)).round().astype(np.int64))
    ends = np.array([(first, last) for first in places for last in places if last - first >= shortest - 1])
    blocks = np.arange(number)
    rises = np.clip((blocks - ends[:, :1]) / (ends[:, 1:] - ends[:, :1]), 0.0, 1.0)
    steps = (blocks >= np.arange(1, number)[:, None]).astype(np.float64)
    shapes = np.concatenate([rises, steps])
    shapes -= shapes.mean(axis=1, keepdims=True)
    return _Shapes(shapes, (shapes**2).sum(axis=1), ends)
