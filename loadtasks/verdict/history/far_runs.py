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

from loadtasks.verdict.history.baselines import MAX_RUNS_SINCE_CHANGE, Values

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
_NEWER: Values = np.triu(np.ones((MAX_RUNS_SINCE_CHANGE, MAX_RUNS_SINCE_CHANGE)), k=1)
"""1 where the run of the row is newer than that of the column."""


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
    measured: NDArray[np.int8]
    """How many measurements each run has; shape: series x runs."""
    count: NDArray[np.int64]
    """How many runs each series has."""

    def replace(self, rows: NDArray[np.int64], others: "FarRuns") -> None:
        """Put some of the series in the place of these."""
        for name in (field.name for field in fields(self)):
            getattr(self, name)[rows] = getattr(others, name)

    def of_late(self) -> tuple[NDArray[np.int64], Values]:
        """The series with a far run of late, each with its side: first 1, above the level, then -1, below it."""
        scales = self._scales(slice(None), _RECENT)
        above, below = (np.flatnonzero(far.any(axis=1)) for far in (scales > _FAR_SCALES, scales < -_FAR_SCALES))
        return np.concatenate([above, below]), np.repeat([1.0, -1.0], [len(above), len(below)])

    def log_odds(self, rows: NDArray[np.int64], sign: Values) -> Values:
        """Log odds of a large shift that has lasted 1, 2, ... `MAX_RUNS_SINCE_CHANGE` runs; a row a series.

        Args:
            rows: Which series: those with a far run of late, since without one there is nothing to find.
            sign: 1 for a shift upwards, -1 for one downwards; shape: rows.
        """
        runs = np.zeros((2, len(rows), self.mildest.shape[1]), dtype=np.bool_)
        far, following = runs
        np.greater(sign[:, None] * self._scales(rows, runs.shape[2]), _FAR_SCALES, out=far)
        np.logical_and(far[:, :-1], far[:, 1:], out=following[:, :-1])  # the run before is far as well
        newest = runs[:, :, :MAX_RUNS_SINCE_CHANGE]
        newer = sum_of_newer(newest)
        lasted = np.arange(MAX_RUNS_SINCE_CHANGE)
        before = np.maximum(self.count[rows, None] - lasted - 1, 0)
        far_before, following_before = np.count_nonzero(runs, axis=2)[:, :, None] - newer - newest
        share = (_PRIOR_RUNS * _PRIOR_SHARE + far_before) / (_PRIOR_RUNS + before)
        share = np.minimum(np.maximum(share, _MIN_SHARE), _MAX_SHARE)
        expected = _following(self.autocorrelation[rows])[:, None]
        again = (_PRIOR_FAR * expected + following_before) / (_PRIOR_FAR + far_before)
        again = np.minimum(np.maximum(again, share), _MAX_SHARE)
        near = math.log(1 - _SHARE_SHIFTED) - np.log1p(-share)
        alone, repeated = math.log(_SHARE_SHIFTED) - np.log(share), math.log(_SHARE_SHIFTED) - np.log(again)
        is_far, follows = newest
        alike = self.alike[rows, None]
        weight = alike + (1.0 - alike) * self.measured[rows, : -MAX_RUNS_SINCE_CHANGE - 1 : -1]  # effective repetitions
        newer_alone, newer_repeated = sum_of_newer(weight * np.stack([is_far & ~follows, follows]))
        odds: Values = (
            NO_FAR_RUN
            + np.where(is_far, weight * alone, near)
            + newer_alone * alone
            + newer_repeated * repeated
            + (lasted - newer[0]) * near
        )
        return odds

    def _scales(self, rows: NDArray[np.int64] | slice, newest: int) -> Values:
        """How many scales each of the newest runs is above the level, the newest first; shape: rows x `newest`."""
        scales: Values = self.mildest[rows, : -newest - 1 : -1] / self.scale[rows, None]
        return scales


def sum_of_newer(runs: NDArray[np.float64] | NDArray[np.bool_]) -> Values:
    """The sum over the runs that are newer than each, of rows of the `MAX_RUNS_SINCE_CHANGE` newest, the newest first.

    A product of matrices takes a third of the time that `cumsum` takes with rows so short.
    """
    summed: Values = runs @ _NEWER
    return summed


def _following(autocorrelation: Values) -> Values:
    """The share of far runs among those that follow one, of normal values that are correlated of first order."""
    distance = (_FAR_SCALES - autocorrelation * _MEAN_FAR) / np.sqrt(1.0 - autocorrelation**2)
    share: Values = ndtr(-distance)
    return share
