"""The level of a baseline, its scale from run to run, and how far consecutive runs and repetitions are correlated."""

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from loadtasks.verdict.history.baselines import MAX_REPETITIONS, MAX_RUNS_SINCE_CHANGE, Baselines, Values
from loadtasks.verdict.history.peers import Peers

CLIP = 1.5
"""Runs farther from the level than 1.5 scales count as if they were exactly so far, so that outliers say little. It is
Huber's k of 1.5: 96 % efficient at normal values (Huber 1964)."""
PRIOR_RUNS = 12.0
"""How many runs the prior of a young baseline's scale is worth: with it, one series in a hundred has a scale beyond 1.8
times the prior's. A trade-off of false claims against what is found: `benchmarks.verdict.young_baselines`."""
_PRIOR_RUNS = 20.0
_PRIOR_AUTOCORRELATION = 0.25
"""The mean of the autocorrelation's prior where a series has no peers, and the weight of any prior, in runs. With both,
`benchmarks.verdict.robustness` measures 3 to 5 false alarms a series-year against a budget of 4 where the true
autocorrelation is 0, 0.3 and 0.6."""
_MAX_AUTOCORRELATION = 0.9
"""Keeps the variance of an innovation, which is proportional to 1 - autocorrelation squared, away from 0."""
_FAR_DIFFERENCE = 3.0
"""Scales of the differences of consecutive runs beyond which one is a shift or a disturbance."""
_DIFFERENCE_ERROR = 2.0
"""Times the inverse root of their number, about the standard error of the autocorrelation that they show, and a bit."""
_ENOUGH_SETTLED = 100.0
"""Where the peers have so many older runs, their newest teach nothing."""
_DIFFERENCE_WEIGHT = 0.5
"""What a difference of runs says of the autocorrelation, in runs: about half as much as their product does."""
_MIN_UNBIASED_RUNS = 4
"""Of fewer runs the bias is no larger: its formula holds for many."""
MEAN_ABSOLUTE = math.sqrt(math.pi / 2)
"""The standard deviation of a normal distribution divided by its mean absolute deviation."""
MEDIAN_ABSOLUTE = 1.4826
"""The standard deviation of a normal distribution divided by its median absolute deviation."""
_HUBER_STEPS = 5
"""Steps of the fixed-point iteration that begins with the mean absolute deviation. The median absolute deviation is 0
where over half of the runs agree, as they do where times are measured in ticks, and an iteration that begins there
stays there."""
_PRIOR_INTRACLASS = 0.4
_PRIOR_PAIRS = 4.0
"""The mean of the intraclass correlation's prior, and its weight in pairs of repetitions. With both,
`benchmarks.verdict.robustness` measures 2 to 7 false alarms a series-year against a budget of 4 where the true one is
0, 0.3, 0.7 and 1."""


def _clipped_variance(clip: float) -> float:
    """The variance of a standard normal variable that is clipped at this many standard deviations."""
    outside = 1.0 - float(ndtr(clip))
    density = math.exp(-0.5 * clip * clip) / math.sqrt(2 * math.pi)
    return 1.0 - 2.0 * outside - 2.0 * clip * density + 2.0 * clip * clip * outside


_CONSISTENCY = _clipped_variance(CLIP)


@dataclass(frozen=True)
class Estimates:
    """What the runs of each baseline say about it: an item or a row a series, the newest run last.

    Level, scale and lag-1 autocorrelation come from each run's first measurement, since further repetitions are made
    only of some runs. The scale is Huber's proposal 2 (Huber 1964, "Robust estimation of a location parameter"). The
    autocorrelation is shrunk towards that of the series' peers, or a mild positive one, with the
    weight of 20 runs (the posterior mean under a normal prior), since a few weeks say little about it.
    """

    level: Values
    """The median; shape: series."""
    scale: Values
    """The robust standard deviation from run to run; shape: series."""
    autocorrelation: Values
    """The lag-1 autocorrelation, 0 to 0.9; shape: series."""
    expected_autocorrelation: Values
    """That of the series' peers; nan where there are none. Of a shift of all series that is yet to be found they don't
    learn that runs are alike. Shape: series."""
    intraclass: Values
    """The intraclass correlation of repetitions, 0 to 1: the share of the variance that repetitions of one run have in
    common; shape: series."""
    mildest: Values
    """The distance of each run from the level by its repetition that is nearest to it; 0 where repetitions lie on both
    sides of the level, or there is no run; shape: series x runs."""
    clipped: Values
    """The distance of each run from the level, the mean over its repetitions, clipped; shape: series x runs."""
    unshifted: Values
    """The same by the first measurement alone, and without the shift that was assumed; shape: series x runs."""

    @property
    def usual_autocorrelation(self) -> Values:
        """The prior of the autocorrelation: what the peers show, or 0.25 where there are none; shape: series."""
        expected = self.expected_autocorrelation
        return np.where(np.isnan(expected), _PRIOR_AUTOCORRELATION, expected)

    def replace(self, rows: NDArray[np.int64], others: "Estimates") -> None:
        """Put those of some of the series in the place of these."""
        for name in (field.name for field in fields(self)):
            getattr(self, name)[rows] = getattr(others, name)


def estimate(
    baselines: Baselines,
    peers: Peers | None = None,
    shifted: NDArray[np.int64] | None = None,
    expected_autocorrelation: Values | None = None,
) -> Estimates:
    """The estimates of every series; meaningless for one without runs.

    A shift that is not taken out of the runs first makes a short series look noisy and correlated, and so hides itself.

    Args:
        baselines: The runs of all series.
        peers: Which of these series meet the same environment.
        shifted: How many of the newest runs of each series have another level, which level, scale and autocorrelation
            then leave out; None where there is no shift.
        expected_autocorrelation: By what their peers show, for series whose peers are not among these; see `Estimates`.
    """
    runs = baselines.first_values
    absent = np.isnan(runs)
    count = np.maximum(baselines.count, 1)
    unshifted = runs if shifted is None else _without_shift(runs, shifted)
    level = median(unshifted, baselines.count)
    distances = unshifted - level[:, None]
    np.copyto(distances, 0.0, where=absent)
    own = huber_scale(distances, baselines.count, baselines.min_scale)
    scale = baselines.known.blend(own, baselines.known.scale, count)
    limit = (CLIP * scale)[:, None]
    residual: Values = np.minimum(np.maximum(distances, -limit), limit)
    centred = residual - (residual.sum(axis=1) / count)[:, None]
    np.copyto(centred, 0.0, where=absent)
    together, apart = _products(centred, scale)
    expected = expected_autocorrelation
    if expected is None:
        expected = _expected_autocorrelation(residual, baselines, scale, peers)
    autocorrelation = _autocorrelation(together, apart, count, expected)
    clipped = residual
    if shifted is not None:
        distances = runs - level[:, None]
        np.copyto(distances, 0.0, where=absent)
        clipped = np.minimum(np.maximum(distances, -limit), limit)
    intraclass = np.full(len(level), _PRIOR_INTRACLASS)
    rows, places = np.divmod(np.flatnonzero(baselines.measured > 1), runs.shape[1])
    if len(rows):
        clipped = clipped.copy()
        repetitions = baselines.repetitions[rows, places] - level[rows, None]
        low, high = np.nanmin(repetitions, axis=1), np.nanmax(repetitions, axis=1)
        distances[rows, places] = np.where(low > 0, low, np.minimum(high, 0.0))
        clipped[rows, places] = np.nanmean(np.clip(repetitions, -limit[rows], limit[rows]), axis=1)
        intraclass = _intraclass(rows, repetitions, scale)
    return Estimates(level, scale, autocorrelation, expected, intraclass, distances, clipped, residual)


def _autocorrelation(together: Values, apart: Values, count: NDArray[np.int64], expected: Values) -> Values:
    """The lag-1 autocorrelation of each series, under its prior.

    The prior of a series without peers is simulated with the estimate as it is, biased, and so are the thresholds of
    young baselines; that by peers is unbiased.

    Args:
        together: The sum of the products of consecutive runs' distances from the mean, in scales; shape: series.
        apart: The sum of their squares; shape: series.
        count: How many runs each series has; shape: series.
        expected: By its peers; nan where there are none. Shape: series.
    """
    alone = np.isnan(expected)
    own = np.where(alone | (count <= MAX_RUNS_SINCE_CHANGE), together, _unbiased(together, apart, count))
    prior = _PRIOR_RUNS * np.where(alone, _PRIOR_AUTOCORRELATION, expected)
    return np.minimum(np.maximum((own + prior) / (apart + _PRIOR_RUNS), 0.0), _MAX_AUTOCORRELATION)


def _expected_autocorrelation(residual: Values, baselines: Baselines, scale: Values, peers: Peers | None) -> Values:
    """What the peers of each series show of its autocorrelation; nan where there are none.

    Their newest runs may be of a shift that is still to be found. They teach by their differences, and only as long as
    older ones show little.

    Args:
        residual: The distance of each run from the level, 0 where there is no run; shape: series x runs.
        baselines: The runs of all series.
        scale: Of each series.
        peers: Which series are peers.
    """
    if peers is None:
        return np.full(len(scale), np.nan)
    settled, count = residual[:, :-MAX_RUNS_SINCE_CHANGE], np.maximum(baselines.count - MAX_RUNS_SINCE_CHANGE, 0)
    centred = settled - (settled.sum(axis=1) / np.maximum(count, 1))[:, None]
    np.copyto(centred, 0.0, where=np.isnan(baselines.first_values[:, :-MAX_RUNS_SINCE_CHANGE]))
    together, apart = _products(centred, scale)
    of_others, shown = peers.of_others(apart), peers.of_others(_unbiased(together, apart, count))
    wanted = np.where(peers.has_others, np.maximum(_ENOUGH_SETTLED - of_others, 0.0), 0.0)
    if wanted.any():
        of_newest, weight = _by_differences(baselines, scale, peers)
        weight = np.minimum(weight, wanted)
        of_others, shown = of_others + weight, shown + weight * of_newest
    shown = (_PRIOR_RUNS * _PRIOR_AUTOCORRELATION + shown) / (_PRIOR_RUNS + of_others)
    return np.where(of_others > 0, np.minimum(np.maximum(shown, 0.0), _MAX_AUTOCORRELATION), np.nan)


def _by_differences(baselines: Baselines, scale: Values, peers: Peers) -> tuple[Values, Values]:
    """What the newest runs of a series' peers show of its autocorrelation, and how many runs that is worth.

    They may be of a shift of all series, which must not look like autocorrelation. Differences hardly notice it: those
    of a run and the next have the variance 2 (1 - rho), those of a run and the one after that 2 (1 - rho^2), so that
    the ratio is 1 + rho (after von Neumann 1941, "Distribution of the ratio of the mean square successive difference to
    the variance"). A shift, or a disturbance, moves one of the first and two of the second: differences beyond three
    scales of the first are left out. An autocorrelation counts as far as it is proven, and only where that is more than
    usual: a baseline of a few weeks must not take longer to show a change wherever runs happen to look alike.
    """
    newest = baselines.first_values[:, -MAX_RUNS_SINCE_CHANGE:]
    steps = np.abs(newest[:, 1:] - newest[:, :-1])
    typical = median(steps, np.clip(baselines.count - 1, 1, MAX_RUNS_SINCE_CHANGE - 1))
    limit = _FAR_DIFFERENCE * MEDIAN_ABSOLUTE * np.maximum(np.nan_to_num(typical), baselines.min_scale)

    def of_others(differences: Values) -> tuple[Values, Values]:
        is_near = differences <= limit[:, None]  # nan is not
        squares = np.where(is_near, differences, 0.0) ** 2
        number = is_near.sum(axis=1)
        return peers.of_others(squares.sum(axis=1) / np.maximum(number, 1) / scale**2), peers.of_others(number)

    of_next, pairs = of_others(steps)
    of_second, _ = of_others(np.abs(newest[:, 2:] - newest[:, :-2]))
    ratio = of_second / np.maximum(of_next, 1e-12)
    proven = np.minimum(ratio - 1.0 - _DIFFERENCE_ERROR / np.sqrt(np.maximum(pairs, 1.0)), _MAX_AUTOCORRELATION)
    is_unusual = (of_next > 0) & (proven > _PRIOR_AUTOCORRELATION)  # times in ticks may agree
    return proven, np.where(is_unusual, _DIFFERENCE_WEIGHT * pairs, 0.0)


def _products(centred: Values, scale: Values) -> tuple[Values, Values]:
    """The sum of the products of consecutive runs' distances from the mean, and that of their squares, in scales.

    Args:
        centred: The distances; shape: series x runs.
        scale: Of each series.
    """
    earlier, square = centred[:, :-1], scale**2
    return np.einsum("ij,ij->i", centred[:, 1:], earlier) / square, np.einsum("ij,ij->i", earlier, earlier) / square


def _unbiased(together: Values, apart: Values, count: NDArray[np.int64]) -> Values:
    """The sum of products without the bias of the autocorrelation of few runs, which is -(1 + 3 rho) / n.

    The level is estimated from the same runs (Marriott and Pope 1954, "Bias in the estimation of autocorrelations").
    """
    own = np.minimum(np.maximum(together / np.maximum(apart, 1e-12), 0.0), _MAX_AUTOCORRELATION)
    unbiased: Values = together + apart * (1.0 + 3.0 * own) / np.maximum(count, _MIN_UNBIASED_RUNS)
    return unbiased


def _without_shift(runs: Values, shifted: NDArray[np.int64]) -> Values:
    """The runs with the shift of the newest taken out, as the difference of medians."""
    is_newest = np.arange(runs.shape[1]) >= runs.shape[1] - shifted[:, None]
    newest, earlier = np.where(is_newest, runs, np.nan), np.where(is_newest, np.nan, runs)
    shift = median(newest, shifted) - median(earlier, (~np.isnan(earlier)).sum(axis=1))
    unshifted: Values = np.where(is_newest, runs - shift[:, None], runs)
    return unshifted


def posterior_scale(own: Values, runs: NDArray[np.int64], prior: Values) -> tuple[Values, Values]:
    """The scale of a young baseline and its degrees of freedom, under a scaled inverse chi-squared prior.

    The prior counts like `PRIOR_RUNS` runs (Gelman et al. 2013, "Bayesian Data Analysis", 2.6).

    Args:
        own: The scale of the series itself; shape: series.
        runs: How many runs that comes from, at least 1; shape: series.
        prior: The scale that is plausible before any run was seen; shape: series.
    """
    own_freedom = runs.astype(np.float64) - 1.0
    freedom: Values = PRIOR_RUNS + own_freedom
    scale: Values = np.sqrt((PRIOR_RUNS * prior**2 + own_freedom * own**2) / freedom)
    return scale, freedom


def huber_scale(distances: Values, count: NDArray[np.int64], min_scale: Values) -> Values:
    """Huber's proposal 2 of each series' distances from its level; shape: series.

    Args:
        distances: 0 where there is no run; shape: series x runs.
        count: How many runs each series has; shape: series.
        min_scale: The smallest scale that a series may have; shape: series.
    """
    freedom = np.maximum(count - 1, 1) * _CONSISTENCY
    clipped = np.abs(distances)
    scale: Values = np.maximum(MEAN_ABSOLUTE * clipped.sum(axis=1) / np.maximum(count, 1), min_scale)
    squares, variance, min_variance = distances**2, scale**2, min_scale**2
    for _ in range(_HUBER_STEPS):
        np.minimum(squares, (CLIP**2 * variance)[:, None], out=clipped)
        variance = np.maximum(clipped.sum(axis=1) / freedom, min_variance)
    return np.sqrt(variance)


def _intraclass(rows: NDArray[np.int64], repetitions: Values, scale: Values) -> Values:
    """The intraclass correlation of each series, by the variance within the runs that have several repetitions.

    A change of the level makes no difference to it. Which runs are repeated depends on their first measurement, and so
    does the difference between the first and the second; the differences among later repetitions don't, nor do those
    of runs that are repeated whatever the first measurement showed (they have two). So the first measurement of a run
    with three or more is left out. Repetitions far from their run's median are clipped.

    Args:
        rows: The series of each repeated run.
        repetitions: The repetitions of these runs, as distances from the level; shape: repeated runs x repetitions.
        scale: The scale of every series.
    """
    chosen = ~np.isnan(repetitions[:, 2:3]) & (np.arange(MAX_REPETITIONS) == 0)
    counted = np.where(chosen, np.nan, repetitions)
    number = (~np.isnan(counted)).sum(axis=1)
    limit = (CLIP * scale[rows])[:, None]
    deviations = np.clip(counted - np.nanmedian(counted, axis=1)[:, None], -limit, limit)
    within = np.nanvar(deviations, axis=1) * number
    pairs = np.bincount(rows, number - 1, len(scale))
    unshared = np.bincount(rows, within, len(scale)) / scale**2
    unshared = (unshared + (1 - _PRIOR_INTRACLASS) * _PRIOR_PAIRS) / (pairs + _PRIOR_PAIRS)
    intraclass: Values = np.clip(1.0 - unshared, 0.0, 1.0)
    return intraclass


def median(values: Values, count: NDArray[np.int64]) -> Values:
    """The median of each row's `count` values; the others are nan, which sorting puts last."""
    ordered = np.sort(values, axis=1)
    rows = np.arange(len(values))
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    middle: Values = 0.5 * (ordered[rows, low] + ordered[rows, np.minimum(high, values.shape[1] - 1)])
    return middle
