"""The evidence of runs that are far from the level, by how often the series itself has such runs.

In a series without outliers, two or three far runs in a row are a shift. In one that meets a slower host with every
third run they are nothing. So the share of far runs, and that of far runs which follow another, are learnt from the
runs before the first one that may be of a shift; both begin with a prior (the mean of a beta distribution). Where runs
are correlated, a far run is often followed by another: the second prior is what the autocorrelation gives that is
usual there.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from loadtasks.verdict.history.baselines import Values

_FAR_SCALES = 2.2
"""Scales from the level beyond which a run is far off."""
_SHARE_SHIFTED = 0.9
"""The share of runs that are far off after a large shift."""
_PRIOR_SHARE, _PRIOR_RUNS = 0.05, 20.0
"""The share of far runs before any is seen, and how many runs that is worth."""
_MEAN_FAR = 2.56
"""The mean of those values of a standard normal variable that are above `_FAR_SCALES`."""
_PRIOR_FAR = 4.0
"""How many far runs the prior is worth of the share of far runs among those that follow one."""
_MIN_SHARE, _MAX_SHARE = 0.001, 0.95
_RECENT = 4
"""Without a far run among the newest four there is no evidence of a large shift."""
NO_FAR_RUN = -2.5
"""Log odds of a large shift before any run is seen, and without a far run of late."""


@dataclass(frozen=True)
class FarRuns:
    """The runs of each series, the newest last."""

    mildest: Values
    """The distance of each run from the level by its mildest repetition; shape: series x runs."""
    scale: Values
    """How far one more run may be from the level: a scale. Shape: series."""
    alike: Values
    """How much the repetitions of one run agree, 0 to 1: those that do count for fewer; shape: series."""
    autocorrelation: Values
    """Of consecutive runs, as it is before the series shows its own; shape: series."""
    measured: NDArray[np.int64]
    """How many measurements each run has; shape: series x runs."""
    count: NDArray[np.int64]
    """How many runs each series has."""

    def replace(self, rows: NDArray[np.int64], others: "FarRuns") -> None:
        """Put some of the series in the place of these."""
        for name in (field.name for field in fields(self)):
            getattr(self, name)[rows] = getattr(others, name)

    def log_odds(self, rows: NDArray[np.int64], sign: Values, longest: int) -> Values:
        """Log odds of a large shift that has lasted 1, 2, ... runs; shape: rows x `longest`.

        Args:
            rows: The series that are asked for.
            sign: 1 for a shift upwards, -1 for one downwards; shape: rows.
            longest: How many runs a shift may have lasted at most.
        """
        odds = np.full((len(rows), longest), NO_FAR_RUN)
        late = np.flatnonzero((sign[:, None] * self._scales(rows, _RECENT) > _FAR_SCALES).any(axis=1))
        if len(late):  # without a far run of late there is nothing to find
            odds[late] = self._odds(rows[late], sign[late], longest)
        return odds

    def of_late(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether any of the newest runs of each series is far above the level, and whether any is far below."""
        scales = self._scales(slice(None), _RECENT)
        return np.logical_or.reduce(scales > _FAR_SCALES, axis=1), np.logical_or.reduce(scales < -_FAR_SCALES, axis=1)

    def _scales(self, rows: NDArray[np.int64] | slice, newest: int) -> Values:
        """How many scales each of the newest runs is above the level, the newest first; shape: rows x `newest`."""
        scales: Values = self.mildest[rows, : -newest - 1 : -1] / self.scale[rows, None]
        return scales

    def _odds(self, rows: NDArray[np.int64], sign: Values, longest: int) -> Values:
        runs = np.zeros((2, len(rows), self.mildest.shape[1]), dtype=np.bool_)
        far, following = runs
        np.greater(sign[:, None] * self._scales(rows, runs.shape[2]), _FAR_SCALES, out=far)
        np.logical_and(far[:, :-1], far[:, 1:], out=following[:, :-1])  # the run before is far as well
        before = np.maximum(self.count[rows, None] - np.arange(1, longest + 1), 0)
        until = np.cumsum(runs[:, :, :longest], axis=2)
        far_before, following_before = np.count_nonzero(runs, axis=2)[:, :, None] - until
        share = (_PRIOR_RUNS * _PRIOR_SHARE + far_before) / (_PRIOR_RUNS + before)
        share = np.minimum(np.maximum(share, _MIN_SHARE), _MAX_SHARE)
        expected = _following(self.autocorrelation[rows])[:, None]
        again = (_PRIOR_FAR * expected + following_before) / (_PRIOR_FAR + far_before)
        again = np.minimum(np.maximum(again, share), _MAX_SHARE)
        near = math.log(1 - _SHARE_SHIFTED) - np.log1p(-share)
        alone, repeated = math.log(_SHARE_SHIFTED) - np.log(share), math.log(_SHARE_SHIFTED) - np.log(again)
        alike, newest, follows = self.alike[rows, None], far[:, :longest], following[:, :longest]
        weight = alike + (1.0 - alike) * self.measured[rows, : -longest - 1 : -1]  # effective repetitions
        odds: Values = (
            NO_FAR_RUN
            + np.where(newest, weight * alone, near)
            + _newer(weight * (newest & ~follows)) * alone
            + _newer(weight * follows) * repeated
            + _newer(~newest) * near
        )
        return odds


def _following(autocorrelation: Values) -> Values:
    """The share of far runs among those that follow one, of normal values that are correlated of first order."""
    distance = (_FAR_SCALES - autocorrelation * _MEAN_FAR) / np.sqrt(1.0 - autocorrelation**2)
    share: Values = ndtr(-distance)
    return share


def _newer(runs: NDArray[np.float64] | NDArray[np.bool_]) -> Values:
    """The sum over the runs that are newer than each."""
    until = np.cumsum(runs, axis=1, dtype=np.float64)
    return until - runs
