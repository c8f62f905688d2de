"""Sentences of the findings that come from the baseline."""

from collections.abc import Callable, Mapping
from typing import Any

from loadtasks import units
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import BaselineTooShort, Confirmation, ConfirmationRepetition, NotComparable
from loadtasks.results.fingerprint import FingerprintField


def _baseline_too_short(_: Finding, parameters: BaselineTooShort) -> str:
    missing = units.plural(parameters.missing_runs, "more comparable run")
    return f"No regression check yet: {missing} needed for a baseline"


def _not_comparable(_: Finding, parameters: NotComparable) -> str:
    if parameters.new_baseline:
        return f"Not comparable with earlier runs: {_difference(parameters)}. A new baseline begins"
    return f"Not compared: {_difference(parameters)}"


def _difference(parameters: NotComparable) -> str:
    if parameters.field is FingerprintField.SCENARIO:
        return f"the scenario sends other requests than in run {parameters.other_run}"
    if parameters.field is FingerprintField.PAIRED:
        here, there = ("with", "without") if parameters.now == "yes" else ("without", "with")
        return f"measured {here} a reference, in run {parameters.other_run} {there} one"
    return f"the {parameters.field.label} is {parameters.now}, in run {parameters.other_run} it was {parameters.before}"


_RANK = {1: "the only valid one", 2: "the milder one", 3: "the middle one", 4: "the second mildest"}
"""Which of the valid repetitions is reported, see `loadtasks.results.repetitions.choose_reported`."""


def _confirmation(_: Finding, parameters: Confirmation) -> str:
    first, *further = parameters.repetitions
    outcome = "Confirmed" if parameters.confirmed else "Not confirmed"
    values = ", ".join(map(_repetition, further))
    number = sum(repetition.trusted for repetition in parameters.repetitions)
    reported = next(repetition for repetition in parameters.repetitions if repetition.reported)
    return (
        f"{outcome} by {units.plural(len(further), 'more repetition')} (p50 {_repetition(first)}; then {values}); "
        f"{_RANK.get(number, 'the middle one')}, {units.duration(reported.p50_s)}, is reported"
    )


def _repetition(repetition: ConfirmationRepetition) -> str:
    rendered = units.duration(repetition.p50_s)
    if repetition.success_rate is not None and repetition.success_rate < 1:
        rendered += f" with {units.share(repetition.success_rate)} success"
    return rendered if repetition.trusted else f"{rendered} [invalid]"


SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.BASELINE_TOO_SHORT: _baseline_too_short,
    FindingCode.NOT_COMPARABLE: _not_comparable,
    FindingCode.CONFIRMATION: _confirmation,
}
"""By code: the sentence, without its full stop, of a finding and its parameters."""
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {}
"""By code: what to do, without its full stop; a code that is missing here asks for nothing."""
