"""The page of a run: its verdict, what is new and what is known, then every scenario, worst first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from loadtasks.measurement.metrics import metric_label
from loadtasks.report.charts.states import ChartState
from loadtasks.report.findings import RenderedFinding, render_findings
from loadtasks.report.headline import brief
from loadtasks.report.table import TableRow, scenario_rows
from loadtasks.report.text import label
from loadtasks.report.worst_first import finer_state, state_of_result, worst_first
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import KnownRegression, RegressionShift
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.run_browser import ListedRun, RunNeighbours

_UNJUDGED = (FindingCode.NOT_JUDGED, FindingCode.NOT_MEASURED)
_KNOWN = (FindingCode.REGRESSION_ACKNOWLEDGED, FindingCode.RECOVERING)
_OVER = (FindingCode.RECOVERED, FindingCode.ACCEPTED_AUTOMATICALLY)
_WATCHED = (FindingCode.SUSPECTED, FindingCode.CREEP)
_MIN_TOGETHER = 3
"""So many scenarios that show the same are one item."""
_BAD = (FindingKind.TARGET, FindingKind.REGRESSION, FindingKind.VALIDITY)
_STATES = {
    FindingKind.TARGET: ChartState.FAIL,
    FindingKind.REGRESSION: ChartState.REGRESSED,
    FindingKind.VALIDITY: ChartState.INVALID,
    FindingKind.IMPROVEMENT: ChartState.IMPROVED,
}


@dataclass(frozen=True)
class NewsItem:
    """One thing that a run shows, in a sentence."""

    state: ChartState
    scenario: str
    label: str
    """The scenario as people read it, with its part."""
    sentence: str
    """Without its full stop; empty where the label says it all."""
    regression: int | None = None
    """The id of the regression that it is about."""


@dataclass(frozen=True)
class RunNews:
    """What a run shows, by what people know of it."""

    new: list[NewsItem]
    """Bad, or better, since this run."""
    watched: list[NewsItem]
    """Neither confirmed nor decided about."""
    known: list[NewsItem]
    """Bad since an earlier run."""
    over: list[NewsItem]
    """No longer bad."""


@dataclass(frozen=True)
class StepsSoFar:
    """How far a run is that has not been judged."""

    planned: list[str]
    measured: list[str]
    failed: list[str]
    """Those that could not be measured."""
    measuring: list[str]
    """Those whose load is being sent."""

    @property
    def done(self) -> int:
        """How many scenarios are over."""
        return len({*self.measured, *self.failed})

    def step(self, scenario: str) -> str:
        """Where a scenario is, in words."""
        for names, words in (
            (self.measuring, "being measured"),
            (self.failed, "could not be measured"),
            (self.measured, "measured"),
        ):
            if scenario in names:
                return words
        return "to come"


@dataclass(frozen=True)
class RunPage:
    """What the page of a run shows."""

    listed: ListedRun
    document: ResultsDocument
    """Without baselines."""
    neighbours: RunNeighbours
    news: RunNews
    progress: StepsSoFar
    is_newest: bool
    """Whether no run of its service was opened later."""
    files: frozenset[str]
    """The files of its report that can be shown: `index.html`, `results.json`."""

    @property
    def is_judged(self) -> bool:
        """Whether it has a verdict."""
        return self.listed.verdict is not None

    @property
    def may_be_running(self) -> bool:
        """Whether it has not ended, as far as is kept, and no later run of its service has begun."""
        return not self.is_judged and self.listed.run.ended_at is None and self.is_newest

    @cached_property
    def results(self) -> list[ScenarioResult]:
        """The scenarios, worst first; those of a run without a verdict in the order planned."""
        if not self.is_judged:
            return self.document.scenarios
        return worst_first(self.document.scenarios)

    @property
    def rows(self) -> list[TableRow]:
        """The table: each scenario, then its parts."""
        return [row for result in self.results for row in scenario_rows(result)]

    def state(self, result: ScenarioResult) -> ChartState:
        """What a scenario's verdict says, or what was found that decides nothing."""
        if not self.is_judged and any(finding.code in _UNJUDGED for finding in result.findings):
            return ChartState.NO_BASELINE
        return state_of_result(result)


def find_run_news(document: ResultsDocument, before: Sequence[ScenarioVerdict]) -> RunNews:
    """What a judged run shows. `before`: the verdicts of the judged run before it; empty where there is none."""
    earlier = {verdict.scenario: verdict for verdict in before}
    found = RunNews([], [], [], [])
    for result in document.scenarios:
        _sort_findings(result, earlier.get(result.scenario), found)
    return RunNews(*(_together(items) for items in (found.new, found.watched, found.known, found.over)))


def make_progress(document: ResultsDocument, failures: Mapping[str, MeasurementFailure]) -> StepsSoFar:
    """How far a run is. `failures`: why scenarios were not measured to their end, by scenario."""
    begun = [scenario for scenario, failure in failures.items() if failure.code is FindingCode.MEASUREMENT_DIED]
    return StepsSoFar(
        planned=list(document.run.scenarios),
        measured=[result.scenario for result in document.scenarios if result.measurements],
        failed=[scenario for scenario in failures if scenario not in begun],
        measuring=begun,  # while its run goes on, what has begun and has no outcome is at work
    )


def _sort_findings(result: ScenarioResult, before: ScenarioVerdict | None, found: RunNews) -> None:
    """Put what one scenario shows in the list where it belongs, the gravest of each kind alone."""
    groups: dict[tuple[str, str], list[RenderedFinding]] = {}
    for rendered in render_findings(result):
        place = _place(rendered, before)
        if place:
            groups.setdefault((place, f"{rendered.kind} {rendered.finding.part}"), []).append(rendered)
    for (place, _), of_kind in groups.items():
        worst = max(of_kind, key=lambda one: one.excess)
        getattr(found, place).append(_item(worst, place))
    met_again = (_missed(before.findings) if before is not None else set()) - _missed(result.findings)
    if result.verdict is not Verdict.INVALID:
        for part, metric in sorted(met_again):
            said = f"the target of {metric} is met again" if metric else "the target is met again"
            found.over.append(NewsItem(ChartState.PASS, result.scenario, label(result.scenario, part), said))
        if before is not None and before.verdict is Verdict.INVALID:
            said = "measured validly again"
            found.over.append(NewsItem(ChartState.PASS, result.scenario, label(result.scenario), said))


def _together(items: Sequence[NewsItem]) -> list[NewsItem]:
    """Items of several scenarios that are one: of the same regression, or with the same sentence."""
    groups: dict[object, list[NewsItem]] = {}
    for item in items:
        key = item.regression if item.regression is not None else (item.state, item.sentence)
        groups.setdefault(key, []).append(item)
    joined = []
    for same in groups.values():
        scenarios = {item.scenario for item in same}
        if len(scenarios) < _MIN_TOGETHER:
            joined += same
        else:
            joined.append(replace(same[0], label=f"{len(scenarios)} scenarios, as {same[0].label}"))
    return joined


def _place(rendered: RenderedFinding, before: ScenarioVerdict | None) -> str:
    """The list that a finding belongs to; empty for none."""
    finding = rendered.finding
    if finding.code in _KNOWN:
        return "known"
    if finding.code in _OVER:
        return "over"
    if finding.code in _WATCHED:
        return "watched"
    if rendered.kind is FindingKind.IMPROVEMENT:
        return "new"
    if rendered.kind not in _BAD:
        return ""
    return "known" if _is_known(finding, before) else "new"


def _is_known(finding: Finding, before: ScenarioVerdict | None) -> bool:
    """Whether an earlier run showed it, too."""
    if isinstance(finding.parameters, RegressionShift):
        return finding.parameters.found_run is not None
    if before is None:
        return False
    if finding.kind is FindingKind.VALIDITY:
        return before.verdict is Verdict.INVALID
    alike = (FindingKind.TARGET, FindingKind.REGRESSION)
    return finding.kind in alike and any(
        (one.code, one.part, one.metric) == (finding.code, finding.part, finding.metric) for one in before.findings
    )


def _item(rendered: RenderedFinding, place: str) -> NewsItem:
    finding = rendered.finding
    finer = finer_state({finding.code})
    parameters = finding.parameters
    about = parameters.regression if isinstance(parameters, RegressionShift | KnownRegression) else None
    state = ChartState.PASS if place == "over" else finer or _STATES.get(rendered.kind, ChartState.SUSPECTED)
    sentence = brief(rendered).sentence
    return NewsItem(state, rendered.result.scenario, rendered.label, sentence, about)


def _missed(findings: Iterable[Finding]) -> set[tuple[str, str]]:
    """The part and the label of the metric of each target that was missed."""
    return {(finding.part, metric_label(finding.metric)) for finding in findings if finding.misses_target}
