"""The level that a series stands at: its place, its spread from night to night, and how far one night tells the next.

Many series are kept side by side, a row each, so that a night of all of them costs a few array operations. Values are
whatever adds up, for times their logarithm. Every series keeps its last `MEMORY` valid nights since its level began.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Values = NDArray[np.float64]

MEMORY = 90
"""Nights that a level remembers: a quarter tells its spread within 8 %, and older nights were another world."""
CLIP = 1.5
"""Nights farther from the level than so many spreads count as if they were just so far: outlier nights say little."""
_PRIOR_NIGHTS = 20.0
_PRIOR_CORRELATION = 0.25
_MOST_CORRELATION = 0.8
_MAD = 1.4826  # of a normal distribution, its spread divided by its median absolute deviation
_STEPS = 2


def _clipped_variance(clip: float) -> float:
    """The variance of a standard normal whose values are clipped at so many spreads."""
    outside = 1.0 - float(ndtr(clip))
    density = math.exp(-0.5 * clip * clip) / math.sqrt(2 * math.pi)
    return 1.0 - 2.0 * outside - 2.0 * clip * density + 2.0 * clip * clip * outside


_CONSISTENT = _clipped_variance(CLIP)


@dataclass(frozen=True)
class Estimates:
    """What the nights of each series tell of its level; an item or a row a series, the newest night last.

    The spread is Huber's proposal 2 (Huber 1964, "Robust estimation of a location parameter"), begun from the median
    absolute deviation. The correlation of neighbouring nights is shrunk towards a mild positive one, as if that had
    been seen in 20 nights, since a few weeks say little of it (the posterior mean under a normal prior).
    """

    place: Values
    """Median."""
    spread: Values
    """Standard deviation from night to night, outlier nights aside."""
    correlation: Values
    """Of neighbouring nights, 0 to 0.8."""
    distances: Values
    """The nights' from the place; 0 where there is no night."""
    clipped: Values
    """The same, outliers clipped."""


class Levels:
    """The nights that the levels of several series rest on."""

    def __init__(self, least: Values) -> None:
        """`least`: the spread of each series that is taken for real at least."""
        self.least = least
        self.nights: Values = np.full((len(least), MEMORY), np.nan)
        """Right-aligned: the newest night is last; nan where there is none yet."""
        self.numbers = np.zeros((len(least), MEMORY), dtype=np.int64)
        """Which night each of them was."""
        self.count = np.zeros(len(least), dtype=np.int64)

    def add(self, number: int, values: Values) -> None:
        """One night's value of each series; nan where it was not measured, or not validly."""
        valid = np.flatnonzero(~np.isnan(values))
        for kept, new in ((self.nights, values[valid]), (self.numbers, number)):
            kept[valid, :-1] = kept[valid, 1:]
            kept[valid, -1] = new
        self.count[valid] = np.minimum(self.count[valid] + 1, MEMORY)

    def take(self, row: int, newest: int) -> tuple[NDArray[np.int64], Values]:
        """Take the newest nights of one series, their numbers and values, out of its level."""
        at = MEMORY - newest
        taken = self.numbers[row, at:].copy(), self.nights[row, at:].copy()
        self.nights[row], self.numbers[row] = np.roll(self.nights[row], newest), np.roll(self.numbers[row], newest)
        self.nights[row, :newest] = np.nan
        self.count[row] -= newest
        return taken

    def restart(self, row: int, numbers: NDArray[np.int64], values: Values) -> None:
        """Begin the level of one series anew with these nights."""
        self.nights[row], self.count[row] = np.nan, 0
        self.extend(row, numbers, values)

    def extend(self, row: int, numbers: NDArray[np.int64], values: Values) -> None:
        """Add nights to the level of one series."""
        self.nights[row] = np.concatenate([self.nights[row], values])[-MEMORY:]
        self.numbers[row] = np.concatenate([self.numbers[row], numbers])[-MEMORY:]
        self.count[row] = min(self.count[row] + len(values), MEMORY)

    def estimates(self) -> Estimates:
        """Of every series; meaningless for one without nights."""
        present = ~np.isnan(self.nights)
        count = np.maximum(self.count, 1)
        place = _median(self.nights, self.count)
        distances = np.where(present, self.nights - place[:, None], 0.0)
        far = np.where(present, np.abs(distances), np.nan)
        spread = np.maximum(_MAD * _median(far, self.count), self.least)
        for _ in range(_STEPS):
            limit = (CLIP * spread)[:, None]
            clipped = np.clip(distances, -limit, limit)
            variance = (clipped**2).sum(axis=1) / (np.maximum(count - 1, 1) * _CONSISTENT)
            spread = np.maximum(np.sqrt(variance), self.least)
        limit = (CLIP * spread)[:, None]
        clipped = np.clip(distances, -limit, limit)
        centred = np.where(present, clipped - (clipped.sum(axis=1) / count)[:, None], 0.0)
        prior = _PRIOR_NIGHTS * spread**2
        together = (centred[:, 1:] * centred[:, :-1]).sum(axis=1) + _PRIOR_CORRELATION * prior
        correlation = np.clip(together / ((centred[:, :-1] ** 2).sum(axis=1) + prior), 0.0, _MOST_CORRELATION)
        return Estimates(place, spread, correlation, distances, clipped)


def _median(values: Values, count: NDArray[np.int64]) -> Values:
    """Of each row's `count` values; the others are nan, which sorting puts last."""
    ordered = np.sort(values, axis=1)
    rows = np.arange(len(values))
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    middle: Values = 0.5 * (ordered[rows, low] + ordered[rows, np.minimum(high, values.shape[1] - 1)])
    return middle
