"""How probable the failed requests of a run are at an error rate: beta-binomial counts, and bursts that are soon over.

Requests of one run don't fail independently: a pool that is exhausted, a restart or a slow dependency fails many at
once. So the error rate of a run is itself drawn, about the error rate of the series, from a beta distribution (Skellam
1948, "A probability distribution derived from the binomial distribution by regarding the probability of success as
variable between the sets of trials", JRSS B 10:257). Its coefficient of variation is one of `CVS`; which of them, and
which of the rates in `RATES`, a series shows by its runs.

Besides, a run may meet a _burst_: something that is over by the next run, in which anything from a few to all requests
fail. What a run proves is bounded by that: however many requests failed, it may have been a burst. The repetitions of a
run may have one rate or one each, which is as probable. A burst is shared by a repetition with the one before it with a
probability of `PERSISTENCE`.

Probabilities are given relative to the highest of a run, and without the binomial coefficients, which are the same for
all rates.
"""

import math
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from loadtasks.verdict.history.baselines import Values

RATES: Values = np.concatenate([[1e-7, 1e-6, 1e-5, 4e-5], np.geomspace(1e-4, 0.9, 24)])
"""The error rates that are considered: above 100 per million in steps of 1.5, which the smallest of `CVS` blurs."""
CVS: Values = np.array([0.3, 0.6, 1.0, 2.0, 4.0])
"""The coefficients of variation of the error rate from run to run that are considered. No run is taken for purely
binomial: of a million requests, a tenth more failures would be a proof of a change, and no two runs are that alike."""
PERSISTENCE = 0.3
"""The probability that a burst lasts into the next repetition; as of the disturbances of response times."""
_BURST_SHAPE = (0.5, 2.0)
"""The beta distribution of a burst's error rate: a fifth of the requests in the mean, and mostly few."""
_MIN_PRECISION = 0.5
"""A beta distribution of a high rate can't vary by the larger of `CVS`; this one has two humps, at no and at all."""
_EXACT = 64
"""So many failed requests are counted one by one; more of them, and requests, in steps of `_STEP`, far below what
chance makes of them, so that few counts have to be computed."""
_STEP = 0.02
_MIN_LOGARITHM = -200.0
_MIN_CACHED, _MAX_CACHED = 256, 8192

Counts = NDArray[np.int64]
"""How many requests failed, and of how many; the last axis has these two. Without requests there is no measurement."""


class _BetaBinomial:
    """Failed requests at rates that are drawn from beta distributions."""

    def __init__(self, failing: float | Values, succeeding: float | Values) -> None:
        self._failing, self._succeeding = failing, succeeding
        self._norm = betaln(failing, succeeding)

    @classmethod
    def varying(cls, rate: float | Values, cv: float | Values) -> Self:
        """With these means and coefficients of variation."""
        precision = np.maximum((1 - rate) / (rate * cv**2) - 1, _MIN_PRECISION)
        return cls(rate * precision, (1 - rate) * precision)

    def log_probability(self, failed: float, requests: float) -> Values:
        """Of one measurement, without the binomial coefficient."""
        logarithm: Values = betaln(failed + self._failing, requests - failed + self._succeeding) - self._norm
        return logarithm

    def together(self, counts: Sequence[tuple[float, float]]) -> float | Values:
        """Of several repetitions whose intraclass correlation isn't known: with one rate for all, or one for each."""
        if not counts:
            return 0.0
        failed, requests = (sum(numbers) for numbers in zip(*counts, strict=True))
        shared = self.log_probability(failed, requests)
        if len(counts) == 1:
            return shared
        apart = sum(self.log_probability(*measured) for measured in counts)
        together: Values = np.logaddexp(shared, apart) - math.log(2)
        return together


_BURST = _BetaBinomial(*_BURST_SHAPE)


class FailureCounts:
    """Computes the likelihoods of runs; those of counts that come again are remembered."""

    def __init__(self) -> None:
        """Begin with the grid of all rates and their variation."""
        self._regular = _BetaBinomial.varying(RATES, CVS[:, None])
        self._places: dict[tuple[int, ...], int] = {}
        self._table: Values = np.ones((_MIN_CACHED, 2, len(CVS), len(RATES)))

    def likelihoods(self, counts: Counts) -> Values:
        """The probability of the failed requests of some runs, for each coefficient of variation and rate.

        Without a burst, and with a burst in one or several repetitions; 1 where there is no run.

        Args:
            counts: How many requests failed and how many there were; shape: runs x repetitions x 2.

        Returns:
            Shape: runs x 2 (without a burst, with one) x CVs x rates.
        """
        if len(self._places) > _MAX_CACHED:
            self._places.clear()
        places = [self._place(tuple(steps)) for steps in _in_steps(counts).reshape(len(counts), -1).tolist()]
        likelihoods: Values = self._table[places]
        return likelihoods

    def _place(self, steps: tuple[int, ...]) -> int:
        """The row of the table for these steps of failed and all requests, a pair a repetition."""
        place = self._places.get(steps)
        if place is None:
            place = self._places[steps] = len(self._places)
            if place >= len(self._table):
                self._table = np.concatenate([self._table, np.ones_like(self._table)])
            pairs = zip(map(_from_steps, steps[::2]), map(_from_steps, steps[1::2]), strict=True)
            self._table[place] = self._compute(
                [(min(failed, requests), requests) for failed, requests in pairs if requests]
            )
        return place

    def _compute(self, counts: Sequence[tuple[float, float]]) -> Values:
        """The likelihoods of one run's repetitions, the highest of them 1; shape: 2 x CVs x rates."""
        if not counts:
            return np.ones(self._table.shape[1:])
        last = len(counts) - 1
        bursts = []
        for first in range(len(counts)):
            for end in range(first, len(counts)):
                weight = (end - first) * math.log(PERSISTENCE)
                weight += ((first > 0) + (end < last)) * math.log(1 - PERSISTENCE)
                others = [*counts[:first], *counts[end + 1 :]]
                bursts.append(weight + _BURST.together(counts[first : end + 1]) + self._regular.together(others))
        regular = np.asarray(self._regular.together(counts))
        logarithms = np.stack([regular, np.logaddexp.reduce([np.broadcast_to(one, regular.shape) for one in bursts])])
        likelihoods: Values = np.exp(np.maximum(logarithms - logarithms.max(), _MIN_LOGARITHM))
        return likelihoods


def log_probability(failed: float, requests: float, rate: float, cv: float) -> float:
    """The log probability of a run's failed requests, without the binomial coefficient."""
    return float(_BetaBinomial.varying(rate, cv).log_probability(failed, requests))


def _in_steps(counts: Counts) -> Counts:
    """Counts as the numbers of their steps; of the same shape."""
    above = _EXACT + np.rint(np.log(np.maximum(counts, 1) / _EXACT) / _STEP)
    steps: Counts = np.where(counts <= _EXACT, counts, above).astype(np.int64)
    return steps


def _from_steps(step: int) -> float:
    """The count in the middle of a step."""
    return float(step) if step <= _EXACT else _EXACT * math.exp((step - _EXACT) * _STEP)
