"""The change point of a series: the first run of a shift, and how large the shift is, each with an interval."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from loadtasks.verdict.history.baselines import MIN_BASELINE_RUNS, Baselines, ScaleBounds, Segment, Values
from loadtasks.verdict.history.estimates import CLIP, MEAN_ABSOLUTE, estimate, posterior_scale

_QUANTILE = 0.99
"""Of Student's distribution, on each side. An alarm is raised when chance adds to a shift, so 0.975 would be too little
for 95 % of the intervals to contain the truth (`python -m benchmarks.verdict.robustness`)."""
_CREDIBLE = 0.9
_FREEDOM = 4.0
"""Of the Student's distribution in the likelihood of a first run: outliers decide little."""


@dataclass(frozen=True)
class ChangePoint:
    """A shift of the level, in the units of the values; of logarithms, `exp(size) - 1` is the relative change."""

    first: int
    """The number of the first run of the shift: the most likely one."""
    earliest: int
    """The first run is not before this one, with 90 % probability ..."""
    latest: int
    """... and not after this one."""
    lasted: int
    """The number of valid runs from the first one on."""
    size: float
    low: float
    """The lower end of the size's 95 % interval."""
    high: float
    """The upper end of the size's 95 % interval."""


@dataclass(frozen=True)
class Step:
    """The difference between earlier and later runs."""

    size: float
    low: float
    """The lower end of the size's 95 % interval."""
    high: float
    """The upper end of the size's 95 % interval."""
    before: float
    """The mean of the earlier runs."""
    deviation: float
    """The standard deviation of a run's value, inflated so that correlated runs can be treated as independent."""


def locate_change(
    baselines: Baselines, row: int, candidates: NDArray[np.bool_], sign: float, direction: float = 1.0
) -> ChangePoint:
    """The change point of one series.

    The odds of an alarm limit what each run adds, so they say little about where a shift begins. Its first run is the
    one with the largest likelihood of two levels (Hinkley 1970, "Inference about the change-point in a sequence of
    random variables"), in which runs have Student's distribution about the medians. The likelihood counts for less
    where consecutive runs are correlated.

    Args:
        baselines: The runs of all series.
        row: Which series.
        candidates: Whether each of its newest runs may be the first of a shift, the newest run first.
        sign: What the series' own values were multiplied with.
        direction: 1 for a rise of the values, -1 for a fall.
    """
    probability = _first_run_probability(baselines, row, candidates, direction)
    lasted = int(np.argmax(probability)) + 1
    newest_first = np.cumsum(probability)
    latest = int(np.searchsorted(newest_first, (1 - _CREDIBLE) / 2)) + 1
    earliest = int(np.searchsorted(newest_first, (1 + _CREDIBLE) / 2)) + 1
    segment, numbers = baselines.segment(row), baselines.numbers[row]
    step = estimate_step(segment[:-lasted], segment[-lasted:], baselines.bounds(row))
    low, high = sorted((sign * step.low, sign * step.high))
    return ChangePoint(
        first=int(numbers[-lasted]),
        earliest=int(numbers[-min(earliest, len(candidates))]),
        latest=int(numbers[-latest]),
        lasted=lasted,
        size=sign * step.size,
        low=low,
        high=high,
    )


def _first_run_probability(baselines: Baselines, row: int, candidates: NDArray[np.bool_], direction: float) -> Values:
    """The probability of each of the newest runs to be the first of a shift in one direction; the newest run first.

    Where no candidate is such a shift, all of them are compared.
    """
    values = baselines.segment(row).means
    residuals, shifts = np.full((len(candidates), len(values)), np.inf), np.full(len(candidates), -np.inf)
    for place in np.flatnonzero(candidates):
        before, after = values[: -place - 1], values[-place - 1 :]
        shifts[place] = direction * (np.median(after) - np.median(before))
        residuals[place] = np.concatenate([before - np.median(before), after - np.median(after)])
    if (shifts > 0).any():
        residuals[shifts <= 0] = np.inf
    deviations = np.abs(residuals).mean(axis=1)
    best = int(np.argmin(deviations))
    scale = max(MEAN_ABSOLUTE * float(deviations[best]), float(baselines.min_scale[row]))
    estimates = estimate(baselines.of(np.array([row])), shifted=np.array([best + 1]))
    autocorrelation = float(estimates.autocorrelation[0])
    with np.errstate(invalid="ignore"):
        likelihood = -(_FREEDOM + 1) / 2 * np.log1p((residuals / scale) ** 2 / _FREEDOM).sum(axis=1)
    likelihood *= (1 - autocorrelation) / (1 + autocorrelation)
    probability = np.exp(likelihood - likelihood.max())
    normalised: Values = probability / probability.sum()
    return normalised


def estimate_step(before: Segment, after: Segment, bounds: ScaleBounds) -> Step:
    """The step between the means of two segments, outliers clipped, in scales of the earlier one.

    The interval is Student's; its standard error is that of means of runs that are correlated of first order. The scale
    of a young baseline is that of its prior and its own runs together.
    """
    baselines = Baselines(np.array([bounds.min_scale]), np.array([bounds.prior_scale]))
    baselines.restart(0, before)
    estimates, later = estimate(baselines), after.means
    scale, freedom = float(estimates.scale[0]), max(len(before) - 1.0, 1.0)
    if len(before) < MIN_BASELINE_RUNS:
        scale, freedom = (
            float(found[0]) for found in posterior_scale(estimates.scale, baselines.count, baselines.prior_scale)
        )
    autocorrelation = float(estimates.autocorrelation[0])
    mean = float(estimates.level[0] + estimates.clipped[0].sum() / len(before))
    median = float(np.median(later))
    now = median + float(np.clip(later - median, -CLIP * scale, CLIP * scale).mean())
    variance = sum(_mean_variance(len(segment), autocorrelation) for segment in (before, after))
    half = float(stdtrit(freedom, _QUANTILE)) * scale * variance**0.5
    deviation = scale * ((1 + autocorrelation) / (1 - autocorrelation)) ** 0.5
    return Step(now - mean, now - mean - half, now - mean + half, mean, deviation)


def _mean_variance(runs: int, autocorrelation: float) -> float:
    """The variance of the mean of this many runs with a scale of 1."""
    lags = np.arange(1, runs)
    return float((1 + 2 * ((1 - lags / runs) * autocorrelation**lags).sum()) / runs)
