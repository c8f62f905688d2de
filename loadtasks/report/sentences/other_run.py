"""Sentences of the findings that come from comparing two results files."""

# ruff: noqa: RUF002 - the typographic times and minus are meant

from collections.abc import Callable, Mapping
from typing import Any

from loadtasks import units
from loadtasks.measurement.metrics import metric_label
from loadtasks.report.sentences import phrases
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import Shape
from loadtasks.results.findings.other_run import (
    AllowanceSource,
    NotComparedReason,
    OtherRunInconclusive,
    OtherRunNotCompared,
    OtherRunShift,
    RunAllowance,
)

_SHAPES = {
    Shape.WHOLE_DISTRIBUTION: "The whole distribution shifted",
    Shape.TAIL_MORE: "The tail shifted more than the median",
    Shape.TAIL_ONLY: "Only the tail shifted beyond doubt, not the median",
}
_WITHOUT_HISTORY = {
    AllowanceSource.NO_DATABASE: "there is no results database at {detail}",
    AllowanceSource.UNREADABLE_DATABASE: "the results database can't be used ({detail})",
    AllowanceSource.NO_COMPARABLE_RUNS: "{detail} holds fewer than two other comparable runs",
    AllowanceSource.NOT_ASKED: "no results database was read",
}
_NOT_COMPARED = {
    NotComparedReason.INVALID_HERE: "Not compared: the measurement is invalid",
    NotComparedReason.INVALID_THERE: "Not compared: invalid in run {run}",
    NotComparedReason.MISSING_THERE: "Not compared: missing in run {run}",
    NotComparedReason.NO_COMMON_METRIC: "Not compared: no metric has a value both here and in run {run}",
}


def _shift(finding: Finding, parameters: OtherRunShift) -> str:
    """`p50 rose 4.1× (CI 1.6× to 10×) against run R, 50 ms → 205 ms (version V unchanged)`."""
    name = metric_label(finding.metric)
    if parameters.ratio is None:
        change = f"{name} {'rose' if (finding.observed or 0.0) > (finding.limit or 0.0) else 'fell'}"
    else:
        change = phrases.change(name, parameters.ratio)
    if parameters.relative_to_median:
        change += f" relative to {metric_label('p50_s')}"
    interval = phrases.confidence(parameters.low, parameters.high)
    values = phrases.from_to(finding.metric, finding.limit, finding.observed)
    version = phrases.versions(parameters.version_before, parameters.version_after)
    shift = f"{change}{interval} against run {parameters.other_run}, {values}{version and f' ({version})'}"
    return phrases.sentences(shift, _SHAPES[parameters.shape] if parameters.shape is not None else "")


def _inconclusive(_: Finding, parameters: OtherRunInconclusive) -> str:
    """`p50 +10 % (CI −59 % to +2.9×): two runs of one build may differ as much`."""
    metrics = ", ".join(
        f"{metric_label(one.metric)} {units.change(one.ratio)}{phrases.confidence(one.low, one.high)}"
        for one in parameters.metrics
    )
    return f"{metrics}: two runs of one build may differ as much"


def _not_compared(_: Finding, parameters: OtherRunNotCompared) -> str:
    return _NOT_COMPARED[parameters.reason].format(run=parameters.other_run)


def _allowance(_: Finding, parameters: RunAllowance) -> str:
    """`Runs of one build are taken to differ by 6.2 %, from the history of 23 comparable runs in ...`."""
    scale = units.share(parameters.scale)
    if parameters.source is AllowanceSource.HISTORY:
        runs = units.plural(parameters.max_runs, "comparable run")
        if parameters.max_runs > parameters.runs:
            runs = f"{units.count(parameters.runs)} to {runs}"
        noise = f"Runs of one build are taken to differ by {scale}, from the history of {runs} in {parameters.detail}"
    else:
        why = _WITHOUT_HISTORY[parameters.source].format(detail=parameters.detail)
        noise = f"Runs of one build are taken to differ by {scale}, the documented prior, as {why}"
    if parameters.detectable is None:
        return noise
    smallest = f"{metric_label('p50_s')} {units.change(parameters.detectable)} and more"
    return f"{noise}: only large changes can be shown ({smallest})"


SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.OTHER_RUN_REGRESSION: _shift,
    FindingCode.OTHER_RUN_IMPROVEMENT: _shift,
    FindingCode.OTHER_RUN_INCONCLUSIVE: _inconclusive,
    FindingCode.OTHER_RUN_NOT_COMPARED: _not_compared,
    FindingCode.RUN_ALLOWANCE: _allowance,
}
"""By code: the sentence, without its full stop, of a finding and its parameters."""
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {}
"""By code: what to do, without its full stop; a code that is missing here asks for nothing."""
