"""The numbers of a run in the text format of OpenMetrics 1.0, for Prometheus, GitLab's metrics reports and the like.

Every metric of the registry is a gauge with its unit; a scenario, and each part of a mixed one, is a series. What
differs in every run, as its id, is a label of `loadtasks_run` alone, so that the series of two runs are the same.
"""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric, StateSetMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from loadtasks.measurement import metrics
from loadtasks.measurement.metrics import METRICS, Unit
from loadtasks.plain_text import plain
from loadtasks.results.document import ResultsDocument
from loadtasks.results.judgement import Verdict

PREFIX = "loadtasks_"
_MAX_LENGTH = 500
"""Characters of a label's value."""
_UNITS = {Unit.SECONDS: "seconds", Unit.PER_SECOND: "per_second", Unit.SHARE: "ratio", Unit.COUNT: "requests"}
_ENDINGS = ("_per_s", "_s")
"""What names in the registry end with, in place of which the exposition writes the unit."""
_OF_TIMES = ("mean_s", "max_s")
"""Metrics of the response time whose labels are too short to say so."""
_SERIES = ("service", "scenario", "part", "endpoint")
_COMPARED = ("service", "scenario", "part", "metric")


def render(document: ResultsDocument) -> bytes:
    """A run as an OpenMetrics exposition in UTF-8, which ends with `# EOF`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_RunCollector(document))
    exposition: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return exposition


def exposed_name(metric: metrics.Metric) -> str:
    """The name of a metric in the exposition: `p95_s` is `loadtasks_p95_seconds`."""
    name = metric.name
    for ending in _ENDINGS:
        if name.endswith(ending):
            name = name.removesuffix(ending)
            break
    unit = _UNITS[metric.unit]
    return f"{PREFIX}{name}" if name.endswith(f"_{unit}") else f"{PREFIX}{name}_{unit}"


class _RunCollector(Collector):
    """The metric families of one run."""

    def __init__(self, document: ResultsDocument) -> None:
        self._document = document

    def collect(self) -> Iterable[Metric]:
        """Every family that has a sample."""
        families = (self._run(), *self._times(), *self._verdicts(), *self._measured(), *self._compared())
        return (family for family in families if family.samples)

    def _run(self) -> Metric:
        run = self._document.run
        known = {
            "run": run.id,
            "service": run.service,
            "target": run.target_url,
            "target_version": run.target_version,
            "reference": run.reference_url,
            "reference_version": run.reference_version,
            "generator": run.generator,
            "trigger": run.trigger,
            "verdict": self._document.verdict.value,
        }
        values = {name: _text(value) for name, value in known.items() if value}
        return InfoMetricFamily(f"{PREFIX}run", "What was measured, where and when.", value=values)

    def _times(self) -> Iterator[Metric]:
        run = self._document.run
        service = [_text(run.service)]
        started = GaugeMetricFamily(
            f"{PREFIX}run_started_timestamp",
            "When the run was opened, in seconds since 1970.",
            labels=["service"],
            unit="seconds",
        )
        started.add_metric(service, run.started_at.timestamp())
        yield started
        took = GaugeMetricFamily(f"{PREFIX}run_duration", "How long the run took.", labels=["service"], unit="seconds")
        if run.took_s is not None:
            took.add_metric(service, run.took_s)
        yield took

    def _verdicts(self) -> Iterator[Metric]:
        labels = ["service", "scenario"]
        family = StateSetMetricFamily(f"{PREFIX}verdict", "The verdict of each scenario.", labels=labels)
        for scenario, verdict in {_text(one.scenario): one.verdict for one in self._document.scenarios}.items():
            family.add_metric(
                [_text(self._document.run.service), scenario], {known.value: known is verdict for known in Verdict}
            )
        yield family

    def _measured(self) -> Iterator[Metric]:
        """Every metric of the registry, of each scenario and each part that was measured."""
        measured = {
            (_text(measurement.scenario), _text(measurement.part)): measurement
            for result in self._document.scenarios
            for measurement in result.measurements
        }
        service = _text(self._document.run.service)
        for metric in METRICS.values():
            family = _gauge(exposed_name(metric), _help(metric), _SERIES, _UNITS[metric.unit])
            for (scenario, part), measurement in measured.items():
                value = metric.value(measurement)
                if value is not None:
                    family.add_metric([service, scenario, part, _text(measurement.endpoint)], value)
            yield family

    def _compared(self) -> Iterator[Metric]:
        """The ratio of each compared metric to the baseline, the reference or the other run, with its interval."""
        compared = {
            (_text(result.scenario), _text(comparison.part), _text(comparison.metric)): comparison
            for result in self._document.scenarios
            for comparison in result.comparisons
        }
        service = _text(self._document.run.service)
        paired = self._document.run.reference_url is not None and self._document.other_run is None
        against = "the reference" if paired else "the baseline"
        for name, what in (
            ("ratio", f"A metric divided by that of {against}."),
            ("low", "The lower end of the confidence interval of that ratio."),
            ("high", "The upper end of the confidence interval of that ratio."),
        ):
            family = _gauge(f"{PREFIX}change{'' if name == 'ratio' else f'_{name}'}_ratio", what, _COMPARED, "ratio")
            for key, comparison in compared.items():
                value: float | None = getattr(comparison, name)
                if value is not None:
                    family.add_metric([service, *key], value)
            yield family


def _gauge(name: str, what: str, labels: Sequence[str], unit: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, labels=labels, unit=unit)


def _help(metric: metrics.Metric) -> str:
    label = metric.label[:1].upper() + metric.label[1:]
    return f"{label} of the response time." if metric.quantile is not None or metric.name in _OF_TIMES else f"{label}."


def _text(value: str) -> str:
    return plain(value)[:_MAX_LENGTH]
