"""The evidence that an error rate has changed: the odds of each run to be the first of a shift, against none.

Shiryaev and Roberts's statistic, as for the other metrics (`loadtasks.verdict.history.evidence`), but exact for counts:
nothing is estimated and put in. The error rate before, that after and how much runs vary are on a grid
(`loadtasks.verdict.history.failure_counts`), and the likelihoods of all runs are summed over it. With a prior for the
rate (`PRIOR`) a series needs no minimum length: a baseline of one run merely leaves many rates possible.

With `posterior` the probability of each variation and rate without a shift, and `shifted` the odds of those after one,
a run with the likelihood m makes of them

    shifted' = (shifted + posterior x shifts) x m / p        posterior' = posterior x m / p

where p, the sum of posterior x m, is the probability of the run without a shift, and `shifts` says which rates a rate
may become. Without a shift `shifted` minus the number of runs is a martingale (Pollak 1985, "Optimal detection of a
change in distribution", Annals of Statistics 13:206): the mean time to a sum of at least A is at least A runs.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS, Values
from loadtasks.verdict.history.failure_counts import CVS, RATES

MIN_RATIO = 2.0
"""An error rate at most so many times as high as before, or as low, is no change that is reported ..."""
MIN_DIFFERENCE = 1e-4
"""... nor is one that differs by no more than 100 per million."""
_PRIOR_SLOPE = 0.35
"""The prior of a rate falls with its power -0.35: of a hundred series, eighty fail fewer than 10 of a million requests,
and one more than 1 %. It matters in young baselines (`python -m benchmarks.verdict.error_rates`)."""
_PRIOR_CVS = (0.3, 0.2, 0.2, 0.2, 0.1)
"""Of each of `CVS`: mild variation is the more usual one, and a series without an error shows nothing of it."""
_BURST_SHARE, _BURST_RUNS = 0.005, 20.0
"""The share of runs that meet a burst before any is seen, and how many runs that is worth. `python -m
benchmarks.verdict.error_rates` simulates one in thirty."""
_FADING = 1 - 1 / 50
"""What a run leaves of the odds of the shifts before it, so that a shift is one of the newest runs: about 50."""
_FORGETTING_RUNS = 9
_FORGETTING = 1 - _FORGETTING_RUNS / MAX_BASELINE_RUNS
"""After so many runs, the power of the likelihood that is kept: in all that of `MAX_BASELINE_RUNS` runs."""
_MIN_PROBABILITY = 1e-30
"""Keeps every rate possible, however many runs speak against it."""


def _prior() -> Values:
    spacing = np.gradient(np.log(RATES))
    rates = spacing * RATES**-_PRIOR_SLOPE
    prior: Values = np.array(_PRIOR_CVS)[:, None] * rates / rates.sum()
    return prior


def _shifts(worse: bool) -> Values:
    before, after = RATES[:, None], RATES[None, :]
    low, high = (before, after) if worse else (after, before)
    allowed = (high >= MIN_RATIO * low * (1 - 1e-9)) & (high - low >= MIN_DIFFERENCE * (1 - 1e-9))
    weights: Values = np.where(allowed, np.gradient(np.log(RATES))[None, :], 0.0)
    normed: Values = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    return normed


PRIOR: Values = _prior()
"""The probability of each coefficient of variation and rate before any run is seen; shape: CVs x rates."""
RISES: Values = _shifts(worse=True)
"""The probability of each rate after a shift for the worse, by the rate before: uniform in logarithms over those beyond
the minimum effect; shape: rates x rates."""
FALLS: Values = _shifts(worse=False)
"""The same of a shift for the better."""
_BOTH = np.concatenate([RISES, FALLS], axis=1)


@dataclass(frozen=True)
class RateEvidence:
    """What the runs of several series say of their error rates."""

    posterior: Values
    """The probability of each coefficient of variation and rate, if there was no shift; shape: series x CVs x rates."""
    shifted: Values
    """The odds of each coefficient of variation and rate after a shift for the worse (first) and for the better; shape:
    series x CVs x 2 x rates."""
    runs: Values
    """How many runs there were; shape: series."""
    bursts: Values
    """How many of them met a burst, by its probability, older ones forgotten; shape: series."""
    burst: Values
    """The probability that the newest run met one; shape: series."""

    @classmethod
    def before_any_run(cls, series: int) -> Self:
        """Nothing is known but the prior."""
        zero = np.zeros(series)
        shifted = np.zeros((series, len(CVS), 2, len(RATES)))
        return cls(np.repeat(PRIOR[None], series, axis=0), shifted, zero, zero, zero)

    @property
    def burst_share(self) -> Values:
        """The share of runs that meet a burst; shape: series."""
        seen = np.minimum(self.runs, MAX_BASELINE_RUNS)
        share: Values = (_BURST_SHARE * _BURST_RUNS + self.bursts) / (_BURST_RUNS + seen)
        return share

    @cached_property
    def worse(self) -> Values:
        """The log odds of a shift for the worse; shape: series."""
        return _logarithm(self.shifted[:, :, 0].sum(axis=(1, 2)))

    @cached_property
    def better(self) -> Values:
        """The log odds of a shift for the better; shape: series."""
        return _logarithm(self.shifted[:, :, 1].sum(axis=(1, 2)))

    def after(self, likelihoods: Values, valid: NDArray[np.bool_]) -> "RateEvidence":
        """With one more run.

        Args:
            likelihoods: The run's, as `FailureCounts.likelihoods` gives them; shape: series x 2 x CVs x rates.
            valid: Whether each series has a valid run; shape: series.
        """
        share = np.where(valid, self.burst_share, 0.0)[:, None, None]
        regular = (1 - share) * likelihoods[:, 0]
        likelihood = regular + share * likelihoods[:, 1]
        joint = self.posterior * likelihood
        probability = joint.sum(axis=(1, 2))
        first = self.runs == 0
        shifted = self.shifted + (self.posterior @ _BOTH).reshape(self.shifted.shape)
        shifted *= (likelihood * (_FADING / probability)[:, None, None])[:, :, None]
        if first.any():
            shifted[first] = 0.0
        # A burst is over by the next run: what goes on is none, and must not pass for one.
        met = 1 - np.minimum((self.posterior * regular).sum(axis=(1, 2)) / probability, 1.0)
        bursts, runs, posterior = self.bursts + self.burst * (1 - met), self.runs + valid, joint
        posterior /= probability[:, None, None]
        np.maximum(posterior, _MIN_PROBABILITY, out=posterior)
        if not valid.all():
            shifted[~valid], met[~valid], bursts[~valid] = self.shifted[~valid], self.burst[~valid], self.bursts[~valid]
        due = valid & (runs % _FORGETTING_RUNS < 1)
        if due.any():
            faded = posterior[due] ** _FORGETTING * PRIOR ** (1 - _FORGETTING)
            posterior[due] = faded / faded.sum(axis=(1, 2), keepdims=True)
            bursts[due] *= _FORGETTING
        return RateEvidence(posterior, shifted, runs, bursts, met)

    def without_shifts(self) -> "RateEvidence":
        """With the evidence of shifts to be collected anew."""
        return replace(self, shifted=np.zeros_like(self.shifted))

    def replaced(self, row: int, other: "RateEvidence") -> "RateEvidence":
        """With one series as it is in evidence of this series alone."""
        arrays = []
        for name in ("posterior", "shifted", "runs", "bursts", "burst"):
            array = getattr(self, name).copy()
            array[row] = getattr(other, name)[0]
            arrays.append(array)
        return RateEvidence(*arrays)


def _logarithm(odds: Values) -> Values:
    with np.errstate(divide="ignore"):
        logarithm: Values = np.log(odds)
    return logarithm
