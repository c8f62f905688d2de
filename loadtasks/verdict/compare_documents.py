"""Compares two results documents."""

from collections.abc import Mapping
from typing import Any

from loadtasks.errors import BadInputError
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import NotComparable
from loadtasks.results.findings.other_run import NotComparedReason, OtherRunNotCompared
from loadtasks.results.fingerprint import Difference, Fingerprint
from loadtasks.results.judgement import Verdict, overall
from loadtasks.settings import Sensitivity
from loadtasks.verdict.causes.diagnosis import diagnose
from loadtasks.verdict.compare_run import FROM_COMPARING, verdict_of
from loadtasks.verdict.file_pairs import FilePair, FileSide, PastRuns
from loadtasks.verdict.two_files import ComparedPair, compare_pairs

_CLAIMS = (FindingKind.REGRESSION, FindingKind.IMPROVEMENT)
_MAX_REASONS = 20
"""How many scenarios an error names."""
_REASONS = {
    NotComparedReason.INVALID_HERE: "is invalid in {here}",
    NotComparedReason.INVALID_THERE: "is invalid in {there}",
    NotComparedReason.MISSING_THERE: "is missing in {there}",
    NotComparedReason.NO_COMMON_METRIC: "has no metric with a value in both",
}


def compare_documents(
    document: ResultsDocument,
    other: ResultsDocument,
    past: PastRuns | None = None,
    min_effect: float = Sensitivity.min_effect,
) -> ResultsDocument:
    """A document compared with another: what two runs can show, with the causes of what is worse.

    Args:
        document: The run that is judged.
        other: The run that it is compared with.
        past: Earlier runs of this machine, for the allowance of how much runs of one build differ.
        min_effect: The smallest relative change that is reported.

    Raises:
        BadInputError: nothing in the one can be compared with the other.
    """
    pairs, problems = _pair(document, other)
    compared = compare_pairs(pairs, past, min_effect)
    for scenario in {*document.run.controls.scenarios, *other.run.controls.scenarios} & compared.keys():
        compared[scenario] = _of_control(compared[scenario])
    for scenario, pair in compared.items():
        if not pair.comparisons:
            problems[scenario] = _not_compared(NotComparedReason.NO_COMMON_METRIC, other)
    valid = [result.scenario for result in document.scenarios if result.verdict is not Verdict.INVALID]
    if valid and not any(pair.comparisons for pair in compared.values()):
        raise BadInputError(_refusal(document, other, valid, problems))
    scenarios = [
        _concluded(result, pairs.get(result.scenario), compared.get(result.scenario), problems.get(result.scenario))
        for result in document.scenarios
    ]
    here = {result.scenario for result in document.scenarios}
    unmeasured = [Verdict.INVALID for scenario in document.run.scenarios if scenario not in here]
    return document.model_copy(
        update={
            "scenarios": scenarios,
            "verdict": overall([*(scenario.verdict for scenario in scenarios), *unmeasured]),
            "other_run": other.run.id,
            "only_in_other": [result.scenario for result in other.scenarios if result.scenario not in here],
        }
    )


def _pair(document: ResultsDocument, other: ResultsDocument) -> tuple[dict[str, FilePair], dict[str, Finding]]:
    """The scenarios that can be compared, and for each of the others the finding that says why it can't."""
    others = {result.scenario: result for result in other.scenarios}
    pairs: dict[str, FilePair] = {}
    problems: dict[str, Finding] = {}
    for result in document.scenarios:
        earlier = others.get(result.scenario)
        if not _is_valid(result):
            problems[result.scenario] = _not_compared(NotComparedReason.INVALID_HERE, other)
        elif earlier is None:
            problems[result.scenario] = _not_compared(NotComparedReason.MISSING_THERE, other)
        elif not _is_valid(earlier):
            problems[result.scenario] = _not_compared(NotComparedReason.INVALID_THERE, other)
        elif (difference := _difference(document, result, other, earlier)) is not None:
            problems[result.scenario] = Finding(
                code=FindingCode.NOT_COMPARABLE,
                parameters=NotComparable.of(difference, other.run.id, new_baseline=False),
            )
        else:
            pairs[result.scenario] = FilePair(_side(document, result), _side(other, earlier))
    return pairs, problems


def _of_control(compared: ComparedPair) -> ComparedPair:
    """What was compared of a scenario that is not the API's: numbers side by side, and nothing that blames the API."""
    shown = [finding for finding in compared.findings if finding.kind not in _CLAIMS]
    return ComparedPair(compared.comparisons, shown)


def _is_valid(result: ScenarioResult) -> bool:
    return result.verdict is not Verdict.INVALID and bool(result.measurements)


def _side(document: ResultsDocument, result: ScenarioResult) -> FileSide:
    return FileSide(result.measurements, result.repetitions, document.run.target_version, document.run.id)


def _difference(
    document: ResultsDocument, result: ScenarioResult, other: ResultsDocument, earlier: ScenarioResult
) -> Difference | None:
    return Fingerprint.of(document.run, result.measurements[0]).first_difference(
        Fingerprint.of(other.run, earlier.measurements[0])
    )


def _not_compared(reason: NotComparedReason, other: ResultsDocument) -> Finding:
    parameters = OtherRunNotCompared(reason=reason, other_run=other.run.id)
    return Finding(code=FindingCode.OTHER_RUN_NOT_COMPARED, parameters=parameters)


def _concluded(
    result: ScenarioResult, pair: FilePair | None, compared: ComparedPair | None, problem: Finding | None
) -> ScenarioResult:
    """A scenario with what was compared, and the causes of what is bad, in place of what its own run had compared."""
    kept = [finding for finding in result.findings if finding.kind not in FROM_COMPARING]
    changes: dict[str, Any] = {"comparisons": [], "baseline_run": None, "baseline": [], "round_ratios": []}
    findings = kept if problem is None else [*kept, problem]
    if pair is not None and compared is not None and problem is None:
        findings = [*kept, *compared.findings]
        changes |= {
            "comparisons": compared.comparisons,
            "baseline_run": pair.before.run_id,
            "baseline": list(pair.before.measurements),
        }
    if _is_valid(result):
        findings += diagnose(result.measurements, changes["baseline"], findings)
    changes |= {"findings": findings, "verdict": verdict_of(result.verdict, findings)}
    return result.model_copy(update=changes)


def _refusal(
    document: ResultsDocument, other: ResultsDocument, valid: list[str], problems: Mapping[str, Finding]
) -> str:
    """Why nothing can be compared, in one sentence."""
    names = {"here": document.run.id, "there": other.run.id}
    reasons = [f"{scenario} {_reason(problems[scenario], names)}" for scenario in valid]
    named = "; ".join(reasons[:_MAX_REASONS]) + ("; ..." if len(reasons) > _MAX_REASONS else "")
    return f"runs {document.run.id} and {other.run.id} can't be compared: {named}."


def _reason(problem: Finding, names: Mapping[str, str]) -> str:
    parameters = problem.parameters
    if isinstance(parameters, OtherRunNotCompared):
        return _REASONS[parameters.reason].format(**names)
    return f"differs in {_difference_in_words(parameters)}" if isinstance(parameters, NotComparable) else problem.code


def _difference_in_words(difference: NotComparable) -> str:
    """What differs, with its values where they are short."""
    if isinstance(difference.now, dict | bool):
        return difference.field.label
    return f"{difference.field.label} ({difference.now} here, {difference.before} there)"
