"""The history of one scenario as charts: a metric over runs with everything that it is judged by, and its phases."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median

from loadtasks import units
from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.metrics import PERCENTILES, metric_label
from loadtasks.measurement.model import SERVER, label_of
from loadtasks.plain_text import plain
from loadtasks.report.charts.history import BaselineBand, ChangeMark, HistoryChart, HistoryPoint
from loadtasks.report.charts.phase_stack import PhaseChart, RunPhases
from loadtasks.report.charts.states import ChartState, state_of
from loadtasks.report.charts.targets import TargetLine
from loadtasks.report.pages.scenario_baseline import MetricBaseline, ScenarioBaselines
from loadtasks.report.template_environment import anchor
from loadtasks.report.worst_first import finer_state
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import BaselineShift
from loadtasks.results.findings.targets import Comparison, TargetMissed, TargetsMet
from loadtasks.results.judgement import Verdict
from loadtasks.results.regression import MetricChange, Regression
from loadtasks.results.scenario_runs import TARGET_CODES, RunDetails, ScenarioRun
from loadtasks.verdict.causes.attribution import BODY, FIRST_BYTE, OUTSIDE, UNNAMED, WAITING, steps_of_phases_s
from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS

CHOICES = ("p50_s", "p95_s", "p99_s", "success_rate", "throughput_per_s", "connect_mean_s")
"""The metrics whose history can be chosen."""
MAX_DETAILED = 180
"""The newest runs whose phases and confidence intervals are shown: half a year of nightly runs."""
_IN_TIP = ("p50_s", "p90_s", "p95_s", "p99_s", "success_rate")
_IN_SHORT_TIP = ("p50_s", "p95_s", "success_rate")
_STEPS = {
    WAITING: "waiting for a connection",
    OUTSIDE: "network and queue",
    FIRST_BYTE: "to the first byte",
    UNNAMED: "own code",
    BODY: "body",
}
_MIN_USUAL = 3
"""Fewer runs have no usual time of a step."""

PageUrl = Callable[..., str]
"""`PageFrame.url`: the address of a page."""


@dataclass(frozen=True)
class ScenarioHistory:
    """The runs of a scenario, or of one part of it, and what was decided about them."""

    service: str
    scenario: str
    part: str
    metric: str
    """One of `CHOICES`."""
    runs: Sequence[ScenarioRun]
    """The oldest first; more than are shown, since baselines begin earlier."""
    shown: int
    """How many of the newest are shown."""
    regressions: Sequence[Regression] = ()
    """Those of this scenario and part."""
    names: Mapping[int, int] = field(default_factory=dict)
    """By the id of a regression the one that people know it by."""
    approved_run: str | None = None
    """The baseline run that a person approved; None where the pipeline chose it."""
    repetitions: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    """The values of all repetitions, by run, of the runs that have several."""
    histograms: Mapping[str, Histogram] = field(default_factory=dict)
    """The response times of the runs whose intervals are shown, by run."""
    details: Mapping[str, RunDetails] = field(default_factory=dict)
    """Of the newest runs, and of those with failures, by run."""
    min_effect: float = 0.03
    """The smallest relative change that is reported."""

    @property
    def label(self) -> str:
        """How people read the scenario, with its part."""
        return label_of(self.scenario, self.part)

    @property
    def newest(self) -> list[ScenarioRun]:
        """The runs that are shown, oldest first."""
        return list(self.runs[-self.shown :])

    @cached_property
    def baseline(self) -> MetricBaseline:
        """Where the baselines of the metric lie among the runs."""
        scenario = ScenarioBaselines(self.runs, self.part, self.regressions, self.approved_run, self.min_effect)
        return scenario.of(self.metric)

    @cached_property
    def targets(self) -> list[TargetLine]:
        """The targets of the metric, as the newest judged run names them."""
        for run in reversed(self.runs):
            if run.valid and not run.codes.isdisjoint(TARGET_CODES):
                return target_lines(run.findings(*TARGET_CODES), self.metric, self.part)
        return []

    def chart(self, url: PageUrl, *, versions: bool) -> HistoryChart:
        """The metric over the runs that are shown."""
        return HistoryChart(
            title=f"{metric_label(self.metric)} of {plain(self.service)} / {plain(self.label)}",
            metric=self.metric,
            points=[self._point(run, url) for run in self.newest],
            baselines=self._bands,
            targets=self.targets,
            changes=[mark for mark in self._marks(url) if mark is not None],
            versions=versions,
        )

    def phases(self, url: PageUrl) -> PhaseChart | None:
        """The steps of a request over the newest runs that are shown; None where none of them measured any."""
        runs = [
            RunPhases(
                run_id=run.run_id,
                started_at=run.started_at,
                mean_s=self._steps_s(run),
                version=run.version or "",
                href=self._href(run, url),
                state=state_at(run),
            )
            for run in self.newest[-MAX_DETAILED:]
        ]
        if not any(run.mean_s for run in runs):
            return None
        order = [_STEPS[name] for name in (WAITING, OUTSIDE, FIRST_BYTE, UNNAMED)]
        named = sorted({name for run in runs for name in run.mean_s} - set(_STEPS.values()))
        return PhaseChart(
            title=f"Where the time of a request goes, {plain(self.service)} / {plain(self.label)}",
            runs=runs,
            order=[*order[:3], *named, order[3], _STEPS[BODY]],
            baseline_s=self._usual_steps_s,
        )

    def state(self) -> ChartState:
        """What its newest judged run says."""
        judged = (run for run in reversed(self.runs) if run.verdict is not None)
        newest = next(judged, None)
        return state_at(newest) if newest is not None else ChartState.NO_BASELINE

    def _href(self, run: ScenarioRun, url: PageUrl) -> str:
        return f"{url(f'/runs/{run.run_id}')}#{anchor(self.scenario)}"

    def _point(self, run: ScenarioRun, url: PageUrl) -> HistoryPoint:
        low, high = self._interval(run, self.metric) or (None, None)
        repeated = [value for value in self.repetitions.get(run.run_id, ()) if value is not None]
        return HistoryPoint(
            run_id=run.run_id,
            started_at=run.started_at,
            value=run.metrics.get(self.metric),
            state=state_at(run),
            low=low,
            high=high,
            version=run.version or "",
            href=self._href(run, url),
            repetitions=repeated if len(repeated) > 1 else (),
            environment_changed=any(
                finding.part == self.part and finding.metric in (self.metric, "")
                for finding in run.findings(FindingCode.ENVIRONMENT_CHANGED)
            ),
            details=self._details(run),
        )

    def _details(self, run: ScenarioRun) -> list[tuple[str, str]]:
        """Further lines of a tooltip; of the runs long ago fewer, since there are thousands."""
        if not run.measured:
            return [("measured", "nothing")]
        names = _IN_TIP if run.run_id in self.details else _IN_SHORT_TIP
        return [(metric_label(name), self._said(run, name)) for name in names if name != self.metric]

    def _said(self, run: ScenarioRun, name: str) -> str:
        bounds_s = self._interval(run, name)
        return units.value(name, run.metrics.get(name)) + (f" ({units.interval(bounds_s)})" if bounds_s else "")

    def _interval(self, run: ScenarioRun, name: str) -> tuple[float, float] | None:
        histogram = self.histograms.get(run.run_id)
        if histogram is None or name not in PERCENTILES or not run.valid:
            return None
        return histogram.interval_s(PERCENTILES[name])

    @cached_property
    def _bands(self) -> list[BaselineBand]:
        begin = len(self.runs) - self.shown
        return [
            BaselineBand(
                self.runs[max(band.first, begin)].run_id, self.runs[band.last].run_id, band.level, band.low, band.high
            )
            for band in self.baseline.bands(begin)
        ]

    @property
    def _usual_steps_s(self) -> dict[str, float]:
        """The median of each step over the newest runs of the baseline; empty where there are too few."""
        begin, outside = max(self.baseline.begins, default=0), self.baseline.outside
        members = [run for place, run in enumerate(self.runs) if place >= begin and place not in outside]
        steps = [found for run in members[-MAX_BASELINE_RUNS:] if (found := self._steps_s(run))]
        if len(steps) < _MIN_USUAL:
            return {}
        names = dict.fromkeys(name for one in steps for name in one)
        return {name: median(one.get(name, 0.0) for one in steps) for name in names}

    def _steps_s(self, run: ScenarioRun) -> dict[str, float]:
        """The mean time of each step of a request in a run, by its name; empty where none was measured."""
        details, completed = self.details.get(run.run_id), int(run.metrics.get("completed") or 0)
        if details is None or not completed or not run.valid:
            return {}
        steps = steps_of_phases_s(details.phases, completed)
        return {_STEPS.get(name, plain(name.removeprefix(SERVER))): seconds for name, seconds in steps.items()}

    def _marks(self, url: PageUrl) -> Iterator[ChangeMark | None]:
        for regression in self.baseline.regressions:
            size = next((change for change in regression.changes if change.metric == self.metric), None)
            href = url(f"/regressions/{self.names.get(regression.id, regression.id)}")
            yield self._mark(regression.first_run, _size(size or regression.changes[0], self.metric), href, worse=True)
        for finding in self.baseline.gains:
            if isinstance(finding.parameters, BaselineShift) and finding.metric == self.metric:
                label = units.change(finding.parameters.ratio)
                yield self._mark(finding.parameters.first_run, label, "", worse=False)

    def _mark(self, first_run: str, label: str, href: str, *, worse: bool) -> ChangeMark | None:
        first = self.baseline.scenario.places.get(first_run)
        if first is None:
            return None
        earliest, latest = self.baseline.change_interval(first)
        return ChangeMark(
            run_id=first_run,
            worse=worse,
            earliest_run=self.runs[earliest].run_id,
            latest_run=self.runs[latest].run_id,
            label=label,
            href=href,
        )


def state_at(run: ScenarioRun) -> ChartState:
    """The verdict of a run, or what was found in it that decides nothing."""
    finer = finer_state(run.codes) if run.verdict is Verdict.PASS else None
    return finer or state_of(run.verdict)


def _size(change: MetricChange, metric: str) -> str:
    """How large a change is, named where it is of another metric."""
    if change.errors is not None:
        said = f"errors {' → '.join(units.error_rates(change.errors.rate_before, change.errors.rate))}"
    else:
        said = units.change(change.ratio)
    return said if change.metric == metric else f"{metric_label(change.metric)} {said}"


def target_lines(findings: Iterable[Finding], metric: str, part: str = "") -> list[TargetLine]:
    """The targets of a metric that were judged, met or missed, as the findings of a run name them."""
    lines: list[TargetLine] = []
    for finding in findings:
        parameters = finding.parameters
        if isinstance(parameters, TargetsMet):
            for met in parameters.targets:
                if (met.part, met.metric) == (part, metric):
                    lines += _lines(met)
        elif isinstance(parameters, TargetMissed) and (finding.part, finding.metric) == (part, metric):
            lines += _lines(parameters)
    return list(dict.fromkeys(lines))


def _lines(target: TargetMissed) -> Iterator[TargetLine]:
    for bound in target.bounds:
        sign = {Comparison.AT_MOST: "≤", Comparison.AT_LEAST: "≥"}.get(bound.comparison, bound.comparison.value)
        yield TargetLine(bound.value, f"target {sign}")
