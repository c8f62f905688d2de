"""The order in which reports and pages show the scenarios of a run, and the state that each of them is marked with."""

from collections.abc import Collection, Iterable

from loadtasks.report.charts.states import ChartState, state_of
from loadtasks.report.findings import render_findings
from loadtasks.report.verdicts import WORST_FIRST
from loadtasks.results.document import ScenarioResult
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.judgement import Verdict

_UNJUDGED_AT = WORST_FIRST.index(Verdict.IMPROVED)
GRAVITY = (*WORST_FIRST[:_UNJUDGED_AT], None, *WORST_FIRST[_UNJUDGED_AT:])
"""Verdicts, the gravest first; None, not judged yet, comes after what is bad."""
_DECIDING = (FindingKind.TARGET, FindingKind.REGRESSION, FindingKind.VALIDITY)
_FINER = {
    FindingCode.SUSPECTED: ChartState.SUSPECTED,
    FindingCode.REGRESSION_ACKNOWLEDGED: ChartState.SUSPECTED,
    FindingCode.RECOVERING: ChartState.RECOVERING,
    FindingCode.ENVIRONMENT_CHANGED: ChartState.ENVIRONMENT_CHANGED,
    FindingCode.INCONCLUSIVE: ChartState.INCONCLUSIVE,
    FindingCode.OTHER_RUN_INCONCLUSIVE: ChartState.INCONCLUSIVE,
    FindingCode.BASELINE_TOO_SHORT: ChartState.NO_BASELINE,
}
"""What findings say that a verdict of pass does not, the gravest first."""
_FINER_FIRST = [*dict.fromkeys(_FINER.values())]


def finer_state(codes: Collection[str]) -> ChartState | None:
    """What findings of these codes say that a verdict of pass does not; None where they say no more."""
    return next((state for code, state in _FINER.items() if code in codes), None)


def state_of_result(result: ScenarioResult) -> ChartState:
    """The verdict of a scenario, or what was found that decides nothing."""
    finer = finer_state({finding.code for finding in result.findings}) if result.verdict is Verdict.PASS else None
    return finer or state_of(result.verdict)


def state_in_report(result: ScenarioResult) -> ChartState:
    """The same for a report, in which a scenario that met its targets has passed, compared with a baseline or not."""
    state = state_of_result(result)
    return ChartState.PASS if state is ChartState.NO_BASELINE else state


def worst_first(results: Iterable[ScenarioResult]) -> list[ScenarioResult]:
    """The scenarios of a run by verdict, then by what was found, then by how far they are from what they should be."""
    return sorted(results, key=_place)


def _place(result: ScenarioResult) -> tuple[int, int, float]:
    state = state_of_result(result)
    finer = _FINER_FIRST.index(state) if state in _FINER_FIRST else len(_FINER_FIRST)
    return GRAVITY.index(result.verdict), finer, -_excess(result)


def _excess(result: ScenarioResult) -> float:
    """How far the worst of what decides a scenario's verdict is beyond what it should be; else its largest change."""
    deciding = [rendered.excess for rendered in render_findings(result) if rendered.kind in _DECIDING]
    ratios = [one.ratio for one in result.comparisons if one.ratio]
    return max(deciding, default=max((max(ratio, 1 / ratio) for ratio in ratios), default=1.0))
