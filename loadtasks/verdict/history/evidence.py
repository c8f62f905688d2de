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

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from loadtasks.verdict.history.baselines import MAX_RUNS_SINCE_CHANGE, Baselines, Values
from loadtasks.verdict.history.estimates import Estimates
from loadtasks.verdict.history.far_runs import NO_FAR_RUN, FarRuns, sum_of_newer
from loadtasks.verdict.history.persistence import MIN_PERSISTENCE

MIN_RUNS_BEFORE_CHANGE = 9
"""Runs that a baseline has at least before the first run of a shift; the thresholds of `false_alarm_budget` are
simulated with this number."""
_MAX_ROOT = 36.0
"""Odds of a shift that is so many standard errors large are e^648; those of a larger one are no number."""
_MAX_OF_MEAN = 0.6
"""The largest share of a run's variance that the mean of a baseline has: of a few runs the formula gives too much."""
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

    def log_odds(self, runs_since_reset: NDArray[np.int64], excess: Values) -> tuple[Values, Values]:
        """The total log odds of a higher level since any of the newest runs, and of a lower one; shape of each: series.

        -inf where no run may be the first of a shift. Of a direction that the other one exceeds by far only the order
        of magnitude is right.

        Args:
            runs_since_reset: For each series, how many of its newest runs may be the first of a shift.
            excess: By which factor the scores vary more than their model says; shape: series x runs.
        """
        candidates = self.candidates(runs_since_reset)
        excluded, spread = ~candidates, 1.0 + self.information
        root = self.score / excess * np.sqrt(self.information / spread)
        root = np.minimum(np.maximum(root, -_MAX_ROOT), _MAX_ROOT)
        # The Bayes factor of a shift with a half-normal prior. Odds are added as they are: the logarithms of each run's
        # would take several times as long.
        either = 2.0 * np.exp(0.5 * root**2) / np.sqrt(spread)
        for unknown in (either, root):
            np.copyto(unknown, 0.0, where=excluded)
        rise = either * ndtr(root)
        large_rise, large_fall = self._large_shifts(candidates)
        with np.errstate(divide="ignore"):
            return np.log(rise.sum(axis=1) + large_rise), np.log((either - rise).sum(axis=1) + large_fall)

    def candidates(self, runs_since_reset: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each of the newest runs may be the first of a shift; shape: series x runs."""
        judged: NDArray[np.bool_] = ~np.isnan(self.score)
        return judged & (np.arange(MAX_RUNS_SINCE_CHANGE)[None, :] < runs_since_reset[:, None])

    def replace(self, rows: NDArray[np.int64], others: "Evidence") -> None:
        """Put the evidence of some of the series in the place of this."""
        for name in ("score", "information", "innovation"):
            getattr(self, name)[rows] = getattr(others, name)
        self.far_runs.replace(rows, others.far_runs)

    def _large_shifts(self, candidates: NDArray[np.bool_]) -> tuple[Values, Values]:
        """The odds of a large shift upwards since any of the newest runs, and downwards; shape of each: series."""
        rise = math.exp(NO_FAR_RUN) * np.count_nonzero(candidates, axis=1)
        fall = rise.copy()
        rows, sign = self.far_runs.of_late()
        if len(rows):
            odds = (np.exp(self.far_runs.log_odds(rows, sign)) * candidates[rows]).sum(axis=1)
            rise[rows[sign > 0]], fall[rows[sign < 0]] = odds[sign > 0], odds[sign < 0]
        return rise, fall


def weigh(baselines: Baselines, estimates: Estimates, persistence: Values) -> Evidence:
    """The evidence of every series' newest runs.

    Args:
        baselines: The runs of all series.
        estimates: What all runs say about each baseline.
        persistence: The probability that a repetition meets the disturbance of the one before it; shape: series.
    """
    follows_none = np.isnan(baselines.first_values[:, :-1])
    autocorrelation = estimates.autocorrelation[:, None]
    weight = _weights(baselines.measured, estimates)

    def innovations_of(runs: Values) -> Values:
        new: Values = runs[:, 1:] - autocorrelation * runs[:, :-1]
        new *= weight
        np.copyto(new, 0.0, where=follows_none)
        return new

    later = (1.0 - autocorrelation) * weight
    np.copyto(later, 0.0, where=follows_none)
    innovations = innovations_of(estimates.clipped)
    level = np.maximum(np.einsum("ij,ij->i", later, later), 1e-9)
    mean = np.einsum("ij,ij->i", later, innovations) / level
    steps = np.maximum(baselines.count - 1, 1)
    unshifted, mean_unshifted = innovations, mean
    if estimates.unshifted is not estimates.clipped:
        unshifted = innovations_of(estimates.unshifted)
        mean_unshifted = np.einsum("ij,ij->i", later, unshifted) / level
    squares = np.einsum("ij,ij->i", unshifted, unshifted) - level * mean_unshifted**2  # about the mean
    own = np.sqrt(np.maximum(squares, 0.0) / np.maximum(steps - 1, 1))
    own = np.maximum(own, baselines.min_scale)
    scale = baselines.known.blend(own, baselines.known.innovation, steps)
    before = np.where(baselines.known.runs > 0, _MIN_RUNS_BEFORE_RESTARTED, MIN_RUNS_BEFORE_CHANGE)
    judged = np.arange(MAX_RUNS_SINCE_CHANGE) < (baselines.count - before)[:, None]
    shift, information = _shift(_newest(innovations), _newest(weight), _newest(later), mean[:, None], level[:, None])
    information = np.where(judged, np.maximum(information, 1e-9), np.nan)
    score = shift / (scale[:, None] * np.sqrt(information))
    freedom = np.maximum(steps - 2 + baselines.known.runs, 1)[:, None]
    normal = np.copysign(np.sqrt(freedom * np.log1p(score**2 / freedom)), score)
    usual, lasts = estimates.usual_autocorrelation, persistence > MIN_PERSISTENCE
    far_runs = FarRuns(
        mildest=estimates.mildest,
        scale=estimates.scale * _widening(estimates.expected_autocorrelation, baselines.count),
        alike=np.where(lasts, np.maximum(estimates.intraclass, persistence), estimates.intraclass),
        autocorrelation=usual,
        measured=baselines.measured.copy(),
        count=baselines.count.copy(),
    )
    return Evidence(normal, information, scale, far_runs)


def _widening(autocorrelation: Values, count: NDArray[np.int64]) -> Values:
    """How many times as far from the level a run is when the runs are correlated; 1 where they are not, or nan.

    The mean of n runs that are correlated by rho has (1 + rho) / (1 - rho) / n of the variance of one of them, not
    1 / n (Bartlett 1946, "On the theoretical specification and sampling properties of autocorrelated time-series").
    By as much the level that they give is uncertain, and the scale about it too small.
    """
    independent = 1.0 / np.maximum(count, 2)
    of_mean = np.minimum((1.0 + autocorrelation) / (1.0 - autocorrelation) * independent, _MAX_OF_MEAN)
    of_mean = np.maximum(of_mean, independent)
    widening: Values = np.sqrt((1.0 + of_mean) / (1.0 - of_mean) * (1.0 - independent) / (1.0 + independent))
    return np.where(np.isnan(autocorrelation), 1.0, widening)


def _weights(measured: NDArray[np.int8], estimates: Estimates) -> Values:
    """The inverse of the scale of the innovation of each run but the first; shape: series x runs - 1.

    In that of a run measured once. `measured`: how many measurements each run has; shape: series x runs.
    """
    correlation, intraclass = estimates.autocorrelation, estimates.intraclass

    def weight(variance: Values, before: Values, correlation: Values) -> Values:
        weight: Values = 1.0 / np.sqrt(np.maximum(variance - correlation**2 * before, _MIN_VARIANCE))
        return weight

    once, width = intraclass + (1.0 - intraclass), measured.shape[1]
    weights = np.repeat(weight(once, once, correlation)[:, None], width - 1, axis=1)
    rows, places = np.divmod(np.flatnonzero(measured > 1), width)
    if len(rows):  # few runs are repeated; each has a part in its own innovation and in that of the next run
        rows, places = np.concatenate([rows, rows]), np.concatenate([places - 1, places])
        known = (places >= 0) & (places < width - 1)
        rows, places = rows[known], places[known]
        alike = intraclass[rows]
        variance, before = (
            alike + (1.0 - alike) / np.maximum(measured[rows, places + further], 1) for further in (1, 0)
        )
        weights[rows, places] = weight(variance, before, correlation[rows])
    return weights


def _newest(runs: NDArray[Any]) -> NDArray[Any]:
    """The newest runs of each row, the newest first; side by side, so that they are quickly read."""
    return runs[:, ::-1][:, :MAX_RUNS_SINCE_CHANGE].copy()


def _shift(innovations: Values, first: Values, later: Values, mean: Values, level: Values) -> tuple[Values, Values]:
    """The efficient score and information of a shift since each run, the old level integrated out.

    From the newest run back. A shift of 1 moves the innovation of the run that it begins with by `first`, and those
    after it by `later`; a level of 1 moves all by `later`. `mean` and `level` are its estimate and information.
    """
    score, information = (sum_of_newer(later * moved) for moved in (innovations, later))
    shared = first * later + information
    return first * innovations + score - shared * mean, first**2 + information - shared**2 / level
