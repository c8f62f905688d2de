"""Sentences of the findings that come from paired rounds with a reference."""

# ruff: noqa: RUF002 - the typographic minus is meant

from collections.abc import Callable, Mapping
from typing import Any

from loadtasks import units
from loadtasks.measurement.metrics import metric_label
from loadtasks.report.sentences import phrases, validity
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.reference import (
    Inconclusive,
    MetricRatio,
    ReferenceFailing,
    ReferenceInvalid,
    ReferenceMissing,
    ReferenceShift,
    RoundsExcluded,
)

_TIMES = {"p50_s": "the median", "p95_s": "the tail"}


def _shift(finding: Finding, parameters: ReferenceShift) -> str:
    """`p50 rose 12 % (CI +9 % to +15 %) against the reference 1.4.2, 100 ms → 112 ms, in 60 rounds of 2 starts`."""
    interval = phrases.confidence(parameters.low, parameters.high)
    change = f"{phrases.change(metric_label(finding.metric), parameters.ratio)}{interval}"
    values = phrases.from_to(finding.metric, finding.limit, finding.observed)
    rounds = _rounds(parameters.rounds, parameters.starts)
    shift = f"{change} against the reference {parameters.reference_version}, {values}, in {rounds}"
    return phrases.sentences(shift, _other(finding.metric, parameters.other))


def _rounds(rounds: int, starts: int) -> str:
    """`60 rounds of 2 starts`, which are those of both builds."""
    return units.plural(rounds, "round") + (f" of {units.plural(starts, 'start')}" if starts > 1 else "")


def _other(metric: str, other: MetricRatio | None) -> str:
    if other is None:
        return ""
    unshifted = _TIMES[other.metric]
    ratio = f"{metric_label(other.metric)} {units.change(other.ratio)}"
    if other.inconclusive:
        return f"{_TIMES[metric].capitalize()} shifted; {unshifted} is inconclusive ({ratio})"
    return f"Only {_TIMES[metric]} shifted, not {unshifted} ({ratio})"


def _missing(_: Finding, parameters: ReferenceMissing) -> str:
    return f"not compared with the reference: {parameters.error.rstrip('.')}"


def _invalid(_: Finding, parameters: ReferenceInvalid) -> str:
    doubt = Finding.model_validate({"code": parameters.code, "parameters": parameters.parameters})
    render = validity.SENTENCES.get(parameters.code)
    why = render(doubt, doubt.parameters) if render is not None else parameters.code.replace("_", " ")
    return f"not compared with the reference, whose measurement is not valid: {why}"


def _failing(_: Finding, parameters: ReferenceFailing) -> str:
    failed = f"{units.count(parameters.failed)} of {units.plural(parameters.scheduled, 'request')}"
    sample = f", e.g. {parameters.sample}" if parameters.sample else ""
    return f"not compared with the reference, which failed {failed}{sample}"


def _inconclusive(_: Finding, parameters: Inconclusive) -> str:
    """`p50 +3 % (CI −2 % to +8 %): inconclusive after 480 rounds with the reference`."""
    metrics = ", ".join(
        f"{metric_label(one.metric)} {units.change(one.ratio)}{phrases.confidence(one.low, one.high)}"
        for one in parameters.metrics
    )
    sentence = f"{metrics}: inconclusive after {units.plural(parameters.rounds, 'round')} with the reference"
    if any(one.starts_disagree for one in parameters.metrics):
        sentence += ", since not every start of the builds shows it"
    if parameters.more_s is None:
        return sentence
    return f"{sentence}; about {units.rough_span(parameters.more_s)} more of load would decide it"


def _rounds_excluded(_: Finding, parameters: RoundsExcluded) -> str:
    rounds = units.plural(parameters.rounds, "round")
    return f"{units.count(parameters.excluded)} of {rounds} not judged: the load generator was saturated in them"


SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.REFERENCE_REGRESSION: _shift,
    FindingCode.REFERENCE_IMPROVEMENT: _shift,
    FindingCode.REFERENCE_MISSING: _missing,
    FindingCode.REFERENCE_INVALID: _invalid,
    FindingCode.REFERENCE_FAILING: _failing,
    FindingCode.INCONCLUSIVE: _inconclusive,
    FindingCode.ROUNDS_EXCLUDED: _rounds_excluded,
}
"""By code: the sentence, without its full stop, of a finding and its parameters."""
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {}
"""By code: what to do, without its full stop; a code that is missing here asks for nothing."""
