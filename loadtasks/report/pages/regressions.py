"""Regressions as lists and pages show them, and what people may decide about one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from loadtasks.report.changes import short_cause
from loadtasks.report.charts.states import ChartState
from loadtasks.report.decisions import DECISIONS, DecisionChoice
from loadtasks.report.findings import RenderedFinding, render_findings
from loadtasks.report.pages.overview import light_document
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.history import RegressionShift, Shape
from loadtasks.results.judgement import ScenarioVerdict
from loadtasks.results.regression import NEXT, Move, Regression, RegressionState
from loadtasks.results.run import Run

_SHAPES = {
    Shape.WHOLE_DISTRIBUTION: "the whole distribution of response times",
    Shape.TAIL_MORE: "the whole distribution, its tail more",
    Shape.TAIL_ONLY: "the tail only",
}
_MARKS = {
    RegressionState.OPEN: ChartState.REGRESSED,
    RegressionState.ACKNOWLEDGED: ChartState.SUSPECTED,
    RegressionState.ACCEPTED: ChartState.PASS,
    RegressionState.FIXED: ChartState.PASS,
    RegressionState.DISMISSED: ChartState.NO_BASELINE,
}


@dataclass(frozen=True)
class ListedRegression:
    """A regression as people know it: one scenario's, or that of several scenarios at once."""

    members: list[Regression]
    since: datetime | None
    """When its first run started; None where that run is gone."""
    may_decide: bool
    """Whether the reader may decide about it."""
    cause: str = ""
    """The step that got slower, and by how much; empty where none is known."""

    @property
    def first(self) -> Regression:
        """The one that stands for all: the first that people may still decide about, else the first."""
        return next((one for one in self.members if not one.state.ended), self.members[0])

    @property
    def id(self) -> int:
        """The id that people know it by."""
        return self.members[0].id

    @property
    def labels(self) -> str:
        """Its scenario, or how many there are."""
        return self.first.label if len(self.members) == 1 else f"{len(self.members)} scenarios at once"

    @property
    def state(self) -> RegressionState:
        """Where it stands."""
        return self.first.state

    @property
    def mark(self) -> ChartState:
        """Its state as a symbol with a colour."""
        return _MARKS[self.state]

    @property
    def decisions(self) -> list[DecisionChoice]:
        """What may be decided about it now."""
        if self.first.accepted_automatically_in is not None:
            return [decision for decision in DECISIONS if decision.state is RegressionState.OPEN]
        return [decision for decision in DECISIONS if decision.state in NEXT[self.state]]


@dataclass(frozen=True)
class RegressionPage:
    """Everything that is known of one regression."""

    one: ListedRegression
    causes: list[RenderedFinding]
    """What the run that found it says about the cause."""
    shape: str
    """Which part of the distribution shifted, in words; empty where it isn't known."""
    moves: list[Move]
    """What happened to it, oldest first."""


def make_listed(
    members: list[Regression],
    since: datetime | None,
    verdicts: Mapping[str, Sequence[ScenarioVerdict]],
    *,
    may_decide: bool,
) -> ListedRegression:
    """A regression as a row of a list. `verdicts`: those of the runs that found regressions, by run."""
    first = members[0]
    found = _verdict(first, verdicts.get(first.found_run, []))
    cause = short_cause(found.findings, first.part) if found is not None else ""
    return ListedRegression(members, since, may_decide, cause)


def make_page(one: ListedRegression, found_in: tuple[Run, Sequence[ScenarioVerdict]] | None) -> RegressionPage:
    """The page of a regression. `found_in`: the run that found it with its verdicts; None where it is gone."""
    causes, shape = [], ""
    if found_in is not None:
        document = light_document(*found_in)
        scenarios = {member.scenario for member in one.members}
        results = [result for result in document.scenarios if result.scenario in scenarios]
        rendered = [finding for result in results for finding in render_findings(result)]
        causes = [finding for finding in rendered if finding.kind is FindingKind.DIAGNOSIS]
        shape = _shape(rendered)
    moves = sorted({(move.at, move.state): move for member in one.members for move in member.moves}.items())
    return RegressionPage(one, causes, shape, [move for _, move in moves])


def _shape(rendered: Iterable[RenderedFinding]) -> str:
    shapes = (
        finding.finding.parameters.shape
        for finding in rendered
        if isinstance(finding.finding.parameters, RegressionShift)
    )
    return next((_SHAPES[shape] for shape in shapes if shape is not None), "")


def _verdict(regression: Regression, verdicts: Sequence[ScenarioVerdict]) -> ScenarioVerdict | None:
    return next((verdict for verdict in verdicts if verdict.scenario == regression.scenario), None)
