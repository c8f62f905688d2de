"""The page of a scenario: what happened to it, and when; and what the chosen run measured of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from loadtasks import units
from loadtasks.measurement.histogram import min_count
from loadtasks.measurement.metrics import METRICS, PERCENTILES, metric_label
from loadtasks.measurement.model import Measurement
from loadtasks.measurement.pruned_histogram import PrunedHistogram
from loadtasks.report import exemplars
from loadtasks.report.charts import latency
from loadtasks.report.charts.distribution import DistributionChart
from loadtasks.report.charts.history import HistoryChart
from loadtasks.report.findings import RenderedFinding, findings_on_page
from loadtasks.report.pages.regressions import ListedRegression
from loadtasks.report.pages.scenario_history import ScenarioHistory
from loadtasks.results.document import ScenarioResult
from loadtasks.results.judgement import MetricComparison
from loadtasks.results.run import Run
from loadtasks.results.scenario_runs import RunDetails, ScenarioRun

RANGES = {"30": "30 runs", "90": "90 runs", "all": "all runs"}
"""The ranges that can be chosen."""
MAX_RUNS = 2000
"""Of `all`: five years of nightly runs."""
MAX_ROWS = 90
"""Runs whose numbers are written out."""
_MAX_FAILED = 20
_DISTRIBUTION = (*PERCENTILES, "max_s")


@dataclass(frozen=True)
class PercentileRow:
    """One percentile of the chosen run, next to what it is compared with."""

    metric: str
    value: float | None
    interval_s: tuple[float, float] | None
    """Its 95 % confidence interval; None where there are too few requests, or the run was pruned."""
    note: str
    """Why there is no interval; empty where there is one."""
    before: float | None
    """Of the run whose distribution is the baseline's."""
    before_interval_s: tuple[float, float] | None
    comparison: MetricComparison | None
    """With the level of the baseline, or with the reference; None where it isn't compared."""


@dataclass(frozen=True)
class ChosenRun:
    """The run whose distribution, errors and slowest requests are shown."""

    run: Run
    result: ScenarioResult
    """The scenario in it; of a part that part alone."""
    pruned_at: datetime | None
    is_judged: bool = True

    @property
    def measurement(self) -> Measurement | None:
        """What was measured; None where nothing was."""
        return self.result.measurements[0] if self.result.measurements else None

    @property
    def findings(self) -> list[RenderedFinding]:
        """What decides first."""
        return findings_on_page(self.result)

    @cached_property
    def distribution(self) -> DistributionChart | None:
        """Its distribution over that of its baseline; None where it has none, or it was pruned."""
        if any(isinstance(one.response, PrunedHistogram) for one in self.result.measurements):
            return None
        return latency.latency_chart(self.result)

    @property
    def percentiles(self) -> list[PercentileRow]:
        """Every percentile, and the slowest request."""
        own = self.measurement
        if own is None or not own.response.count:
            return []
        before = self.result.baseline[0] if self.result.baseline and self.result.comparisons else None
        compared = {one.metric: one for one in self.result.comparisons if one.part == own.part}
        return [_percentile(name, own, before, compared.get(name)) for name in _DISTRIBUTION]

    @property
    def slowest(self) -> list[exemplars.RenderedExemplar]:
        """The slowest requests."""
        return exemplars.of_scenario(self.result)


@dataclass(frozen=True)
class ScenarioPage:
    """What the page of a scenario shows."""

    history: ScenarioHistory
    parts: Sequence[str]
    """Of a mixed scenario."""
    undecided: Sequence[ListedRegression]
    """The regressions about which people may still decide."""
    ended: Sequence[ListedRegression]
    """The others, the newest first."""
    chosen: ChosenRun | None
    """None where no run measured it."""

    @property
    def is_last(self) -> bool:
        """Whether the chosen run is the last one."""
        return self.chosen is not None and self.history.runs[-1].run_id == self.chosen.run.id

    @property
    def numbers(self) -> list[ScenarioRun]:
        """The runs whose numbers are written out, newest first."""
        return self.history.newest[::-1][:MAX_ROWS]

    @property
    def failed(self) -> list[tuple[ScenarioRun, RunDetails]]:
        """The runs in which requests failed, newest first."""
        return [
            (run, details)
            for run in failed_runs(self.history.newest)
            if (details := self.history.details.get(run.run_id)) is not None and details.errors
        ]

    def around(self, run_id: str) -> tuple[str | None, str | None]:
        """The runs of the scenario before and after one of them."""
        ids = [run.run_id for run in self.history.runs if run.measured]
        if run_id not in ids:
            return None, None
        place = ids.index(run_id)
        return (ids[place - 1] if place else None), (ids[place + 1] if place + 1 < len(ids) else None)


def failed_runs(runs: Sequence[ScenarioRun]) -> list[ScenarioRun]:
    """The newest of these runs in which requests failed, newest first."""
    return [run for run in reversed(runs) if run.has_failures][:_MAX_FAILED]


def of_part(result: ScenarioResult, part: str) -> ScenarioResult:
    """A scenario as if it were one of its parts alone; the whole as it is."""
    if not part:
        return result
    return result.model_copy(
        update={
            "measurements": [one for one in result.measurements if one.part == part],
            "baseline": [one for one in result.baseline if one.part == part],
            "comparisons": [one for one in result.comparisons if one.part == part],
            "findings": [one for one in result.findings if one.part == part],
        }
    )


def far_targets(chart: HistoryChart) -> list[str]:
    """The targets that are off the chart, in words: `target < 2.00 s`."""
    return [f"{target.label} {units.value(chart.metric, target.value)}" for target in chart.far_targets]


def numbers_of(run: ScenarioRun) -> Mapping[str, str]:
    """The numbers of a run in the table below the chart, by heading."""
    names = ("p50_s", "p95_s", "p99_s", "success_rate", "throughput_per_s")
    return {METRICS[name].column: units.value(name, run.metrics.get(name)) for name in names}


def _percentile(
    name: str, own: Measurement, before: Measurement | None, comparison: MetricComparison | None
) -> PercentileRow:
    interval_s = _interval_s(own, name)
    note = ""
    if name in PERCENTILES and interval_s is None:
        needed = min_count(PERCENTILES[name])
        few = own.response.count < needed
        note = f"needs {units.count(needed)} requests" if few else "pruned"
    return PercentileRow(
        metric=name,
        value=METRICS[name].value(own),
        interval_s=interval_s,
        note=note,
        before=METRICS[name].value(before) if before is not None else None,
        before_interval_s=_interval_s(before, name) if before is not None else None,
        comparison=comparison,
    )


def _interval_s(measurement: Measurement, name: str) -> tuple[float, float] | None:
    return measurement.response.interval_s(PERCENTILES[name]) if name in PERCENTILES else None


def metric_title(metric: str) -> str:
    """The name of a metric in the picker."""
    return METRICS[metric].heading or metric_label(metric)
