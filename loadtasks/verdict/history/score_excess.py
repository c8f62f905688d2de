"""How much more the scores of a series vary than their model says.

A score (see `evidence`) has a variance of 1 where runs are correlated of first order and nothing else. The runs of a
real machine also wander: means of 7 to 14 runs vary 2 to 3 times what first-order correlation gives, in some series.
So the variance of each score, that of the newest run up to that of the newest 24, is measured in the series itself.
This is a long-run variance by batch means (Flegal and Jones 2010, "Batch means and spectral variance estimators in
Markov chain Monte Carlo") of several lengths, with a prior of 1. Scores are divided by its root, never by less than 1.
"""

import numpy as np
from numpy.typing import NDArray

from loadtasks.verdict.history.baselines import MAX_RUNS_SINCE_CHANGE, Values

_HALF_LIFE_RUNS = 120.0
_PRIOR_BATCHES = 24.0
"""How many independent scores the prior is worth. Scores of n runs overlap, so that it is worth n times as many."""
_MAX_SCORE = 4.0
_DELAY_RUNS = MAX_RUNS_SINCE_CHANGE + 1
"""A score counts only after so many runs: what turns out to be a change by then is no noise."""


class ScoreExcess:
    """The measured variance of the scores of several series."""

    def __init__(self, series: int) -> None:
        """Begin without any run."""
        shape = (series, MAX_RUNS_SINCE_CHANGE)
        self._squares, self._weight = np.zeros(shape), np.zeros(shape)
        self._waiting = np.full((_DELAY_RUNS, *shape), np.nan)
        self._next = 0
        self._decay = 0.5 ** (1 / _HALF_LIFE_RUNS)
        self._prior = _PRIOR_BATCHES * np.arange(1.0, MAX_RUNS_SINCE_CHANGE + 1)
        self.factor: Values = np.ones(shape)
        """By which factor the scores vary more than their model says, at least 1; shape: series x runs that a shift may
        have lasted."""

    def learn(self, score: Values, valid: NDArray[np.bool_]) -> None:
        """Learn from the scores of one more run.

        Args:
            score: nan where none is known; shape: series x runs that a shift may have lasted.
            valid: Whether the run has a value; shape: series.
        """
        seen = self._waiting[self._next]
        known = ~np.isnan(seen)
        limited = np.minimum(np.abs(seen), _MAX_SCORE)
        np.copyto(self._squares, self._squares * self._decay + limited**2, where=known)
        np.copyto(self._weight, self._weight * self._decay + 1.0, where=known)
        self._waiting[self._next] = np.where(valid[:, None], score, np.nan)
        self._next = (self._next + 1) % _DELAY_RUNS
        variance = (self._prior + self._squares) / (self._prior + self._weight)
        self.factor = np.sqrt(np.maximum(variance, 1.0))

    def forget_newest(self, row: int) -> None:
        """The newest scores of a series show a change, and no noise."""
        self._waiting[:, row] = np.nan
