"""Overview: whether anything is wrong, by service, then every scenario with its last runs as sparklines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from statistics import median

from loadtasks import units
from loadtasks.measurement.metrics import metric_label
from loadtasks.report.charts.sparkline import SparklineBand
from loadtasks.report.charts.states import ChartState, state_of
from loadtasks.report.charts.targets import TargetLine
from loadtasks.report.headline import headline
from loadtasks.report.noise import moved_metrics
from loadtasks.report.pages.scenario_baseline import MetricBaseline, ScenarioBaselines
from loadtasks.report.pages.scenario_history import target_lines
from loadtasks.report.worst_first import GRAVITY, finer_state
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import MetricComparison, ScenarioVerdict, Verdict, overall
from loadtasks.results.regression import Regression
from loadtasks.results.run import Run
from loadtasks.results.scenario_runs import ScenarioRun

_SCHEDULED = "scheduled"
_MIN_SCHEDULED = 4
"""With fewer scheduled runs nobody knows how often one was due."""
_MAX_MISSED = 7
"""How many gaps are drawn in a row."""
COLUMNS = ("p50_s", "p95_s", "success_rate")
"""The metrics of a row, each with a sparkline."""


@dataclass(frozen=True)
class RunMark:
    """One run of a service in the row of its last runs."""

    run: Run
    verdict: Verdict | None
    """None while it is open, and where it never ended."""
    missed_before: int = 0
    """How many scheduled runs are missing between the run before and this one, by the time that usually passes."""


@dataclass(frozen=True)
class ScenarioRow:
    """One scenario: its values in the last run that measured it, and those of the runs before."""

    service: str
    scenario: str
    verdict: Verdict | None
    run_id: str
    """The last run that measured it."""
    trends: dict[str, list[float | None]]
    """By metric, the value of each run shown, oldest first; None where it was not measured or is invalid."""
    comparisons: dict[str, MetricComparison]
    """By metric, how its last value compares with the baseline or the reference; where that is known."""
    bands: dict[str, list[SparklineBand]]
    """By metric, the baselines of the runs shown: level ± scale."""
    targets: Mapping[str, Sequence[TargetLine]] = field(default_factory=dict)
    """By metric, the targets that its suite has for it."""
    moved: frozenset[str] = frozenset()
    """The metrics that a finding is about; changes of others are within what runs differ by anyway."""
    finer: ChartState | None = None
    """Suspected, recovering, without a baseline yet: what a verdict of pass does not say."""

    @property
    def state(self) -> ChartState:
        """Its verdict, or what was found that decides nothing, as a symbol with a colour."""
        return self.finer if self.finer is not None and self.verdict is Verdict.PASS else state_of(self.verdict)

    def state_of(self, metric: str) -> ChartState:
        """The state of one of its metrics: that of the row where a finding is about the metric."""
        return self.state if metric in self.moved else ChartState.PASS

    @property
    def endpoint(self) -> str:
        """The endpoint that the scenario is named after."""
        return self.scenario.partition(".")[0]

    def value(self, metric: str) -> float | None:
        """The value of a metric in the last run that measured it."""
        return self.trends[metric][-1] if self.trends[metric] else None

    def title(self, metric: str) -> str:
        """What the sparkline of a metric shows: `p95 of the last runs; baseline 178 ms to 186 ms; target ≤ 300 ms`."""
        said = [f"{metric_label(metric)} of the last runs"]
        band = next(reversed(self.bands[metric]), None)
        if band is not None and band.last == len(self.trends[metric]) - 1:  # else the newest has no scale yet
            low, high = units.value(metric, band.low), units.value(metric, band.high)
            said.append(f"baseline {low if low == high else f'{low} to {high}'}")
        said += [f"{target.label} {units.value(metric, target.value)}" for target in self.targets.get(metric, ())]
        return "; ".join(said)

    @property
    def change(self) -> float:
        """The largest change of a time against the baseline, as a factor of at least 1; what rows are sorted by."""
        ratios = [one.ratio for one in self.comparisons.values() if one.ratio]
        return max((max(ratio, 1 / ratio) for ratio in ratios), default=1.0)


@dataclass(frozen=True)
class ServiceOverview:
    """One service: the verdict of its last judged run, its last runs, its open regressions and its scenarios."""

    service: str
    marks: list[RunMark]
    """Its last runs, oldest first."""
    last: RunMark
    """The last judged run, or the last one where none is judged."""
    sentence: str
    """The reason for its verdict, without a full stop; empty where it is not judged."""
    rows: list[ScenarioRow]
    regressions: list[list[Regression]]
    """Those that people may still decide about: several that are known by one id are one of the list."""

    @property
    def running(self) -> Run | None:
        """The run that is open now, where the newest one is."""
        newest = self.marks[-1]
        return newest.run if newest.verdict is None and newest.run.ended_at is None else None


def make_service_overview(
    runs: Sequence[tuple[Run, Verdict | None]],
    measured: Mapping[str, ScenarioBaselines],
    verdicts: dict[str, list[ScenarioVerdict]],
    regressions: list[list[Regression]],
    targets: Mapping[str, Sequence[Finding]],
) -> ServiceOverview:
    """What the overview shows of a service.

    Args:
        runs: its last runs, at least one, oldest first.
        measured: by scenario the runs that measured it, more than are shown, and its baselines among them.
        verdicts: those of the last judged run, by its id.
        regressions: those that people may still decide about.
        targets: by scenario the findings that name its targets, of the last run that judged them.
    """
    marks = [
        RunMark(run, verdict, missed)
        for (run, verdict), missed in zip(runs, _missed([run for run, _ in runs]), strict=True)
    ]
    last = next((mark for mark in reversed(marks) if mark.verdict is not None), marks[-1])
    judged = verdicts.get(last.run.id, [])
    return ServiceOverview(
        service=last.run.service,
        marks=marks,
        last=last,
        sentence=headline(light_document(last.run, judged)) if last.verdict is not None else "",
        rows=_rows(marks, measured, {verdict.scenario: verdict for verdict in judged}, targets),
        regressions=regressions,
    )


def light_document(run: Run, verdicts: Sequence[ScenarioVerdict]) -> ResultsDocument:
    """A run with its verdicts and findings, and without its measurements, for sentences."""
    results = [ScenarioResult(endpoint=verdict.scenario.partition(".")[0], **dict(verdict)) for verdict in verdicts]
    return ResultsDocument(run=run, verdict=overall([result.verdict for result in results]), scenarios=results)


def sort_rows(rows: Iterable[ScenarioRow]) -> list[ScenarioRow]:
    """Rows by state, then by the size of the change, then by name."""
    return sorted(rows, key=lambda row: (GRAVITY.index(row.verdict), -row.change, row.service, row.scenario))


def sort_services(services: Iterable[ServiceOverview]) -> list[ServiceOverview]:
    """Services by the state of their last judged run, an open regression first; then by name."""
    return sorted(services, key=lambda one: (GRAVITY.index(one.last.verdict), not one.regressions, one.service))


def _rows(
    marks: Sequence[RunMark],
    measured: Mapping[str, ScenarioBaselines],
    judged: dict[str, ScenarioVerdict],
    targets: Mapping[str, Sequence[Finding]],
) -> list[ScenarioRow]:
    rows = []
    for scenario in dict.fromkeys([*judged, *measured]):
        baselines = measured.get(scenario, ScenarioBaselines([]))
        runs = {one.run_id: one for one in baselines.runs}
        own = [runs.get(mark.run.id) for mark in marks]
        seen = [one for one in own if one is not None]
        if not seen and scenario not in judged:  # it was measured long ago
            continue
        trends = {
            metric: [one.metrics.get(metric) if one is not None and one.valid else None for one in own]
            for metric in COLUMNS
        }
        while trends["p50_s"] and own and own[-1] is None:  # runs that have not measured it (yet) say nothing
            own.pop()
            for trend in trends.values():
                trend.pop()
        verdict = judged.get(scenario)
        rows.append(
            ScenarioRow(
                service=marks[-1].run.service,
                scenario=scenario,
                verdict=verdict.verdict if verdict is not None else (seen[-1].verdict if seen else None),
                run_id=seen[-1].run_id if seen else marks[-1].run.id,
                trends=trends,
                comparisons={one.metric: one for one in verdict.comparisons if not one.part} if verdict else {},
                bands={metric: list(_bands(baselines.of(metric), own)) for metric in COLUMNS},
                targets={metric: target_lines(targets.get(scenario, ()), metric) for metric in COLUMNS},
                moved=moved_metrics(verdict.findings) if verdict is not None else frozenset(),
                finer=finer_state({finding.code for finding in verdict.findings}) if verdict is not None else None,
            )
        )
    return rows


def _bands(baseline: MetricBaseline, shown: Sequence[ScenarioRun | None]) -> Iterator[SparklineBand]:
    """The baselines of the runs that are shown, None where one did not measure the scenario."""
    places = baseline.scenario.places
    numbers = {places[run.run_id]: number for number, run in enumerate(shown) if run is not None}
    for band in baseline.bands(min(numbers, default=len(places))):
        own = [number for place, number in numbers.items() if band.first <= place <= band.last]
        if own:
            yield SparklineBand(own[0], own[-1], band.low, band.high)


def _missed(runs: Sequence[Run]) -> list[int]:
    """How many scheduled runs are missing before each run: of a schedule that its own runs show."""
    before: datetime | None = None
    scheduled = [run.started_at for run in runs if run.trigger == _SCHEDULED]
    usual_s = median((b - a).total_seconds() for a, b in pairwise(scheduled)) if len(scheduled) >= _MIN_SCHEDULED else 0
    missed = []
    for run in runs:
        gap_s = (run.started_at - before).total_seconds() if before is not None else 0.0
        missed.append(min(_MAX_MISSED, max(0, round(gap_s / usual_s) - 1)) if usual_s > 0 else 0)
        before = run.started_at
    return missed
