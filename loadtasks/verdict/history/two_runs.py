"""Two runs of a metric, and nothing else: the interval in which their ratio lies, with what one build can't exclude.

What a metric of one run differs from that of another run of the same build has three sources:

- **Sampling.** Each run has a finite number of requests. Its standard errors come from the run itself
  (`loadtasks.verdict.history.sampling`), downwards and upwards apart, and enter the side of the interval on which they
  matter, as in the method of variance estimates recovery (Zou & Donner 2008, "Construction of confidence limits about
  effect measures: a general approach", Statistics in Medicine 27:1693).
- **Run-to-run noise.** Two runs differ by the square root of two times the scale from run to run, which is estimated
  from the history of this machine and the prior of a young baseline (`loadtasks.verdict.history.plausibility`),
  `_WIDENED`: a scaled inverse chi-squared prior, so that the difference has Student's distribution. Without a history
  the prior is the estimate. Its degrees of freedom, with the sampling error added, are Satterthwaite's (1946, "An
  approximate distribution of estimates of variance components", Biometrics Bulletin 2:110).
- **Outliers.** One run in thirty is half as slow again for no reason of the API's, and so may the one run be, or the
  other. A repetition meets the same disturbance with a probability of `MIN_PERSISTENCE`, so that the mildest of several
  repetitions is seldom one. With a history, nothing is claimed that is no farther than the worst of its runs.

The bound of the ratio is the smallest shift that leaves a probability of at least `probability` to noise. The interval
is thus one of the whole family of series where these probabilities add up to what the family may take (Bonferroni).

`python -m benchmarks.verdict.two_files` simulates false claims, and what is found.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from loadtasks.verdict.history.baselines import MAX_REPETITIONS, Values
from loadtasks.verdict.history.estimates import huber_scale, median, posterior_scale
from loadtasks.verdict.history.persistence import MIN_PERSISTENCE
from loadtasks.verdict.history.plausibility import OUTLIER_SIZE, outlier_share

FALSE_CLAIMS = 0.01
"""The share of comparisons of two whole files, of one build, that may claim any change."""
_MARGIN = 0.75
"""The part of that share which the intervals leave to noise. A history's scale, estimated from few runs with outliers,
is a little too small at times: `benchmarks.verdict.two_files` simulates this."""
_WIDENED = 1.25
"""What the scale of the prior is multiplied by: two files have to hold it alone, where runs differ by 15 % as well.
`benchmarks.verdict.two_files` simulates this."""
_MAX_SHIFT = 10.0
"""In units of the values: a bound farther from the difference is not looked for. Of logarithms 22,000 times."""
_MAX_FREEDOM = 1e6
"""With so many degrees of freedom Student's distribution is the normal one."""
_BISECTIONS = 26


@dataclass(frozen=True)
class RunToRunNoise:
    """What is known of the run-to-run noise of several series; shape of each: series."""

    runs: NDArray[np.int64]
    """How many earlier runs it comes from; 0 where the prior is all there is."""
    scale: Values
    """The scale from run to run, without sampling errors."""
    freedom: Values
    """The degrees of freedom of that estimate."""
    outliers: Values
    """The share of runs that are outliers."""
    worst: Values
    """How far the worst run was above the level; minus infinity where there is no history."""


@dataclass(frozen=True)
class Side:
    """One of the two runs of several series, signed so that higher is worse; shape of each: series."""

    value: Values
    """Of the reported repetition; nan where there is none."""
    mildest: Values
    """Of the repetition that looks least bad."""
    repetitions: NDArray[np.int64]
    """How many repetitions can be trusted, at least 1."""
    error_below: Values
    """The standard error of the value downwards."""
    error_above: Values
    """The standard error of the value upwards."""


@dataclass(frozen=True)
class Interval:
    """The differences that the runs of several series leave possible, signed so that higher is worse."""

    difference: Values
    """The later run's value less the earlier one's; nan where either is missing. Shape: series."""
    low: Values
    """The lower bound of the difference; shape: series."""
    high: Values
    """The upper bound of the difference; shape: series."""


def bound_probabilities(weights: Values, family: int) -> Values:
    """What each bound of each series' interval leaves to noise; shape: series.

    Args:
        weights: The share of each series in what its scenario may claim falsely; they add up to 1 for each scenario.
        family: How many scenarios and parts are compared.
    """
    probabilities: Values = _MARGIN * FALSE_CLAIMS / 2 * weights / family
    return probabilities


def weigh_history(values: Values, min_scale: Values, prior_scale: Values, sampling_error: Values) -> RunToRunNoise:
    """The run-to-run noise by earlier runs and the prior.

    The scale of the runs holds their sampling errors; they are taken out, since those of the two runs that are compared
    are added again. Together they are never less than what the runs show.

    Args:
        values: Of the earlier runs, signed so that higher is worse; nan where there is none. Shape: series x runs.
        min_scale: The smallest scale that the runs may show; shape: series.
        prior_scale: The plausible scale before any run was seen, without sampling errors; shape: series.
        sampling_error: The standard error of one run; shape: series.
    """
    present = ~np.isnan(values)
    seen: NDArray[np.int64] = present.sum(axis=1)
    known = np.maximum(seen, 1)
    level = np.where(seen > 0, median(values, known), 0.0)
    distances = np.where(present, values - level[:, None], 0.0)
    runs = np.where(seen > 1, seen, 0)  # one run says nothing of how much they differ
    own = np.where(runs > 0, huber_scale(distances, known, min_scale), 0.0)
    without_sampling = np.sqrt(np.maximum(own**2 - sampling_error**2, min_scale**2))
    scale, freedom = posterior_scale(without_sampling, np.maximum(runs, 1), _WIDENED * prior_scale)
    return RunToRunNoise(
        runs=runs,
        scale=scale,
        freedom=freedom,
        outliers=outlier_share(np.where(runs[:, None] > 0, distances, 0.0), np.hypot(scale, sampling_error), runs),
        worst=np.where(runs > 0, distances.max(axis=1, initial=0.0), -np.inf),
    )


def compare_two(
    now: Side, before: Side, history: RunToRunNoise, probability: Values, shifts: NDArray[np.bool_]
) -> Interval:
    """The interval of the difference of two runs.

    Args:
        now: The later run.
        before: The earlier run.
        history: The run-to-run noise.
        probability: What each of both bounds leaves to noise; shape: series.
        shifts: Whether outliers are half as large again, as of times and rates; shares have none. Shape: series.
    """
    known = ~np.isnan(now.value - before.value)
    worse = _surely_worse(now, before, history, probability, shifts)
    better = _surely_worse(before, now, history, probability, shifts)
    return Interval(
        difference=now.value - before.value,
        low=np.where(known, worse, np.nan),
        high=np.where(known, -better, np.nan),
    )


def _surely_worse(
    worse: Side, better: Side, history: RunToRunNoise, probability: Values, shifts: NDArray[np.bool_]
) -> Values:
    """How much worse the one run is than the other at least, but for this probability; below 0: it may be better."""
    difference = np.nan_to_num(worse.value - better.value)
    mildest = np.nan_to_num(np.minimum(worse.mildest, worse.value) - better.value)
    run_to_run = 2 * history.scale**2
    sampling = worse.error_below**2 + better.error_above**2
    scale = np.sqrt(run_to_run + sampling)
    freedom = np.minimum(history.freedom * (1 + sampling / run_to_run) ** 2, _MAX_FREEDOM)
    repeated = np.clip(worse.repetitions, 1, MAX_REPETITIONS) - 1
    outliers = np.where(shifts, history.outliers * MIN_PERSISTENCE**repeated, 0.0)

    def by_noise(shift: Values) -> Values:
        regular = stdtr(freedom, (shift - difference) / scale)
        outlier = outliers * stdtr(freedom, (shift + OUTLIER_SIZE - mildest) / scale)
        explained: Values = regular + outlier
        return explained

    low, high = difference - _MAX_SHIFT, difference.copy()
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        implausible = by_noise(middle) <= probability
        low, high = np.where(implausible, middle, low), np.where(implausible, high, middle)
    bound: Values = np.minimum(low, mildest - history.worst)
    return bound
