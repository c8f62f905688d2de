"""The evidence for a change point: the odds of each recent run to be the first of a shift.

Shiryaev and Roberts's statistic (Shiryaev 1963; Roberts 1966, "A comparison of some control chart procedures"): the
likelihood ratios of "the level shifted with run v" against "no shift", summed over v. Each ratio is a Bayes factor: the
baseline's level is unknown and integrated out, the size of the shift has a half-normal prior as wide as the scale (a
unit-information prior), and consecutive runs are correlated of first order, so that innovations are judged. An
estimated scale makes the ratio a Student's; its score is converted to the normal's by Wallace's approximation (1959,
"Bounds on normal approximations to Student's and the chi-square distributions").

A run that looks worse is repeated, and the mean of its repetitions is its evidence. Repetitions are exchangeable, so
the ratio of all of them stays a likelihood ratio however it was decided to make more. A shift begins with a run, so the
number of repetitions alone is no evidence. What a repetition adds depends on the intraclass correlation, which the
series itself has shown: the mean of k repetitions has the variance `intraclass + (1 - intraclass) / k` of a single one.

A single run adds only a limited amount, so a large shift would take as many runs to find as a moderate one. Therefore
consecutive runs that are all far from the level are evidence too: outliers are rare, and rarely follow one another. The
same holds for repetitions of one run as far as they are not correlated, so that a large shift which all of them show is
found in its first run.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from loadtasks.verdict.history.baselines import Baselines, Values
from loadtasks.verdict.history.estimates import Estimates

MAX_RUNS_SINCE_CHANGE = 24
"""Only the newest 24 runs can be the first of a shift. The thresholds of `false_alarm_budget` are simulated
with this number."""
MIN_RUNS_BEFORE_CHANGE = 9
"""Runs that a baseline has at least before the first run of a shift; the thresholds of `false_alarm_budget` are
simulated with this number."""
_MIN_VARIANCE = 0.05
"""Keeps the variance of an innovation positive where a repeated run follows one that was measured once."""
_FAR_SCALES = 2.5
"""Scales from the level beyond which a run is far off. With the constants below and a budget of up to some 10,000
runs, two far runs alone raise no alarm and three do."""
_FAR_SHARE_BEFORE, _FAR_SHARE_AFTER = 0.05, 0.9
"""The share of runs that are far off: without a shift (the benchmark's series have 3 % outliers), and after a large
one."""
_FAR_PRIOR = -2.5
"""Log odds of a large shift before any run is seen."""


@dataclass(frozen=True)
class Evidence:
    """For each series (a row) and each number of runs that a shift may have lasted, 1 first (a column)."""

    score: Values
    """How many standard errors the runs since then are above the runs before; nan for columns that can't be judged."""
    information: Values
    """The inverse of the squared standard error, in units of the innovations' scale."""
    scales: Values
    """How many scales the first of these runs is above the level, by its mildest repetition."""
    number: Values
    """The effective number of repetitions of that run: correlated ones count for fewer."""

    def rise(self, runs_since_reset: NDArray[np.int64]) -> Values:
        """Log odds of a higher level since each of the newest runs; -inf before the evidence was last reset.

        Args:
            runs_since_reset: For each series, how many of its newest runs may be the first of a shift.
        """
        return self._log_odds(1.0, runs_since_reset)

    def fall(self, runs_since_reset: NDArray[np.int64]) -> Values:
        """Log odds of a lower level since each of the newest runs; -inf before the evidence was last reset.

        Args:
            runs_since_reset: For each series, how many of its newest runs may be the first of a shift.
        """
        return self._log_odds(-1.0, runs_since_reset)

    def _log_odds(self, sign: float, runs_since_reset: NDArray[np.int64]) -> Values:
        candidates = ~np.isnan(self.score) & (np.arange(MAX_RUNS_SINCE_CHANGE)[None, :] < runs_since_reset[:, None])
        moderate = np.where(candidates, _shift_log_odds(sign * self.score, self.information), -np.inf)
        large = np.where(candidates, self._large_shift(sign * self.scales), -np.inf)
        either: Values = np.logaddexp(moderate, large)
        return either

    def _large_shift(self, scales: Values) -> Values:
        far = math.log(_FAR_SHARE_AFTER / _FAR_SHARE_BEFORE)
        near = math.log((1 - _FAR_SHARE_AFTER) / (1 - _FAR_SHARE_BEFORE))
        odds: Values = _FAR_PRIOR + np.cumsum(np.where(scales > _FAR_SCALES, self.number * far, near), axis=1)
        return odds


def weigh(baselines: Baselines, estimates: Estimates) -> Evidence:
    """The evidence of every series' newest runs. `estimates`: what all runs say about each baseline."""
    present = ~np.isnan(baselines.first_values)
    follows = present[:, 1:] & present[:, :-1]
    number = (~np.isnan(baselines.repetitions)).sum(axis=2)
    intraclass = estimates.intraclass[:, None]
    variance = intraclass + (1.0 - intraclass) / np.maximum(number, 1)
    autocorrelation = estimates.autocorrelation[:, None]
    deviation = np.sqrt(np.maximum(variance[:, 1:] - autocorrelation**2 * variance[:, :-1], _MIN_VARIANCE))
    first, later = 1.0 / deviation, np.where(follows, (1.0 - autocorrelation) / deviation, 0.0)
    runs = estimates.clipped
    innovations = np.where(follows, (runs[:, 1:] - autocorrelation * runs[:, :-1]) / deviation, 0.0)
    level = np.maximum((later**2).sum(axis=1), 1e-9)
    mean = (later * innovations).sum(axis=1) / level
    steps = np.maximum(baselines.count - 1, 1)
    centred = np.where(follows, innovations - later * mean[:, None], 0.0)
    scale = np.maximum(np.sqrt((centred**2).sum(axis=1) / np.maximum(steps - 1, 1)), baselines.min_scale)
    later_runs = np.arange(MAX_RUNS_SINCE_CHANGE)[None, :]
    judged = later_runs + 1 + MIN_RUNS_BEFORE_CHANGE <= baselines.count[:, None]
    shift, information = _shift(_newest(innovations), _newest(first), _newest(later), mean[:, None], level[:, None])
    information = np.where(judged, np.maximum(information, 1e-9), np.nan)
    score = shift / (scale[:, None] * np.sqrt(information))
    freedom = np.maximum(steps - 2, 1)[:, None]
    normal = np.sign(score) * np.sqrt(freedom * np.log1p(score**2 / freedom))
    scales = _newest(estimates.mildest / estimates.scale[:, None])
    return Evidence(normal, information, scales, intraclass + (1.0 - intraclass) * _newest(number))


def total(log_odds: Values) -> Values:
    """The logarithm of the odds summed over all runs that may be the first of a shift; -inf where there is none."""
    best = log_odds.max(axis=1, initial=-np.inf)
    finite = np.where(np.isfinite(best), best, 0.0)
    with np.errstate(divide="ignore"):
        summed: Values = finite + np.log(np.exp(log_odds - finite[:, None]).sum(axis=1))
    return summed


def _newest(runs: NDArray[Any]) -> NDArray[Any]:
    """The newest runs of each row, the newest first."""
    return runs[:, ::-1][:, :MAX_RUNS_SINCE_CHANGE]


def _shift(innovations: Values, first: Values, later: Values, mean: Values, level: Values) -> tuple[Values, Values]:
    """The efficient score and information of a shift since each run, the old level integrated out.

    From the newest run back. A shift of 1 moves the innovation of the run that it begins with by `first`, and those
    after it by `later`; a level of 1 moves all by `later`. `mean` and `level` are its estimate and information.
    """
    score, information = (
        np.concatenate([np.zeros((len(addends), 1)), np.cumsum(addends, axis=1)[:, :-1]], axis=1)
        for addends in (later * innovations, later**2)
    )
    shared = first * later + information
    return first * innovations + score - shared * mean, first**2 + information - shared**2 / level


def _shift_log_odds(score: Values, information: Values) -> Values:
    """The log Bayes factor of a shift upwards with a half-normal prior, by its score and information."""
    weight = information / (1.0 + information)
    odds: Values = np.log(2.0) + log_ndtr(score * np.sqrt(weight)) - 0.5 * np.log1p(information)
    return odds + 0.5 * score**2 * weight
