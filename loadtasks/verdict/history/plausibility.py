"""How plausible a run is as one more run of its baseline: for large changes, from the second comparable run on.

The evidence of `loadtasks.verdict.history.evidence` learns a series' scale from its runs, so it needs many of them, and
it lets a single run add only a little. A change that no plausible noise explains needs neither. The probability of a
run as bad as the newest one, by noise alone, has two terms:

- **Noise.** The posterior predictive distribution of one more run: Student's t, for a level that is estimated from the
  earlier runs and a scale with a scaled inverse chi-squared prior (Gelman et al. 2013, "Bayesian Data Analysis", 3.2).
  The scale of the series itself takes the prior's place as runs come. Repetitions enter by their mean, which counts
  like a single measurement, since their intraclass correlation isn't known early.
- **Outliers.** One run in thirty is slow for no reason of the API's. By how much is exponential, and the same
  disturbance is met by the next repetition with a probability that the series shows (`persistence`). The mildest
  repetition decides, so that a disturbance which has passed by then proves nothing.

A run that is no worse than one of the baseline is plausible in any case. One that was measured once proves little,
since most disturbances pass: its probability is divided by `_SINGLE_WEIGHT`.

`python -m benchmarks.verdict.young_baselines` simulates false claims, and what is found.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from loadtasks.measurement.metrics import BASELINE_METRICS, METRICS, Unit
from loadtasks.verdict.history.baselines import MAX_REPETITIONS, Baselines, Values
from loadtasks.verdict.history.estimates import huber_scale, median, posterior_scale

PRIOR_SCALE = 0.1
"""The prior's scale of logarithms from run to run, where a metric has none of its own: 10 %. Of 43 public series of
nightly measurements (SAP HANA, OpenTelemetry, Firefox and others) the median is 2 %, and nine in ten are below 11 %."""
_SCHEDULING_S = 1e-4
"""What the scheduling of a busy machine adds to a response time, more in one run than in another: a tenth of a
millisecond, which makes very short response times vary more."""
_OUTLIER_SHARE, _OUTLIER_RUNS = 0.03, 20.0
"""The share of runs that are outliers before any is seen, and how many runs that is worth."""
OUTLIER_SIZE = float(np.log(1.5))
"""The mean of an outlier's excess, in logarithms."""
_OUTLIER_SCALES = 2.5
"""An earlier run this many scales above the level counts as an outlier."""
_SINGLE_WEIGHT = 0.01
_ROUNDING = 1 - 1e-9
"""Keeps a bound below what it bounds, however both are rounded."""
_BISECTIONS = 30
_MAX_SHIFT = 10.0
"""In logarithms: 22,000 times."""


@dataclass(frozen=True)
class Plausibility:
    """The newest run of each series against the runs before it."""

    probability: Values
    """Of a run as bad as this one, by noise alone; nan where there is no earlier run. Shape: series."""
    suspicion: Values
    """The probability if every repetition that is still possible were like those made; shape: series."""


@dataclass(frozen=True)
class Noise:
    """What one more run of each series may look like, by the runs before it; shape of each: series."""

    level: Values
    """The median of the runs before."""
    scale: Values
    """The scale of the predictive distribution: of one more run about the estimated level."""
    freedom: Values
    """The degrees of freedom of the predictive distribution."""
    outliers: Values
    """The share of runs that are outliers."""
    persistence: Values
    """The probability that a repetition meets the disturbance of the one before it."""
    worst: Values
    """How far the worst of the runs before is above the level."""
    runs: NDArray[np.int64]
    """The number of runs before."""

    def probability(self, mean: Values, mildest: Values, repetitions: Values | int) -> Values:
        """The probability of repetitions that are at least so far above the level.

        Args:
            mean: How far their mean is; shape: series.
            mildest: How far the mildest of them is; shape: series.
            repetitions: How many there are.
        """
        excess = self.scale**2 / (2 * OUTLIER_SIZE**2) - mildest / OUTLIER_SIZE
        outlier = self.outliers * self.persistence ** (np.asarray(repetitions) - 1.0) * np.exp(np.minimum(excess, 0.0))
        regular: Values = stdtr(self.freedom, -mean / self.scale)
        seen = np.where(mildest <= self.worst, 1 / (self.runs + 1), 0.0)
        return np.maximum(regular + outlier, seen)


def plausible_scale(metric: str, requests: int, median_s: float | None) -> float:
    """The prior's scale of a metric: how much runs differ, by environment, sampling and the machine's scheduler.

    Args:
        metric: One of `BASELINE_METRICS`.
        requests: How many requests a run completes.
        median_s: Their median response time; None where there is none.
    """
    sampling = BASELINE_METRICS[metric].sampling_error / math.sqrt(max(requests, 1))
    return math.hypot(environment_scale(metric, median_s), sampling)


def environment_scale(metric: str, median_s: float | None) -> float:
    """The part of `plausible_scale` that more requests don't make smaller: the environment's and the scheduler's."""
    scheduling = 0.0 if METRICS[metric].unit is Unit.SHARE or not median_s else _SCHEDULING_S / median_s
    return math.hypot(BASELINE_METRICS[metric].prior_scale, scheduling)


def noise_before(baselines: Baselines, persistence: Values) -> Noise:
    """The noise of each series by all of its runs but the newest; nan where there is no other.

    Args:
        baselines: The runs of all series.
        persistence: Of each series, the probability that a repetition meets the disturbance of the one before it.
    """
    earlier, runs = baselines.first_values[:, :-1], np.maximum(baselines.count - 1, 1)
    level = median(earlier, runs)
    distances = np.where(np.isnan(earlier), 0.0, earlier - level[:, None])
    own = huber_scale(distances, runs, baselines.min_scale)
    scale, freedom = posterior_scale(own, runs, baselines.prior_scale)
    share = outlier_share(distances, scale, runs)
    return Noise(level, scale * np.sqrt(1 + 1 / runs), freedom, share, persistence, distances.max(axis=1), runs)


def outlier_share(distances: Values, scale: Values, runs: NDArray[np.int64]) -> Values:
    """The share of runs that are outliers, by those among the runs before and a prior; shape: series.

    Args:
        distances: How far each run is above the level; 0 or nan where there is none. Shape: series x runs.
        scale: The scale from run to run; shape: series.
        runs: How many runs there are; shape: series.
    """
    outliers = (distances > _OUTLIER_SCALES * scale[:, None]).sum(axis=1)
    share: Values = (_OUTLIER_SHARE * _OUTLIER_RUNS + outliers) / (_OUTLIER_RUNS + runs)
    return share


def weigh_newest(baselines: Baselines, noise: Noise) -> Plausibility:
    """How plausible the newest run of each series is."""
    distances = baselines.repetitions[:, -1] - noise.level[:, None]
    number = np.maximum(baselines.newest_repetitions, 1)
    with np.errstate(invalid="ignore"):
        known = np.where(np.isnan(distances), 0.0, distances)
        mean = known.sum(axis=1) / number
        mildest = np.where(np.isnan(distances), np.inf, distances).min(axis=1)
    comparable = baselines.count > 1
    mean, mildest = np.where(comparable, mean, np.nan), np.where(comparable, mildest, np.nan)
    probability = noise.probability(mean, mildest, number)
    return Plausibility(
        probability=np.where(number > 1, probability, probability / _SINGLE_WEIGHT),
        suspicion=noise.probability(mean, mildest, MAX_REPETITIONS),
    )


def least_plausibility(baselines: Baselines, rows: NDArray[np.int64]) -> Plausibility:
    """What the plausibility of some series' newest runs is no less than, without their noise; nan if unknown.

    A run that is no worse than an earlier one has been seen, and one that was measured once may be an outlier, whose
    excess is at most the distance from the mildest of the earlier runs.
    """
    earlier, newest = baselines.first_values[rows, :-1], baselines.repetitions[rows, -1]
    runs = np.maximum(baselines.count[rows] - 1, 1)
    mildest = np.fmin.reduce(newest, axis=1)
    seen = np.where(mildest <= np.fmax.reduce(earlier, axis=1), 1 / (runs + 1), 0.0)
    excess = np.maximum(mildest - np.fmin.reduce(earlier, axis=1), 0.0)
    outlier = _ROUNDING * _OUTLIER_SHARE * _OUTLIER_RUNS / (_OUTLIER_RUNS + runs) * np.exp(-excess / OUTLIER_SIZE)
    once = np.maximum(seen, outlier) / _SINGLE_WEIGHT
    return Plausibility(probability=np.where(baselines.measured[rows, -1] > 1, seen, once), suspicion=seen)


def smallest_shift(noise: Noise, probability: Values) -> Values:
    """The smallest shift that is implausible when all repetitions show it alike; shape: series.

    `probability`: below which a run is implausible; shape: series.
    """
    low, high = np.zeros_like(noise.scale), np.full_like(noise.scale, _MAX_SHIFT)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        implausible = noise.probability(middle, middle, MAX_REPETITIONS) <= probability
        low, high = np.where(implausible, low, middle), np.where(implausible, middle, high)
    return high
