"""Sentences of the findings about targets."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from loadtasks import units
from loadtasks.measurement.metrics import METRICS, metric_label
from loadtasks.measurement.model import Counts
from loadtasks.report.sentences.phrases import ASK_FOR_MORE, admitted_only, rejections
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import (
    Bound,
    Comparison,
    DataDocsMissing,
    ErrorSummary,
    InsufficientSample,
    NoTarget,
    TargetMissed,
    TargetNotEvaluated,
    TargetsMet,
    Throttled,
    ThrottlingExpected,
)

_SIGNS = {
    Comparison.BELOW: "<",
    Comparison.AT_MOST: "≤",
    Comparison.EQUAL: "=",
    Comparison.AT_LEAST: "≥",
    Comparison.ABOVE: ">",
}


def render_target(metric: str, bounds: Sequence[Bound]) -> str:
    """What a target demands, in the metric's unit: `< 2.00 s`, `≥ 1.00 s and < 2.00 s`, `= 0`; empty without bounds."""
    return " and ".join(f"{_SIGNS[bound.comparison]} {units.value(metric, bound.value)}" for bound in bounds)


def indicative_only(metric: str, requests: int, needed: int) -> str:
    """That a percentile comes from too few requests: `indicative only: a p99 needs at least 368 requests, not 100`."""
    return (
        f"indicative only: a {metric_label(metric)} needs at least {units.plural(needed, 'request')}, not "
        f"{units.count(requests)}"
    )


def _missed(finding: Finding, target: TargetMissed) -> str:
    label = METRICS[finding.metric].label if finding.metric in METRICS else target.expectation
    observed = _observed(finding)
    if finding.metric in Counts.model_fields and finding.observed is not None:  # 40 requests throttled
        observed = f"{observed} {label.replace('requests', 'request') if finding.observed == 1 else label}"
    else:
        observed = f"{label} {observed}"
    target_name = "built-in target" if target.built_in else "target"
    severity = "" if finding.severity is Severity.CRITICAL else f" ({finding.severity.value})"
    if not target.bounds:
        return f"{observed}, which doesn't meet {target.expectation} of {target.suite}{severity}"
    demanded = render_target(finding.metric, target.bounds).removeprefix("= ")
    return f"{observed}, {target_name} {demanded}{severity}"


def _observed(finding: Finding) -> str:
    """The observed value, with as many digits as distinguish it from the limit."""
    observed, limit = finding.observed, finding.limit
    if observed is None:
        return "was not measured"
    rendered = units.value(finding.metric, observed)
    if limit is None or observed == limit or rendered != units.value(finding.metric, limit):
        return rendered
    return f"{rendered} (exactly {observed:.9g} against {limit:.9g})"


def _not_evaluated(finding: Finding, parameters: TargetNotEvaluated) -> str:
    severity = "" if finding.severity is Severity.CRITICAL else f" ({finding.severity.value})"
    return (
        f"expectation {parameters.number} of {parameters.suite} ({parameters.expectation}) could not be evaluated, so "
        f"it counts as missed{severity}: {parameters.problem}"
    )


def _met(_finding: Finding, parameters: TargetsMet) -> str:
    return f"{units.plural(len(parameters.targets), 'target')} met"


def _nothing_succeeded(_finding: Finding, parameters: ErrorSummary) -> str:
    sample = f", e.g. {parameters.sample}" if parameters.sample else ""
    return f"none of {units.plural(parameters.admitted, 'request')} succeeded{sample}"


def _no_target(_finding: Finding, parameters: NoTarget) -> str:
    suite = f"{parameters.endpoint}.json"
    why = f"no critical expectation of {suite} judges it" if parameters.suite_exists else f"there is no suite {suite}"
    return f"no target applies: {why}, so only validity, the built-in targets and the baseline are judged"


def _errors(_finding: Finding, parameters: ErrorSummary) -> str:
    admitted = units.plural(parameters.admitted, "request")
    if parameters.not_completed:
        share = units.share(parameters.not_completed / parameters.admitted)
        what = f"{units.count(parameters.not_completed)} of {admitted} did not succeed ({share})"
    else:
        what = f"{units.plural(parameters.errors, 'error')} in {admitted} that succeeded"
    if parameters.code is None:
        return what
    sample = f", e.g. {parameters.sample}" if parameters.sample else ""
    return f"{what}, most often `{parameters.code}` ({units.count(parameters.count)}){sample}"


def _insufficient_sample(finding: Finding, parameters: InsufficientSample) -> str:
    requests = units.plural(parameters.needed, "request")
    needs = f"{metric_label(finding.metric)} is indicative only: it needs at least {requests}"
    judged = "its target is judged all the same"
    if len(parameters.samples) == 1:
        (sample,) = parameters.samples
        return f"{needs}, and {units.count(sample.requests)} were timed; {judged}"
    samples = ", ".join(f"{sample.part or 'all'} {units.count(sample.requests)}" for sample in parameters.samples)
    return f"{needs}, and fewer were timed ({samples}); {judged}"


def _throttled(_finding: Finding, parameters: Throttled) -> str:
    return f"{rejections(parameters)}; {admitted_only(parameters)}"


def _throttling_expected(_finding: Finding, parameters: ThrottlingExpected) -> str:
    if parameters.held:
        without_statuses = parameters.model_copy(update={"statuses": ()})
        return f"rate limit held: {rejections(without_statuses)}, as the suite expects"
    return f"rate limit not as the suite expects: {rejections(parameters)}"


def _data_docs_missing(_finding: Finding, parameters: DataDocsMissing) -> str:
    return (
        f"this run has no Great Expectations Data Docs, since they could not be written ({parameters.problem}); it was "
        "judged all the same"
    )


SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.TARGET_MISSED: _missed,
    FindingCode.TARGET_NOT_EVALUATED: _not_evaluated,
    FindingCode.NOTHING_SUCCEEDED: _nothing_succeeded,
    FindingCode.TARGETS_MET: _met,
    FindingCode.NO_TARGET: _no_target,
    FindingCode.ERRORS: _errors,
    FindingCode.INSUFFICIENT_SAMPLE: _insufficient_sample,
    FindingCode.THROTTLED: _throttled,
    FindingCode.THROTTLING_EXPECTED: _throttling_expected,
    FindingCode.DATA_DOCS_MISSING: _data_docs_missing,
}
"""By code: the sentence, without its full stop, of a finding and its parameters."""
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.THROTTLED: lambda _finding, _parameters: ASK_FOR_MORE,
    FindingCode.DATA_DOCS_MISSING: lambda _finding, _parameters: (
        "make room on the disk or the folder writable, then `python -m loadtasks judge RUN` writes them"
    ),
}
"""By code: what to do, without its full stop; a code that is missing here asks for nothing."""
