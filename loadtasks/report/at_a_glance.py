"""What a run shows at a glance: which scenarios missed a target, regressed, are invalid or to be watched, and no more.

The report says why in the section of each scenario, once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from loadtasks import units
from loadtasks.measurement.metrics import METRICS, metric_label
from loadtasks.report.charts.states import ChartState
from loadtasks.report.sentences import phrases
from loadtasks.report.text import label
from loadtasks.report.worst_first import state_of_result, worst_first
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import Verdict

MAX_NAMED = 8
"""How many scenarios a line names; the table has the others."""
_HEADINGS = {
    ChartState.FAIL: "Target missed",
    ChartState.REGRESSED: "Regressed",
    ChartState.INVALID: "Invalid",
    ChartState.IMPROVED: "Improved",
    ChartState.SUSPECTED: "To watch",
    ChartState.RECOVERING: "Recovering",
    ChartState.ENVIRONMENT_CHANGED: "Environment changed",
    ChartState.INCONCLUSIVE: "Inconclusive",
}
"""In the order of the lines. What else a scenario can be, the table shows."""
_OF_KIND = {
    FindingKind.TARGET: ChartState.FAIL,
    FindingKind.REGRESSION: ChartState.REGRESSED,
    FindingKind.IMPROVEMENT: ChartState.IMPROVED,
}


@dataclass(frozen=True)
class GlanceItem:
    """One scenario, or one part of it, in a line."""

    scenario: str
    label: str
    """As people read it, with its part."""
    said: str
    """The metrics that it is about: `p95 +38 %`; empty where there are none."""


@dataclass
class GlanceLine:
    """The scenarios of which one thing is to be said, the worst first."""

    state: ChartState
    items: list[GlanceItem] = field(default_factory=list)

    @property
    def heading(self) -> str:
        """What is said of them."""
        return _HEADINGS[self.state]

    @property
    def named(self) -> list[GlanceItem]:
        """Those that are named."""
        return self.items if len(self.items) <= MAX_NAMED + 1 else self.items[:MAX_NAMED]

    @property
    def more(self) -> int:
        """How many are not."""
        return len(self.items) - len(self.named)


def at_a_glance(document: ResultsDocument) -> list[GlanceLine]:
    """A line for each thing that a run shows; none where every scenario passed and nothing is to be watched."""
    lines = {state: GlanceLine(state) for state in _HEADINGS}
    for result in worst_first(document.scenarios):
        for state, item in _items(result):
            lines[state].items.append(item)
    return [line for line in lines.values() if line.items]


def _items(result: ScenarioResult) -> Iterator[tuple[ChartState, GlanceItem]]:
    found: dict[tuple[ChartState, str], list[Finding]] = {}
    for finding in result.findings if result.verdict is not Verdict.INVALID else ():
        state = _OF_KIND.get(finding.kind)
        if state is not None and (state is not ChartState.FAIL or finding.misses_target):
            found.setdefault((state, finding.part), []).append(finding)
    for (state, part), findings in found.items():
        said = list(dict.fromkeys(filter(None, map(_said, findings))))
        yield state, GlanceItem(result.scenario, label(result.scenario, part), phrases.listed(said) if said else "")
    own = state_of_result(result)
    if own in _HEADINGS and own not in {state for state, _ in found}:
        yield own, GlanceItem(result.scenario, label(result.scenario), "")


def _said(finding: Finding) -> str:
    """The metric, and how it changed where it did; empty where no single one was judged."""
    if finding.kind is FindingKind.TARGET:
        return METRICS[finding.metric].label if finding.metric in METRICS else ""
    errors = getattr(finding.parameters, "errors", None)
    if errors is not None:
        return phrases.error_step(errors)
    ratio: float | None = getattr(finding.parameters, "ratio", None)
    changed = f" {units.change(ratio)}" if ratio is not None else ""
    return f"{metric_label(finding.metric)}{changed}" if finding.metric else ""
