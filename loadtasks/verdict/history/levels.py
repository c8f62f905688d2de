"""The level that a series stands at: its place, its spread from night to night, and how far one night tells the next.

Many series are kept side by side, a row each, so that a night of all of them costs a few array operations. Values are
whatever adds up, for times their logarithm. Every series keeps its last `MEMORY` valid nights since its level began,
each with all the measurements (repetitions) that were made in it.
"""

import math
from dataclasses import dataclass
from typing import Self

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
MAX_REPETITIONS = 4
"""Measurements of one night at most."""
_PRIOR_ALIKE = 0.4
_PRIOR_PAIRS = 4.0


def _clipped_variance(clip: float) -> float:
    """The variance of a standard normal whose values are clipped at so many spreads."""
    outside = 1.0 - float(ndtr(clip))
    density = math.exp(-0.5 * clip * clip) / math.sqrt(2 * math.pi)
    return 1.0 - 2.0 * outside - 2.0 * clip * density + 2.0 * clip * clip * outside


_CONSISTENT = _clipped_variance(CLIP)


@dataclass(frozen=True)
class Stretch:
    """Nights of one series in a row, the newest last."""

    numbers: NDArray[np.int64]
    """Which night each of them was."""
    repetitions: Values
    """Nights, repetitions: the first measurement of each and those made again; nan where there are no more."""

    @classmethod
    def night(cls, number: int, value: float) -> Self:
        """One night that was measured once."""
        return cls(np.array([number]), np.array([[value] + [np.nan] * (MAX_REPETITIONS - 1)]))

    @property
    def means(self) -> Values:
        """Each night's."""
        means: Values = np.nanmean(self.repetitions, axis=1)
        return means

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, part: slice) -> "Stretch":
        return Stretch(self.numbers[part], self.repetitions[part])

    def __add__(self, later: "Stretch") -> "Stretch":
        both = (self, later)
        return Stretch(
            np.concatenate([side.numbers for side in both]), np.concatenate([side.repetitions for side in both])
        )

    def __mul__(self, sign: float) -> "Stretch":
        return Stretch(self.numbers, self.repetitions * sign)


@dataclass(frozen=True)
class Estimates:
    """What the nights of each series tell of its level; an item or a row a series, the newest night last.

    Place, spread and correlation are those of the nights' first measurements, for which nobody chose the nights. The
    spread is Huber's proposal 2 (Huber 1964, "Robust estimation of a location parameter"), begun from the median
    absolute deviation. The correlation of neighbouring nights is shrunk towards a mild positive one, as if that had
    been seen in 20 nights, since a few weeks say little of it (the posterior mean under a normal prior).
    """

    place: Values
    """Median."""
    spread: Values
    """Standard deviation from night to night, outlier nights aside."""
    correlation: Values
    """Of neighbouring nights, 0 to 0.8."""
    alike: Values
    """The correlation of measurements of one night, 0 to 1: the share of the variance that is the night's own."""
    mildest: Values
    """How far each night is from the place, by its measurement that is nearest to it; 0 where they lie on both sides of
    it, or there is no night."""
    clipped: Values
    """The same by the mean of its measurements, outlying ones clipped."""


class Levels:
    """The nights that the levels of several series rest on."""

    def __init__(self, least: Values) -> None:
        """`least`: the spread of each series that is taken for real at least."""
        self.least = least
        self.repetitions: Values = np.full((len(least), MEMORY, MAX_REPETITIONS), np.nan)
        """Right-aligned: the newest night is last; nan where there is none yet, or no further measurement of it."""
        self.numbers = np.zeros((len(least), MEMORY), dtype=np.int64)
        """Which night each of them was."""
        self.count = np.zeros(len(least), dtype=np.int64)

    @property
    def nights(self) -> Values:
        """The first measurements."""
        return self.repetitions[:, :, 0]

    @property
    def measured(self) -> NDArray[np.int64]:
        """How often the newest night of each series was measured."""
        number: NDArray[np.int64] = (~np.isnan(self.repetitions[:, -1])).sum(axis=1)
        return number

    def add(self, number: int, values: Values) -> None:
        """One night's first measurement of each series; nan where it was not measured, or not validly."""
        valid = np.flatnonzero(~np.isnan(values))
        for kept in (self.repetitions, self.numbers):
            kept[valid, :-1] = kept[valid, 1:]
        self.numbers[valid, -1] = number
        self.repetitions[valid, -1] = np.nan
        self.repetitions[valid, -1, 0] = values[valid]
        self.count[valid] = np.minimum(self.count[valid] + 1, MEMORY)

    def add_again(self, values: Values) -> None:
        """One more measurement of each series' newest night, up to `MAX_REPETITIONS`; nan of a series without."""
        valid = np.flatnonzero(~np.isnan(values))
        self.repetitions[valid, -1, self.measured[valid]] = values[valid]

    def stretch(self, row: int) -> Stretch:
        """All nights of one series."""
        since = MEMORY - int(self.count[row])
        return Stretch(self.numbers[row, since:].copy(), self.repetitions[row, since:].copy())

    def take(self, row: int, newest: int) -> Stretch:
        """Take the newest nights of one series out of its level."""
        stretch = self.stretch(row)
        self.restart(row, stretch[: len(stretch) - newest])
        return stretch[len(stretch) - newest :]

    def restart(self, row: int, stretch: Stretch) -> None:
        """Begin the level of one series anew with these nights."""
        stretch = stretch[-MEMORY:]
        since = MEMORY - len(stretch)
        self.repetitions[row, :since] = np.nan
        self.repetitions[row, since:], self.numbers[row, since:] = stretch.repetitions, stretch.numbers
        self.count[row] = len(stretch)

    def extend(self, row: int, stretch: Stretch) -> None:
        """Add nights to the level of one series."""
        self.restart(row, self.stretch(row) + stretch)

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
        alike = np.full(len(place), _PRIOR_ALIKE)
        several = np.argwhere(~np.isnan(self.repetitions[:, :, 1]))
        if len(several):
            rows, nights = several.T
            repetitions = self.repetitions[rows, nights] - place[rows, None]
            least, most = np.nanmin(repetitions, axis=1), np.nanmax(repetitions, axis=1)
            distances[rows, nights] = np.where(least > 0, least, np.minimum(most, 0.0))
            clipped[rows, nights] = np.nanmean(np.clip(repetitions, -limit[rows], limit[rows]), axis=1)
            alike = _alike(rows, repetitions, spread)
        return Estimates(place, spread, correlation, alike, distances, clipped)


def _alike(rows: NDArray[np.int64], repetitions: Values, spread: Values) -> Values:
    """How alike measurements of one night are, by the variance within the nights that have several, of these rows.

    A change makes no difference to it. Which nights are measured again depends on their first measurement, and with
    that the difference to the second one; not so the differences of those that follow, nor where it was made whatever
    the first one showed: such nights have two. Measurements far from their night's median are clipped.

    Shrunk towards 0.4, as if that had been seen in 4 pairs.
    """
    chosen = ~np.isnan(repetitions[:, 2:3]) & (np.arange(MAX_REPETITIONS) == 0)
    counted = np.where(chosen, np.nan, repetitions)
    number = (~np.isnan(counted)).sum(axis=1)
    limit = (CLIP * spread[rows])[:, None]
    apart = np.clip(counted - np.nanmedian(counted, axis=1)[:, None], -limit, limit)
    within = np.nanvar(apart, axis=1) * number
    seen = np.bincount(rows, number - 1, len(spread))
    differ = np.bincount(rows, within, len(spread)) / spread**2
    differ = (differ + (1 - _PRIOR_ALIKE) * _PRIOR_PAIRS) / (seen + _PRIOR_PAIRS)
    alike: Values = np.clip(1.0 - differ, 0.0, 1.0)
    return alike


def _median(values: Values, count: NDArray[np.int64]) -> Values:
    """Of each row's `count` values; the others are nan, which sorting puts last."""
    ordered = np.sort(values, axis=1)
    rows = np.arange(len(values))
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    middle: Values = 0.5 * (ordered[rows, low] + ordered[rows, np.minimum(high, values.shape[1] - 1)])
    return middle
