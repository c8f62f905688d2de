"""The reason for a run's verdict in one sentence."""

from loadtasks.plain_text import plain
from loadtasks.report.findings import RenderedFinding, findings_of_kind, invalid_reasons
from loadtasks.report.sentences.phrases import listed
from loadtasks.report.text import label, sentence
from loadtasks.report.verdicts import WORD, tally
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.history import RegressionShift
from loadtasks.results.findings.other_run import OtherRunShift
from loadtasks.results.findings.reference import ReferenceShift
from loadtasks.results.judgement import Verdict

_REASON = {
    Verdict.FAIL: FindingKind.TARGET,
    Verdict.REGRESSED: FindingKind.REGRESSION,
    Verdict.IMPROVED: FindingKind.IMPROVEMENT,
}
NO_TARGET = "no target applies to any scenario"
"""What the first line of such a run says first, since it was hardly judged."""
_MAX_NAMES = 3
"""How many scenarios are named that are suspected, or crept; of more the number is given."""
_FURTHER = ("shape", "regression", "found_run", "gain", "other")


def headline(document: ResultsDocument) -> str:
    """The reason for the run's verdict, in one sentence without its full stop.

    A run without a single target says that first, since it was hardly judged.
    """
    untargeted = is_untargeted(document)
    if document.verdict is Verdict.PASS:
        return (
            f"{NO_TARGET}: only the built-in ones were judged, and they are met"
            if untargeted
            else _all_passed(document)
        )
    reason = _reason(document)
    return f"{NO_TARGET}; {reason}" if untargeted else reason


def verdict_sentence(document: ResultsDocument) -> str:
    """The verdict of a run in one sentence: `FAIL, shop: orders.list: p95 3.02 s, target < 2.00 s`."""
    return sentence(f"{WORD[document.verdict]}, {plain(document.run.service)}: {headline(document)}")


def _reason(document: ResultsDocument) -> str:
    if document.verdict is Verdict.INVALID:
        return _invalid(document)
    found = findings_of_kind(document, _REASON[document.verdict])
    reasons = [reason for reason in found if reason.result.verdict is document.verdict] or found
    if not reasons:
        return f"{tally(document)}; no reason was kept"
    gravest = max(reasons, key=lambda reason: reason.excess)
    alike = {reason.label for reason in reasons if _regression_of(reason) == _regression_of(gravest) is not None}
    worst = brief(gravest)
    sentence = f"{worst.label}: {worst.sentence}"
    if len(alike) > 1:
        sentence = f"{len(alike)} scenarios at once, as {sentence}"
        reasons = [gravest, *(reason for reason in reasons if _regression_of(reason) != _regression_of(gravest))]
    if document.verdict is Verdict.IMPROVED and not is_untargeted(document):
        sentence = f"all targets met, and {sentence}"
    return f"{sentence} (and {len(reasons) - 1} more)" if len(reasons) > 1 else sentence


def _regression_of(reason: RenderedFinding) -> int | None:
    """The id of the regression that a finding is about; None where it is about none, or an unknown one."""
    parameters = reason.finding.parameters
    return parameters.regression if isinstance(parameters, RegressionShift) else None


def is_untargeted(document: ResultsDocument) -> bool:
    """Whether no target of a suite applies to any valid measurement, of which there are some."""
    judged = [result for result in document.scenarios if result.verdict is not Verdict.INVALID]
    return bool(judged) and all(_without_target(result) for result in judged)


def _without_target(result: ScenarioResult) -> bool:
    """Whether no target applies to a scenario, nor to any part of it."""
    parts = {measurement.part for measurement in result.measurements} or _judged_parts(result)
    untargeted = {finding.part for finding in result.findings if finding.code is FindingCode.NO_TARGET}
    return bool(parts) and (parts - {""} or parts) <= untargeted


def _judged_parts(result: ScenarioResult) -> set[str]:
    """The parts that targets were searched for, of a result that was read without its measurements."""
    return {
        finding.part
        for finding in result.findings
        if finding.code in (FindingCode.NO_TARGET, FindingCode.TARGETS_MET) or finding.kind is FindingKind.TARGET
    }


def brief(reason: RenderedFinding) -> RenderedFinding:
    """The finding without what makes further sentences of it."""
    parameters = reason.finding.parameters
    if not isinstance(parameters, RegressionShift | ReferenceShift | OtherRunShift):
        return reason
    without = {name: None for name in _FURTHER if name in type(parameters).model_fields}
    finding = reason.finding.model_copy(update={"parameters": parameters.model_copy(update=without)})
    return RenderedFinding(reason.result, finding)


def _all_passed(document: ResultsDocument) -> str:
    number = len(document.scenarios)
    met = "the one scenario met its targets" if number == 1 else f"all {number} scenarios met their targets"
    untargeted = sum(_without_target(result) for result in document.scenarios)
    if untargeted:
        met += f" (no target applies to {untargeted} of them)"
    if not any(result.comparisons for result in document.scenarios):
        return met
    if document.other_run is not None:
        return f"{met}, and none is worse than in run {plain(document.other_run)} beyond doubt"
    return f"{met}, and none regressed{_unconfirmed(document)}"


def _unconfirmed(document: ResultsDocument) -> str:
    """What no verdict says: `; suspected, not confirmed: dashboard.concurrent; crept: sessions.filtered`."""
    said = ""
    for code, what in ((FindingCode.SUSPECTED, "suspected, not confirmed"), (FindingCode.CREEP, "crept")):
        names = [
            label(result.scenario)
            for result in document.scenarios
            if any(finding.code is code for finding in result.findings)
        ]
        if names:
            said += f"; {what}: {listed(names) if len(names) <= _MAX_NAMES else f'{len(names)} scenarios'}"
    return said


def _invalid(document: ResultsDocument) -> str:
    reasons = invalid_reasons(document)
    if not reasons:
        return "nothing was measured"
    scenario, reason = next(iter(reasons.items()))
    if len(reasons) > 1 and len(reasons) == len(document.scenarios) and len(set(reasons.values())) == 1:
        return f"no scenario could be measured: {reason}"
    more = len(reasons) - 1
    sentence = f"{scenario}: {reason}"
    return f"{sentence}; and {more} more invalid" if more else sentence
