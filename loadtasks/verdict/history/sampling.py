"""How precisely one run shows a metric: the standard errors that come from its finite number of requests."""

import math
from typing import NamedTuple

from loadtasks.measurement.histogram import Histogram, min_count
from loadtasks.measurement.metrics import BASELINE_METRICS, METRICS, Unit
from loadtasks.measurement.model import Measurement

_CONFIDENCE = 0.95
_Z = 1.959964
"""The quantile of the normal distribution between the ends of an interval of 95 % confidence."""
_CONNECT = "connect"
_UNKNOWN = 10.0
"""Of a percentile from fewer requests than bound it: in logarithms 22,000 times, so that nothing is claimed of it."""


class StandardErrors(NamedTuple):
    """The standard errors of one value, of its logarithm or of a share itself."""

    below: float
    """Downwards: how far the true value may lie below."""
    above: float
    """Upwards: how far the true value may lie above."""


def sampling_errors(
    measurement: Measurement, metric: str, z: float = _Z, *, is_relative: bool = True
) -> StandardErrors:
    """The standard errors of one of `BASELINE_METRICS`.

    Percentiles have those of their order statistics, which assume nothing about the distribution and are unknown of
    too few requests (see `loadtasks.measurement.histogram.Histogram.interval_s`); throughput that of a mean; a success
    rate those of Wilson's score interval (Wilson 1927, "Probable inference", JASA 22:209), which is one of a share near
    100 % too. Where the histogram was pruned, it is the rule of the registry for so many requests.

    Args:
        measurement: The run.
        metric: The metric's name.
        is_relative: Whether the metric is judged relative to another one, where the registry says so.
        z: The normal quantile at which the errors of a share are used: Wilson's interval isn't proportional to it.
    """
    counts, rule = measurement.counts, BASELINE_METRICS[metric]
    if METRICS[metric].unit is Unit.SHARE:
        return _of_share(counts.completed, counts.scheduled - counts.throttled - counts.internal_errors, z)
    number = counts.completed
    if metric == "connect_mean_s":
        number = measurement.phases[_CONNECT].count if _CONNECT in measurement.phases else 0
    by_rule = StandardErrors(*[rule.sampling_error / math.sqrt(max(number, 1))] * 2)
    quantile = METRICS[metric].quantile
    if quantile is not None:
        if number < min_count(quantile):
            return StandardErrors(_UNKNOWN, _UNKNOWN)
        own = _of_quantile(measurement.response, quantile) or by_rule
        relative_to = METRICS[rule.relative_to].quantile if rule.relative_to and is_relative else None
        base = _of_quantile(measurement.response, relative_to) if relative_to is not None else None
        # Two percentiles of one run move together, so that their ratio is known no worse than this.
        return own if base is None else StandardErrors(*map(math.hypot, own, reversed(base)))
    if metric == "throughput_per_s":
        error = _of_mean(measurement.response)
        return by_rule if error is None else StandardErrors(error, error)
    return by_rule


def _of_quantile(times: Histogram, quantile: float) -> StandardErrors | None:
    """Of the logarithm of a quantile; None where there are too few times."""
    value_s, bounds_s = times.quantile_s(quantile), times.interval_s(quantile, _CONFIDENCE)
    if not value_s or bounds_s is None or bounds_s[0] <= 0:
        return None
    low_s, high_s = bounds_s
    return StandardErrors(max(0.0, math.log(value_s / low_s)) / _Z, max(0.0, math.log(high_s / value_s)) / _Z)


def _of_mean(times: Histogram) -> float | None:
    """Of the logarithm of the mean, by the coefficient of variation; None where it isn't known."""
    steps = list(times.steps())
    number = sum(count for _, count in steps)
    if number < 2:  # noqa: PLR2004 - one time has no variance
        return None
    mean_s = sum(time_s * count for time_s, count in steps) / number
    variance = sum((time_s - mean_s) ** 2 * count for time_s, count in steps) / (number - 1)
    return math.sqrt(variance / number) / mean_s if mean_s > 0 else None


def _of_share(completed: int, number: int, z: float) -> StandardErrors:
    """Of a share, by Wilson's score interval at this quantile."""
    if number <= 0:
        return StandardErrors(1.0, 1.0)
    share = min(max(completed / number, 0.0), 1.0)
    denominator = 1 + z * z / number
    centre = (share + z * z / (2 * number)) / denominator
    half = z / denominator * math.sqrt(share * (1 - share) / number + z * z / (4 * number * number))
    return StandardErrors(max(0.0, share - (centre - half)) / z, max(0.0, centre + half - share) / z)
