"""Sentences about creep, acceptance without an answer, and what a dismissal teaches."""

from collections.abc import Callable, Mapping
from typing import Any

from loadtasks import units
from loadtasks.measurement.metrics import metric_label
from loadtasks.report.sentences import phrases
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.lifecycle import AcceptedAutomatically, CreepDrift, ThresholdRaised

_RATE_RUNS = 100
_MONTH_DAYS = 30.4
_MIN_DAYS = 30
"""What took fewer days has no rate a month."""


def creep_in_short(finding: Finding, parameters: CreepDrift, interval: str = "") -> str:
    """`p50 crept up 6.2 %, 100 ms → 106 ms, in 380 runs since 3 Mar 02:00`; `interval` goes behind the size."""
    direction = "up" if parameters.ratio > 1 else "down"
    relative = f" relative to {metric_label('p50_s')}" if parameters.relative_to_median else ""
    values = phrases.from_to(finding.metric, finding.limit, finding.observed)
    crept = f"{metric_label(finding.metric)} crept {direction} {_amount(parameters.ratio)}{relative}{interval}"
    since = f"{units.plural(parameters.runs, 'run')} since {phrases.moment(parameters.first_run_started_at)}"
    return f"{crept}, {values}, in {since}"


def _creep(finding: Finding, parameters: CreepDrift) -> str:
    interval = f" (95 % CI {units.precise_changes(parameters.low, parameters.high)})"
    drift = creep_in_short(finding, parameters, interval)
    return f"{drift} (run {parameters.first_run}), {_rate(parameters)}; no single run is to blame"


def _rate(parameters: CreepDrift) -> str:
    """`about 1.6 % in 100 runs, 0.5 % a month`."""
    rate = f"about {_amount(parameters.ratio ** (_RATE_RUNS / parameters.runs))} in {_RATE_RUNS} runs"
    if parameters.days < _MIN_DAYS:
        return rate
    return f"{rate}, {_amount(parameters.ratio ** (_MONTH_DAYS / parameters.days))} a month"


def _amount(ratio: float) -> str:
    """How much a ratio changes, without its direction: `6.2 %`."""
    return units.precise_change(ratio).removeprefix("+").removeprefix(units.MINUS).removeprefix("±")


def _what_to_do_about_creep(_: Finding, parameters: CreepDrift) -> str:
    return (
        f"compare the builds of run {parameters.first_run} and of today side by side (`python -m loadtasks "
        "compare-builds`), or accept today's level (`python -m loadtasks baseline approve latest SCENARIO`); this is "
        "not reported again until then"
    )


def _accepted(_: Finding, parameters: AcceptedAutomatically) -> str:
    changes = phrases.listed(
        [
            phrases.error_step(one.errors)
            if one.errors is not None
            else f"{metric_label(one.metric)} {units.change(one.ratio)} from {units.value(one.metric, one.before)}"
            for one in parameters.metrics
        ]
    )
    return (
        f"regression {parameters.regression} ({changes}) was accepted automatically: nobody answered it in "
        f"{units.plural(parameters.runs, 'run')} since it was found in run {parameters.found_run}, so the baseline "
        f"begins with its first run {parameters.first_run}"
    )


def _what_to_do_about_acceptance(_: Finding, parameters: AcceptedAutomatically) -> str:
    return f"if it is no level to live with: `python -m loadtasks regressions reopen {parameters.regression}`"


def _threshold_raised(finding: Finding, parameters: ThresholdRaised) -> str:
    regressions = [str(number) for number in parameters.dismissed]
    named = f" of regression{'s' if len(regressions) > 1 else ''} {phrases.listed(regressions)}" if regressions else ""
    return (
        f"since the dismissal{named}, a change of {metric_label(finding.metric)} needs {parameters.log_odds:.1f} more "
        "evidence (log odds) to be a regression; that decays from run to run"
    )


SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.CREEP: _creep,
    FindingCode.ACCEPTED_AUTOMATICALLY: _accepted,
    FindingCode.THRESHOLD_RAISED: _threshold_raised,
}
"""By code: the sentence, without its full stop, of a finding and its parameters."""
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.CREEP: _what_to_do_about_creep,
    FindingCode.ACCEPTED_AUTOMATICALLY: _what_to_do_about_acceptance,
}
"""By code: what to do, without its full stop; a code that is missing here asks for nothing."""
