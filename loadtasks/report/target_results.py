"""Every target of a run, what was observed, and whether it is met: what Great Expectations found, as rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from loadtasks import units
from loadtasks.measurement.metrics import metric_label
from loadtasks.plain_text import plain
from loadtasks.report.sentences.targets import render_target
from loadtasks.report.text import label
from loadtasks.report.worst_first import worst_first
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import MetTarget, TargetMissed, TargetNotEvaluated, TargetsMet

_NOTHING_SUCCEEDED = "some request succeeds"
BUILT_IN = "built-in"
"""The suite of targets that hold where no suite says otherwise."""


class TargetOutcome(Enum):
    """What became of a target."""

    MISSED = ("✗", "missed", "fail")
    NOT_EVALUATED = ("✗", "not evaluated", "fail")
    MISSED_MILDLY = ("△", "missed", "suspected")
    """One of a severity that decides no verdict."""
    MET = ("✓", "met", "pass")

    def __init__(self, symbol: str, word: str, tone: str) -> None:
        self.symbol = symbol
        self.word = word
        self.tone = tone
        """The class of the colour in a page."""


@dataclass(frozen=True)
class TargetResult:
    """One target of one measurement."""

    outcome: TargetOutcome
    scenario: str
    label: str
    """The scenario as people read it, with its part."""
    metric: str
    """The label of the metric; the type of the expectation where it judges no single one."""
    demanded: str
    """`< 2.00 s`; the type of the expectation where it is no comparison with a number."""
    observed: str
    suite: str
    """The name of the suite's file, or `BUILT_IN`."""
    severity: str
    """Empty for `critical`, which decides the verdict."""


def target_results(document: ResultsDocument) -> list[TargetResult]:
    """The targets of all scenarios: the missed ones first, then as the report orders the scenarios."""
    found = [one for result in worst_first(document.scenarios) for one in _of_scenario(result)]
    order = list(TargetOutcome)
    return sorted(found, key=lambda one: order.index(one.outcome))


def tally_of_targets(results: list[TargetResult]) -> str:
    """How many targets were missed, and met: `3 missed, 41 met`."""
    missed = sum(one.outcome in (TargetOutcome.MISSED, TargetOutcome.MISSED_MILDLY) for one in results)
    unknown = sum(one.outcome is TargetOutcome.NOT_EVALUATED for one in results)
    met = len(results) - missed - unknown
    counts = ((missed, "missed"), (unknown, "not evaluated"), (met, "met"))
    return ", ".join(f"{units.count(number)} {word}" for number, word in counts if number)


def _of_scenario(result: ScenarioResult) -> Iterator[TargetResult]:
    for finding in result.findings:
        parameters = finding.parameters
        if isinstance(parameters, TargetsMet):
            for target in parameters.targets:
                yield _row(result, target, target, TargetOutcome.MET)
        elif isinstance(parameters, TargetNotEvaluated | TargetMissed):
            yield _row(result, finding, parameters, _outcome(finding))
        elif finding.code is FindingCode.NOTHING_SUCCEEDED:
            yield TargetResult(
                outcome=TargetOutcome.MISSED,
                scenario=result.scenario,
                label=label(result.scenario, finding.part),
                metric=metric_label("success_rate"),
                demanded=_NOTHING_SUCCEEDED,
                observed=units.share(0.0),
                suite=BUILT_IN,
                severity="",
            )


def _outcome(finding: Finding) -> TargetOutcome:
    if isinstance(finding.parameters, TargetNotEvaluated):
        return TargetOutcome.NOT_EVALUATED
    return TargetOutcome.MISSED if finding.misses_target else TargetOutcome.MISSED_MILDLY


def _row(
    result: ScenarioResult,
    about: Finding | MetTarget,
    target: TargetMissed | TargetNotEvaluated,
    outcome: TargetOutcome,
) -> TargetResult:
    bounds = target.bounds if isinstance(target, TargetMissed) else ()
    expectation = plain(target.expectation)
    built_in = isinstance(target, TargetMissed) and target.built_in
    return TargetResult(
        outcome=outcome,
        scenario=result.scenario,
        label=label(result.scenario, about.part),
        metric=metric_label(about.metric) if about.metric else "",
        demanded=render_target(about.metric, bounds) or expectation,
        observed=units.value(about.metric, about.observed) if about.metric else units.MISSING,
        suite=BUILT_IN if built_in else plain(target.suite),
        severity="" if about.severity is Severity.CRITICAL else about.severity.value,
    )
