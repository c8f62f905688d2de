"""How precise percentiles are, in words: their confidence interval, or that they are indicative only."""

from collections.abc import Sequence

from loadtasks import units
from loadtasks.measurement.histogram import min_count
from loadtasks.measurement.metrics import PERCENTILES, metric_label
from loadtasks.measurement.model import Measurement
from loadtasks.verdict.targets.percentiles import interval_s

MARK = "*"
"""Marks a percentile that is indicative only."""


def is_indicative(measurement: Measurement, metric: str) -> bool:
    """Whether a metric is a percentile from fewer requests than its confidence interval needs."""
    quantile, number = PERCENTILES.get(metric), measurement.response.count
    return quantile is not None and 0 < number < min_count(quantile)


def confidence(measurement: Measurement, metric: str) -> str:
    """Where the true percentile lies, or that it is indicative only; empty for other metrics."""
    if metric not in PERCENTILES:
        return ""
    bounds_s = interval_s(measurement, metric)
    if bounds_s is not None:
        return f"95 % confidence interval of the {metric_label(metric)}: {units.interval(bounds_s)}"
    if is_indicative(measurement, metric):
        return indicative_only(measurement, metric)
    return ""


def indicative_only(measurement: Measurement, metric: str) -> str:
    """Why a percentile is indicative only: `indicative only: 20 requests, and a p95 needs at least 72`."""
    name, needed = metric_label(metric), units.count(min_count(PERCENTILES[metric]))
    number = units.plural(measurement.response.count, "request")
    return f"indicative only: {number}, and a {name} needs at least {needed}"


def footnote(metrics: Sequence[str]) -> str:
    """What the mark means for the percentiles that a table shows."""
    needed = (
        f"a {metric_label(metric)} {'needs at least ' if number == 0 else ''}"
        f"{units.count(min_count(PERCENTILES[metric]))}{' requests' if number == 0 else ''}"
        for number, metric in enumerate(metrics)
    )
    return f"{MARK} indicative only: {', '.join(needed)}."
