"""The evidence of runs that are far from the level, by how often the series itself has such runs.

In a series without outliers, two or three far runs in a row are a shift. In one that meets a slower host with every
third run they are nothing. So the share of far runs, and that of far runs which follow another, are learnt from the
runs before the first one that may be of a shift; both begin with a prior (the mean of a beta distribution).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtasks.verdict.history.baselines import Values

_FAR_SCALES = 2.2
"""Scales from the level beyond which a run is far off."""
_SHARE_SHIFTED = 0.9
"""The share of runs that are far off after a large shift."""
_PRIOR_SHARE, _PRIOR_RUNS = 0.05, 20.0
"""The share of far runs before any is seen, and how many runs that is worth."""
_PRIOR_FOLLOWING, _PRIOR_FAR = 0.05, 4.0
"""The share of far runs among those that follow a far one, before any is seen, and how many far runs that is worth."""
_MIN_SHARE, _MAX_SHARE = 0.001, 0.95
_RECENT = 4
"""Without a far run among the newest four there is no evidence of a large shift."""
_PRIOR = -2.5
"""Log odds of a large shift before any run is seen."""


@dataclass(frozen=True)
class FarRuns:
    """The runs of each series, the newest first."""

    scales: Values
    """How many scales each run is above the level, by its mildest repetition; shape: series x runs."""
    weight: Values
    """The effective number of repetitions of each run: correlated ones count for fewer; shape: series x runs."""
    count: NDArray[np.int64]
    """How many runs each series has."""

    def replace(self, rows: NDArray[np.int64], others: "FarRuns") -> None:
        """Put some of the series in the place of these."""
        self.scales[rows], self.weight[rows], self.count[rows] = others.scales, others.weight, others.count

    def log_odds(self, sign: float, longest: int) -> Values:
        """Log odds of a large shift that has lasted 1, 2, ... runs; shape: series x `longest`.

        `sign`: 1 for a shift upwards, -1 for one downwards.
        """
        far = sign * self.scales > _FAR_SCALES
        odds = np.full((len(far), longest), _PRIOR)
        rows = np.flatnonzero(far[:, :_RECENT].any(axis=1))  # without a far run of late there is nothing to find
        if len(rows):
            odds[rows] = self._of(far[rows], self.weight[rows], self.count[rows], longest)
        return odds

    def _of(self, far: NDArray[np.bool_], weights: Values, count: NDArray[np.int64], longest: int) -> Values:
        following = np.zeros_like(far)
        following[:, :-1] = far[:, :-1] & far[:, 1:]  # the run before is far as well
        before = np.maximum(count[:, None] - np.arange(1, longest + 1), 0)
        far_before, following_before = _older(far, longest), _older(following, longest)
        share = (_PRIOR_RUNS * _PRIOR_SHARE + far_before) / (_PRIOR_RUNS + before)
        share = np.clip(share, _MIN_SHARE, _MAX_SHARE)
        again = (_PRIOR_FAR * _PRIOR_FOLLOWING + following_before) / (_PRIOR_FAR + far_before)
        again = np.clip(again, share, _MAX_SHARE)
        near = math.log(1 - _SHARE_SHIFTED) - np.log1p(-share)
        alone, repeated = math.log(_SHARE_SHIFTED) - np.log(share), math.log(_SHARE_SHIFTED) - np.log(again)
        weight, newest, follows = weights[:, :longest], far[:, :longest], following[:, :longest]
        odds: Values = (
            _PRIOR
            + np.where(newest, weight * alone, near)
            + _newer(weight * (newest & ~follows)) * alone
            + _newer(weight * follows) * repeated
            + _newer(~newest) * near
        )
        return odds


def _older(runs: NDArray[np.bool_], longest: int) -> NDArray[np.int64]:
    """How many of the runs older than the newest 1, 2, ... are so."""
    until = np.cumsum(runs, axis=1)
    older: NDArray[np.int64] = until[:, -1:] - until[:, :longest]
    return older


def _newer(runs: NDArray[np.float64] | NDArray[np.bool_]) -> Values:
    """The sum over the runs that are newer than each."""
    until = np.cumsum(runs, axis=1, dtype=np.float64)
    return until - runs
