"""Sentences of the findings that come from the baseline."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from loadtasks import units
from loadtasks.measurement.metrics import METRICS, Unit, metric_label
from loadtasks.report.load_sentence import load_sentence
from loadtasks.report.sentences import phrases
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import (
    AcknowledgedShift,
    BaselineShift,
    BaselineTooShort,
    Confirmation,
    ConfirmationRepetition,
    EnvironmentChanged,
    KnownRegression,
    NotComparable,
    RegressionShift,
    Shape,
    Suspected,
)
from loadtasks.results.fingerprint import FingerprintField, FingerprintValue

_SHAPES = {
    Shape.WHOLE_DISTRIBUTION: "The whole distribution shifted",
    Shape.TAIL_MORE: "The tail shifted more than the median",
    Shape.TAIL_ONLY: "Only the tail shifted, not the median",
}
_AS_BEFORE = 0.99
"""From this ratio of the level to that before a gain on, all of the gain is taken for lost."""
_RANKS = {
    1: "the only valid one",
    2: "the milder of two",
    3: "the middle of three",
    4: "the second mildest of four",
}
"""Which repetition is reported, by how many were eligible; see `loadtasks.results.repetitions.choose_reported`."""


def _improvement(finding: Finding, parameters: BaselineShift) -> str:
    return _shift(finding, parameters)


def _regression(finding: Finding, parameters: RegressionShift) -> str:
    return phrases.sentences(
        _shift(finding, parameters), _shape(parameters), _gain_lost(finding, parameters), _named(parameters)
    )


def _acknowledged(finding: Finding, parameters: AcknowledgedShift) -> str:
    why = f": {parameters.why}" if parameters.why else ""
    acknowledged = f"acknowledged by {parameters.acknowledged_by}{why}"
    named = f"{_named(parameters)}, {acknowledged}" if _named(parameters) else acknowledged.capitalize()
    return phrases.sentences(_shift(finding, parameters), _shape(parameters), _gain_lost(finding, parameters), named)


def _gain_lost(finding: Finding, parameters: RegressionShift) -> str:
    """`The gain of 12 Oct is lost: 5 % slower than before it (8.00 ms → 7.40 ms → 8.20 ms)`."""
    gain = parameters.gain
    if gain is None:
        return ""
    later = phrases.from_to(finding.metric, finding.limit, finding.observed)
    levels = f"{units.value(finding.metric, gain.before)} → {later}"
    worse_up = not METRICS[finding.metric].higher_is_better
    is_time = METRICS[finding.metric].unit is Unit.SECONDS
    words = {True: ("slower", "faster"), False: ("higher", "lower")}[is_time]
    amount = units.change(gain.ratio).removeprefix("+").removeprefix(units.MINUS).removeprefix("±")
    compared = f"{amount} {words[0] if gain.ratio > 1 else words[1]} than before it"
    if amount == "0 %":
        compared = "as before it"
    lost = "is lost" if (gain.ratio >= _AS_BEFORE if worse_up else gain.ratio <= 1 / _AS_BEFORE) else "is partly lost"
    return f"The gain of {phrases.day(gain.first_run_started_at)} {lost}: {compared} ({levels})"


def _named(parameters: RegressionShift) -> str:
    """`Regression 7, new in this run`: the id that people need to decide about it."""
    if parameters.found_run is None:
        return f"Regression {parameters.regression}, new in this run" if parameters.regression is not None else ""
    known = f"known since run {parameters.found_run}"
    return f"Regression {parameters.regression}, {known}" if parameters.regression is not None else known.capitalize()


def _shift(finding: Finding, parameters: BaselineShift) -> str:
    """`p50 rose 12 % (95 % CI +9 % to +15 %), 100 ms → 112 ms, since 28 Nov 22:56 (run R, version V unchanged)`.

    Of error rates: `the error rate rose from 0 to 0.5 % (95 % CI 0.38 % to 0.66 %), 50 of 10,000 requests, since ...`.
    """
    version = phrases.versions(parameters.version_before, parameters.version_after)
    run = f"{_run(parameters.first_run)}{version and f', {version}'}"
    since = f"since {phrases.moment(parameters.first_run_started_at)} ({run})"
    if parameters.errors is not None:
        interval, requests = phrases.error_interval(parameters.errors), phrases.failed_of(parameters.errors)
        return f"{phrases.error_change(parameters.errors)} (95 % CI {interval}), {requests}, {since}"
    change = phrases.change(metric_label(finding.metric), parameters.ratio)
    if parameters.relative_to_median:
        change += f" relative to {metric_label('p50_s')}"
    interval = f"95 % CI {phrases.interval(parameters.low, parameters.high)}"
    values = phrases.from_to(finding.metric, finding.limit, finding.observed)
    return f"{change} ({interval}), {values}, {since}"


def _run(run_id: str) -> str:
    """A run by its id; without one it is the run that is reported (`loadtasks.report.findings.within_run`)."""
    return f"run {run_id}" if run_id else "this run"


def _shape(parameters: RegressionShift) -> str:
    return _SHAPES[parameters.shape] if parameters.shape is not None else ""


def _recovering(_: Finding, parameters: KnownRegression) -> str:
    return (
        f"back to normal in this run; regression {parameters.regression}, found in run {parameters.found_run}, ends if "
        "the next run is too"
    )


def _recovered(_: Finding, parameters: KnownRegression) -> str:
    return (
        f"regression {parameters.regression}, found in run {parameters.found_run} (first run {parameters.first_run}), "
        "is gone"
    )


def _suspected(_: Finding, parameters: Suspected) -> str:
    names = phrases.listed([metric_label(name) for name in parameters.metrics])
    look = "looks" if len(parameters.metrics) == 1 else "look"
    return (
        f"{names} {look} worse than the baseline, but the evidence is not enough for a regression. One or two more "
        "runs like this one confirm it; one or two like the baseline clear it. Until then it changes no verdict, and "
        "nothing is mailed"
    )


def _environment_changed(finding: Finding, parameters: EnvironmentChanged) -> str:
    """`p50 rose 24 %, 5.56 ms → 6.9 ms, with the null server (31 % slower) since 28 Nov 22:56 (run R); ...`."""
    change = phrases.change(metric_label(finding.metric), parameters.ratio)
    if parameters.relative_to_median:
        change += f" relative to {metric_label('p50_s')}"
    values = phrases.from_to(finding.metric, finding.limit, finding.observed)
    shared = f"with {phrases.control(parameters.control)} ({phrases.pace(parameters.control_ratio)})"
    at = parameters.first_run_started_at
    run = _run(parameters.first_run)
    since = f"since {phrases.moment(at)} ({run})" if at else f"since {run}"
    return f"{change}, {values}, {shared} {since}; not the API's doing"


def _baseline_too_short(_: Finding, parameters: BaselineTooShort) -> str:
    missing = units.plural(parameters.missing_runs, "more comparable run")
    if parameters.detectable is None:
        return f"No regression check yet: {missing} needed for a baseline"
    smallest = f"{metric_label('p50_s')} {units.change(parameters.detectable)} and more"
    return f"Young baseline: only large changes are found ({smallest}); {missing} needed for a whole one"


def _not_comparable(_: Finding, parameters: NotComparable) -> str:
    if parameters.new_baseline:
        return f"Not comparable with earlier runs, so a new baseline begins: {_difference(parameters)}"
    return f"Not compared: {_difference(parameters)}"


def _difference(parameters: NotComparable) -> str:
    if parameters.field is FingerprintField.SCENARIO:
        return f"the scenario sends other requests than in run {parameters.other_run}"
    if parameters.field is FingerprintField.PAIRED:
        here, there = ("with", "without") if parameters.now else ("without", "with")
        return f"measured {here} a reference, in run {parameters.other_run} {there} one"
    now, before = _value(parameters.now), _value(parameters.before)
    return f"the {parameters.field.label} is {now}; in run {parameters.other_run} it was {before}"


def _value(value: FingerprintValue) -> str:
    return load_sentence(value) if isinstance(value, dict) else str(value)


def _confirmation(_: Finding, parameters: Confirmation) -> str:
    """`confirmed by 2 more repetitions (p50 23.5; then 23.3, 22.4 ms); the middle of three, 23.3 ms, is reported`."""
    repetitions = parameters.repetitions
    valid = sum(repetition.trusted for repetition in repetitions)
    rank = _RANKS[valid or len(repetitions)]
    outcome = "confirmed" if parameters.confirmed else "not confirmed"
    more = units.plural(len(repetitions) - 1, "more repetition")
    reported = repetitions[parameters.reported - 1].p50_s
    value = f", {units.duration(reported)}," if reported is not None else ""
    return f"{outcome} by {more} ({_medians(repetitions)}); {rank}{value} is reported"


def _medians(repetitions: Sequence[ConfirmationRepetition]) -> str:
    """`p50 23.5; then 23.3, 22.4, 23.2 ms`; each has its own unit where the units, or remarks, differ."""
    medians_s, remarks = [repetition.p50_s for repetition in repetitions], [_remark(one) for one in repetitions]
    numbers, unit = phrases.durations(medians_s)
    if any(remarks):
        numbers, unit = [units.duration(median_s) for median_s in medians_s], ""
    first, *later = (f"{number}{remark}" for number, remark in zip(numbers, remarks, strict=True))
    return f"{metric_label('p50_s')} {first}; then {', '.join(later)}{unit}"


def _remark(repetition: ConfirmationRepetition) -> str:
    """What keeps a repetition from being a plain one: failures, or that it isn't valid."""
    remarks = []
    if repetition.success_rate is not None and repetition.success_rate < 1:
        remarks.append(f"{units.share(repetition.success_rate)} successful")
    if not repetition.trusted:
        remarks.append("not valid")
    return f" ({', '.join(remarks)})" if remarks else ""


SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.REGRESSION: _regression,
    FindingCode.REGRESSION_ACKNOWLEDGED: _acknowledged,
    FindingCode.IMPROVEMENT: _improvement,
    FindingCode.RECOVERING: _recovering,
    FindingCode.RECOVERED: _recovered,
    FindingCode.SUSPECTED: _suspected,
    FindingCode.ENVIRONMENT_CHANGED: _environment_changed,
    FindingCode.BASELINE_TOO_SHORT: _baseline_too_short,
    FindingCode.NOT_COMPARABLE: _not_comparable,
    FindingCode.CONFIRMATION: _confirmation,
}
"""By code: the sentence, without its full stop, of a finding and its parameters."""
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {}
"""By code: what to do, without its full stop; a code that is missing here asks for nothing."""
