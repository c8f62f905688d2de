"""The registry of metrics: every number of a measurement that is stored, shown, compared and judged, defined once.

A new metric is one entry in `_ALL`, and a column of the results database, which a migration adds. Tables, lists of
columns, charts, targets, series and comparisons are made from `METRICS`, in its order.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Flag, StrEnum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadtasks.measurement.model import Measurement


class Unit(StrEnum):
    """What a metric is measured in."""

    SECONDS = "seconds"
    PER_SECOND = "per_second"
    SHARE = "share"
    """0 to 1. Changes of a share are differences; of everything else they are factors."""
    COUNT = "count"


class Table(Flag):
    """The tables of measurements in which a metric has a column."""

    RUN = auto()
    """A row a scenario: the table of a run, in every report."""
    DETAILS = auto()
    """The details of one scenario in the HTML report."""
    HISTORY = auto()
    """A row a run: the history of one scenario."""
    MAIL = auto()
    """A row a scenario, in few columns: the table of a mail."""


_NO_TABLE = Table(0)


@dataclass(frozen=True)
class BaselineRule:
    """How a metric is compared with its baseline (`loadtasks.verdict.history`)."""

    weight: float
    """Its share of the false alarms that its scenario may raise; the weights of all metrics add up to 1."""
    min_effect: float | None = None
    """The smallest relative change that is reported, where the metric needs a larger one than people set."""
    prior_scale: float = 0.1
    """How much runs of one build differ before any was seen: a standard deviation, of the logarithm or of the share
    itself. It counts like twelve runs (`loadtasks.verdict.history.plausibility`), so it matters in young baselines."""
    sampling_error: float = 0.5
    """The standard error of one run's value, times the square root of its number of requests. That of a median is 1.25
    times the standard deviation of the logarithms of its response times, which is about 0.4."""
    relative_to: str | None = None
    """The metric whose logarithm is subtracted before it is judged, so that a change of both is reported once."""


@dataclass(frozen=True)
class ReferenceRule:
    """How the rounds of a paired run are compared (`loadtasks.verdict.reference`)."""

    decides: bool = True
    """Whether it may decide the verdict; otherwise its ratio is only shown."""
    min_requests: int = 0
    """Requests that a round needs, in the median over all rounds, for the metric to be judged."""


@dataclass(frozen=True)
class JudgedBy:
    """Where a metric is judged besides targets, which may name every metric."""

    baseline: BaselineRule | None = None
    reference: ReferenceRule | None = None


@dataclass(frozen=True)
class Metric:
    """One number of a measurement."""

    name: str
    """The name in targets, results.json and the column of the results database; its ending is its unit."""
    label: str
    """How people read it within a sentence."""
    unit: Unit
    value: Callable[["Measurement"], float | None]
    """Its value of a measurement; None where the measurement has none."""
    higher_is_better: bool = False
    quantile: float | None = None
    """The quantile of the response time that it is; None of what is no percentile."""
    judged_by: JudgedBy = JudgedBy()
    tables: Table = _NO_TABLE
    heading: str = ""
    """The head of its column; the label where it is not given."""
    may_be_missing: bool = False
    """Whether a measurement without a value meets targets: it is of a kind, as a short load, that has none. Otherwise a
    target with nothing to judge is missed."""

    @property
    def column(self) -> str:
        """The head of its column in tables."""
        return self.heading or self.label


def _count(name: str, label: str, heading: str = "", tables: Table = _NO_TABLE) -> Metric:
    def value(measurement: "Measurement") -> float | None:
        number: int = getattr(measurement.counts, name)
        return number

    return Metric(name, label, Unit.COUNT, value, heading=heading, tables=tables)


def _percentile(
    name: str, label: str, quantile: float, tables: Table = Table.DETAILS, judged_by: JudgedBy = JudgedBy()
) -> Metric:
    def value(measurement: "Measurement") -> float | None:
        return measurement.response.quantile_s(quantile)

    return Metric(name, label, Unit.SECONDS, value, quantile=quantile, tables=tables, judged_by=judged_by)


_SUMMARY = Table.RUN | Table.HISTORY
_ALL = (
    _count("scheduled", "requests scheduled", "requests", Table.RUN),
    _count("completed", "requests completed"),
    _count("throttled", "requests throttled"),
    _count("failed", "requests failed"),
    _count("internal_errors", "requests that the load engine failed on"),
    _count("dropped", "requests dropped"),
    _count("in_flight", "requests in flight at the deadline"),
    _count("conservation_gap", "requests unaccounted for"),
    Metric(
        "stale_connections",
        "requests sent again after a stale connection",
        Unit.COUNT,
        lambda measurement: measurement.stale_connections,
    ),
    Metric(
        "mean_s",
        "mean",
        Unit.SECONDS,
        lambda measurement: measurement.response.mean_s,
        judged_by=JudgedBy(reference=ReferenceRule(decides=False)),
        tables=_SUMMARY,
    ),
    _percentile(
        "p50_s",
        "p50",
        0.50,
        tables=_SUMMARY | Table.MAIL,
        judged_by=JudgedBy(baseline=BaselineRule(weight=0.5), reference=ReferenceRule()),
    ),
    _percentile("p90_s", "p90", 0.90),
    _percentile(
        "p95_s",
        "p95",
        0.95,
        tables=_SUMMARY | Table.MAIL,
        judged_by=JudgedBy(
            # What slows all requests alike moves p50 as well, and p50 reports it.
            baseline=BaselineRule(
                weight=0.15, min_effect=0.05, prior_scale=0.2, sampling_error=1.5, relative_to="p50_s"
            ),
            reference=ReferenceRule(min_requests=20),
        ),
    ),
    _percentile("p99_s", "p99", 0.99, tables=_SUMMARY),
    _percentile("p99_9_s", "p99.9", 0.999),
    Metric("max_s", "max", Unit.SECONDS, lambda measurement: measurement.response.max_s, tables=Table.DETAILS),
    Metric(
        "throughput_per_s",
        "throughput",
        Unit.PER_SECOND,
        lambda measurement: measurement.throughput_per_s,
        higher_is_better=True,
        judged_by=JudgedBy(baseline=BaselineRule(weight=0.15), reference=ReferenceRule(decides=False)),
        tables=_SUMMARY,
    ),
    Metric(
        "success_rate",
        "success rate",
        Unit.SHARE,
        lambda measurement: measurement.counts.success_rate,
        higher_is_better=True,
        judged_by=JudgedBy(
            # Against a baseline by counts, for which only the weight matters (`loadtasks.verdict.history.error_rates`);
            # the rest is for two results files.
            baseline=BaselineRule(weight=0.1, min_effect=0.02, prior_scale=0.01, sampling_error=0.1),
            reference=ReferenceRule(),
        ),
        heading="success",
        tables=_SUMMARY | Table.MAIL,
    ),
    Metric(
        "availability",
        "availability",
        Unit.SHARE,
        lambda measurement: measurement.availability.share if measurement.availability is not None else None,
        higher_is_better=True,
        tables=Table.DETAILS,
        may_be_missing=True,
    ),
    Metric(
        "connect_mean_s",
        "mean time to connect",
        Unit.SECONDS,
        lambda measurement: measurement.phase_mean_s("connect"),
        judged_by=JudgedBy(
            baseline=BaselineRule(weight=0.1, min_effect=0.1, prior_scale=0.5, sampling_error=1.0),
            reference=ReferenceRule(decides=False),
        ),
    ),
)

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _ALL}
"""Every metric by its name."""
PERCENTILES: Mapping[str, float] = {
    metric.name: metric.quantile for metric in METRICS.values() if metric.quantile is not None
}
"""The metrics that are percentiles of the response time, and their quantiles."""
BASELINE_METRICS: Mapping[str, BaselineRule] = {
    metric.name: metric.judged_by.baseline for metric in METRICS.values() if metric.judged_by.baseline is not None
}
"""The metrics that are compared with their baselines, and how."""
REFERENCE_METRICS: Mapping[str, ReferenceRule] = {
    metric.name: metric.judged_by.reference for metric in METRICS.values() if metric.judged_by.reference is not None
}
"""The metrics that are compared with a reference, and how."""


def metric_label(name: str) -> str:
    """How people read a metric; the name itself where there is no such metric."""
    return METRICS[name].label if name in METRICS else name


def columns_of(table: Table) -> list[Metric]:
    """The metrics that have a column in a table: how many requests and how they ended first, then times and rates."""
    return sorted((metric for metric in METRICS.values() if table in metric.tables), key=_is_measured)


def values_of(measurement: "Measurement", names: Iterable[str] = METRICS) -> dict[str, int | float | None]:
    """The values of metrics, by name.

    Raises:
        KeyError: no such metric.
    """
    return {name: METRICS[name].value(measurement) for name in names}


def _is_measured(metric: Metric) -> bool:
    return metric.unit not in (Unit.COUNT, Unit.SHARE)
