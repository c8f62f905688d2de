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
consecutive runs that are all far from the level are evidence too, see `far_runs`. The same holds for repetitions of one
run as far as they are not correlated, so that a large shift which all of them show is found in its first run.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from loadtasks.verdict.history.baselines import Baselines, Values
from loadtasks.verdict.history.estimates import Estimates
from loadtasks.verdict.history.far_runs import FarRuns

MAX_RUNS_SINCE_CHANGE = 24
"""Only the newest 24 runs can be the first of a shift. The thresholds of `false_alarm_budget` are simulated
with this number."""
MIN_RUNS_BEFORE_CHANGE = 9
"""Runs that a baseline has at least before the first run of a shift; the thresholds of `false_alarm_budget` are
simulated with this number."""
_MIN_VARIANCE = 0.05
"""Keeps the variance of an innovation positive where a repeated run follows one that was measured once."""
_MIN_RUNS_BEFORE_RESTARTED = 3
"""The same for a baseline that begins at a confirmed change."""


@dataclass(frozen=True)
class Evidence:
    """For each series (a row) and each number of runs that a shift may have lasted, 1 first (a column)."""

    score: Values
    """How many standard errors the runs since then are above the runs before; nan for columns that can't be judged."""
    information: Values
    """The inverse of the squared standard error, in units of the innovations' scale."""
    innovation: Values
    """The scale of what is new in a run, given the run before; shape: series."""
    far_runs: FarRuns

    def rise(self, runs_since_reset: NDArray[np.int64], excess: Values) -> Values:
        """Log odds of a higher level since each of the newest runs; -inf before the evidence was last reset.

        Args:
            runs_since_reset: For each series, how many of its newest runs may be the first of a shift.
            excess: By which factor the scores vary more than their model says; shape: series x runs.
        """
        return self._log_odds(1.0, runs_since_reset, excess)

    def fall(self, runs_since_reset: NDArray[np.int64], excess: Values) -> Values:
        """Log odds of a lower level since each of the newest runs; -inf before the evidence was last reset.

        Args:
            runs_since_reset: For each series, how many of its newest runs may be the first of a shift.
            excess: By which factor the scores vary more than their model says; shape: series x runs.
        """
        return self._log_odds(-1.0, runs_since_reset, excess)

    def replace(self, rows: NDArray[np.int64], others: "Evidence") -> None:
        """Put the evidence of some of the series in the place of this."""
        for name in ("score", "information", "innovation"):
            getattr(self, name)[rows] = getattr(others, name)
        self.far_runs.replace(rows, others.far_runs)

    def _log_odds(self, sign: float, runs_since_reset: NDArray[np.int64], excess: Values) -> Values:
        candidates = ~np.isnan(self.score) & (np.arange(MAX_RUNS_SINCE_CHANGE)[None, :] < runs_since_reset[:, None])
        moderate = np.where(candidates, _shift_log_odds(sign * self.score / excess, self.information), -np.inf)
        large = np.where(candidates, self.far_runs.log_odds(sign, MAX_RUNS_SINCE_CHANGE), -np.inf)
        either: Values = np.logaddexp(moderate, large)
        return either


def weigh(baselines: Baselines, estimates: Estimates) -> Evidence:
    """The evidence of every series' newest runs. `estimates`: what all runs say about each baseline."""
    present = ~np.isnan(baselines.first_values)
    follows = present[:, 1:] & present[:, :-1]
    number = baselines.measured
    intraclass = estimates.intraclass[:, None]
    variance = intraclass + (1.0 - intraclass) / np.maximum(number, 1)
    autocorrelation = estimates.autocorrelation[:, None]
    deviation = np.sqrt(np.maximum(variance[:, 1:] - autocorrelation**2 * variance[:, :-1], _MIN_VARIANCE))
    first, later = 1.0 / deviation, np.where(follows, (1.0 - autocorrelation) / deviation, 0.0)
    runs = estimates.clipped
    innovations = np.where(follows, (runs[:, 1:] - autocorrelation * runs[:, :-1]) / deviation, 0.0)
    level = np.maximum(np.einsum("ij,ij->i", later, later), 1e-9)
    mean = np.einsum("ij,ij->i", later, innovations) / level
    steps = np.maximum(baselines.count - 1, 1)
    unshifted, mean_unshifted = innovations, mean
    if estimates.unshifted is not estimates.clipped:
        runs = estimates.unshifted
        unshifted = np.where(follows, (runs[:, 1:] - autocorrelation * runs[:, :-1]) / deviation, 0.0)
        mean_unshifted = np.einsum("ij,ij->i", later, unshifted) / level
    centred = unshifted - later * mean_unshifted[:, None]
    own = np.sqrt(np.einsum("ij,ij->i", centred, centred) / np.maximum(steps - 1, 1))
    own = np.maximum(own, baselines.min_scale)
    scale = baselines.known.blend(own, baselines.known.innovation, steps)
    later_runs = np.arange(MAX_RUNS_SINCE_CHANGE)[None, :]
    before = np.where(baselines.known.runs > 0, _MIN_RUNS_BEFORE_RESTARTED, MIN_RUNS_BEFORE_CHANGE)
    judged = later_runs + 1 + before[:, None] <= baselines.count[:, None]
    shift, information = _shift(_newest(innovations), _newest(first), _newest(later), mean[:, None], level[:, None])
    information = np.where(judged, np.maximum(information, 1e-9), np.nan)
    score = shift / (scale[:, None] * np.sqrt(information))
    freedom = np.maximum(steps - 2 + baselines.known.runs, 1)[:, None]
    normal = np.sign(score) * np.sqrt(freedom * np.log1p(score**2 / freedom))
    scales = (estimates.mildest / estimates.scale[:, None])[:, ::-1]
    weight = intraclass + (1.0 - intraclass) * number[:, ::-1]
    return Evidence(normal, information, scale, FarRuns(scales, weight, baselines.count.copy()))


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
