"""Sentences of the findings that say why a measurement can't be trusted."""

from collections.abc import Callable, Mapping
from typing import Any

from loadtasks import units
from loadtasks.measurement.health import Saturation, SaturationCode, Statistic
from loadtasks.report.sentences.phrases import ASK_FOR_MORE, listed, moment_of_year, rejections
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import Throttled
from loadtasks.results.findings.validity import (
    AccessRefused,
    Begun,
    ClockWentBack,
    FailureDetail,
    InternalErrors,
    InvalidRepeated,
    NotReached,
    RequestCounts,
    RunsOverlapped,
    SaturationParameters,
)

_FORBIDDEN = 403


def _access_refused(_finding: Finding, access: AccessRefused) -> str:
    return f"{refused_request(access)}; {_what_to_set(access)}"


def refused_request(access: AccessRefused) -> str:
    """Which request the target refused, and what was sent to be admitted."""
    return f"{access.method} {access.path} responded {access.status}, which its checks don't expect: {_sent_to(access)}"


def _sent_to(access: AccessRefused) -> str:
    """What was sent to be admitted, and that it doesn't."""
    sent = []
    if access.own_authorization:
        scheme = f" ({access.scheme})" if access.scheme != "other" else ""
        sent.append(f"the scenario's own Authorization header{scheme}")
    elif access.scheme:
        sent.append("the target's user and password" if access.scheme == "Basic" else "the token")
    sent += [_credential(name) for name in access.credentials]
    if not sent:
        return "no token, password or API key was sent"
    several = len(sent) > 1 or "password" in sent[0]
    if access.status == _FORBIDDEN:
        return f"{listed(sent)} {'were' if several else 'was'} sent, but {'give' if several else 'gives'} no access"
    return f"{listed(sent)} {'were sent, but are' if several else 'was sent, but is'} not accepted"


def _what_to_set(access: AccessRefused) -> str:
    if access.own_authorization:
        return "correct that header in the scenario's file"
    if access.scheme == "Basic":
        return "correct those in its address or in its Airflow connection"
    if access.scheme:
        return (
            "set LOADTASKS_TOKEN, or the password of the Airflow connection performance_target, to a token that admits "
            "to it"
        )
    if access.credentials:
        return f"correct {listed([_credential(name) for name in access.credentials])} in the scenario's file"
    return (
        "set LOADTASKS_TOKEN or the password of the Airflow connection performance_target, or give the request its own "
        "header in the scenario's file"
    )


def _credential(name: str) -> str:
    return f"query parameter {name[1:]}" if name.startswith("?") else f"header {name}"


def _failed(_finding: Finding, failure: FailureDetail) -> str:
    return _one_sentence(failure.detail) or "the measurement failed"


def _stopped_responding(_finding: Finding, failure: FailureDetail) -> str:
    sentence = "the target stopped responding while the scenario ran; what was measured is kept, but not judged"
    detail = _one_sentence(failure.detail)
    return f"{sentence}: {detail}" if detail else sentence


def _died(_finding: Finding, begun: Begun) -> str:
    return (
        f"the process that measured it died (it began {_beginning(begun)}), so nothing of this scenario "
        f"was kept{_not_again(begun)}"
    )


def _measured_concurrently(_finding: Finding, begun: Begun) -> str:
    return (
        f"two tasks sent its load at the same time (the later one began {_beginning(begun)}) and disturbed each other, "
        f"so what they measured is not judged{_not_again(begun)}"
    )


def _beginning(begun: Begun) -> str:
    return f"{begun.begun_at.day} {begun.begun_at:%b %H:%M:%S %Z} on {begun.host}"


def _not_again(begun: Begun) -> str:
    if begun.repeatable:
        return ""
    return "; it was not measured again, since it uses up rows of its feeder and would meet what it made or deleted"


def _after_death(_finding: Finding, begun: Begun) -> str:
    look = (
        f"look on {begun.host} for what ended it: a kill for want of memory (`dmesg`), a restart, or somebody; in "
        "Airflow, the log of its task tells more"
    )
    return f"{look}; then start a new run" if begun.repeatable else f"{look}; then restore its rows and start a new run"


def _stopped(_finding: Finding, failure: FailureDetail) -> str:
    detail = _one_sentence(failure.detail)
    why = f": {detail}" if detail else ""
    return f"the measurement was stopped at a time limit, and nothing of this scenario was kept{why}"


def _interrupted(_finding: Finding, _failure: FailureDetail) -> str:
    return "the measurement was interrupted, and nothing of this scenario was kept"


def _engine_failed(_finding: Finding, failure: FailureDetail) -> str:
    return f"the load engine failed, and nothing of this scenario was kept: {_one_sentence(failure.detail)}"


def _internal_error(_finding: Finding, errors: InternalErrors) -> str:
    return (
        f"the load engine itself failed {units.plural(errors.count, 'time')}, which says nothing about the target: "
        f"{errors.sample}; please report it with this sentence"
    )


def _conservation_violated(_finding: Finding, counts: RequestCounts) -> str:
    internal = f"{units.count(counts.internal_errors)} internal errors + " if counts.internal_errors else ""
    return (
        f"requests are unaccounted for: {units.count(counts.scheduled)} were scheduled, but "
        f"{units.count(counts.completed)} completed + {units.count(counts.throttled)} throttled + "
        f"{units.count(counts.failed)} failed + {internal}{units.count(counts.dropped)} dropped + "
        f"{units.count(counts.in_flight)} in flight; this is an error of the load engine, so none of its numbers can "
        "be trusted"
    )


def _everything_throttled(_finding: Finding, throttled: Throttled) -> str:
    return (
        f"the target's rate limit rejected every request that was sent: "
        f"{rejections(throttled)}, so nothing was measured"
    )


def _not_reached(_finding: Finding, parameters: NotReached) -> str:
    sentence = f"none of {units.plural(parameters.scheduled, 'request')} reached the target"
    return f"{sentence}, e.g. {parameters.sample}" if parameters.sample else sentence


def _runs_overlapped(_finding: Finding, overlap: RunsOverlapped) -> str:
    shared = [
        *(["exercised the same service"] if overlap.same_service else []),
        *(["ran on the same load generator"] if overlap.same_generator else []),
    ]
    service = "" if overlap.same_service else f" of {overlap.other_service}"
    ended = "" if overlap.ended else ", which has not ended,"
    return (
        f"run {overlap.other_run}{service}{ended} {' and '.join(shared)} at the same time, so that both may have "
        "measured each other"
    )


def _after_overlap(_finding: Finding, overlap: RunsOverlapped) -> str:
    alone = "let one run at a time measure a service, and one use a load generator"
    killed = f"; if the other was killed, delete it: `python -m loadtasks runs delete --unfinished {overlap.other_run}`"
    return alone if overlap.ended else alone + killed


def _clock_went_back(_finding: Finding, clock: ClockWentBack) -> str:
    others = f", as are {units.plural(clock.runs - 1, 'other run')}" if clock.runs > 1 else ""
    return (
        f"A clock was wrong: this run is dated {moment_of_year(clock.started_at)}, and run {clock.other_run}, which "
        f"was made before it, is dated {moment_of_year(clock.other_started_at)}{others}; runs are compared in the "
        "order in which they were made; set the clock of the load generator right, and if that run should not be part "
        f"of the baseline, delete it: `python -m loadtasks runs delete {clock.other_run}`"
    )


def _one_sentence(text: str) -> str:
    return text.strip().rstrip(".")


def saturation_sentence(saturation: Saturation) -> str:
    """Where the load generator was saturated and what to do, without its full stop."""
    process = f"process {saturation.process}: " if saturation.process is not None else ""
    return process + _SATURATION[saturation.code](saturation)


def _cpu(saturation: Saturation) -> str:
    return (
        f"the load generator used {saturation.observed:.0%} of a core (limit {saturation.limit:.0%})"
        f"{_sent(saturation)}: it was saturated, so the times are its own and not the target's; lower the load"
    )


def _dispatch_lag(saturation: Saturation) -> str:
    return (
        f"the load generator handled due requests {_lag(saturation)} late: it could not keep the rate"
        f"{_sent(saturation)}; lower the load"
    )


def _loop_lag(saturation: Saturation) -> str:
    return (
        f"the load generator's event loop lagged {_lag(saturation)}: its machine was too busy to measure; use a "
        "quieter machine, or lower the load"
    )


def _lag(saturation: Saturation) -> str:
    if saturation.statistic is Statistic.MEDIAN:
        return (
            f"{saturation.observed * 1e3:.1f} ms (median, limit {saturation.limit * 1e3:.1f} ms: a fifth of the median "
            "response time, at least 2 ms)"
        )
    return f"{saturation.observed * 1e3:,.0f} ms (p99, limit {saturation.limit * 1e3:.0f} ms)"


def _sent(saturation: Saturation) -> str:
    if saturation.sent_per_s is None:
        return ""
    ceiling = saturation.ceiling_per_s
    best = f" (its calibrated maximum is {ceiling:,.0f}/s)" if ceiling is not None else ""
    return f" at {saturation.sent_per_s:,.0f} requests/s{best}"


_SATURATION: Mapping[SaturationCode, Callable[[Saturation], str]] = {
    SaturationCode.CPU: _cpu,
    SaturationCode.DISPATCH_LAG: _dispatch_lag,
    SaturationCode.LOOP_LAG: _loop_lag,
}


def _generator_saturated(_finding: Finding, parameters: SaturationParameters) -> str:
    return saturation_sentence(parameters.saturation)


def _invalid_repeated(_finding: Finding, parameters: InvalidRepeated) -> str:
    """`measured 2 times, since the load generator was saturated in the first; the second is reported`."""
    reasons = " or ".join(_PASSING[code] for code in parameters.reasons)
    if len(parameters.invalid) == parameters.repetitions:
        return f"measured {parameters.repetitions} times, and invalid each time: {reasons}"
    numbers = listed([_ORDINALS[number - 1] for number in parameters.invalid])
    reported = _ORDINALS[parameters.reported - 1]
    return f"measured {parameters.repetitions} times, since {reasons} in the {numbers}; the {reported} is reported"


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
_PASSING: Mapping[FindingCode, str] = {
    FindingCode.GENERATOR_SATURATED: "the load generator was saturated",
    FindingCode.TARGET_NOT_REACHED: "no request reached the target",
}
"""What may be over when a scenario is repeated, as a clause."""
SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.NOT_MEASURED: lambda _finding, _parameters: (
        "the scenario was not measured: as far as is known it never began, since its task never ran, was skipped, or "
        "ended too early"
    ),
    FindingCode.NOT_JUDGED: lambda _finding, _parameters: "the scenario has not been judged yet",
    FindingCode.ACCESS_REFUSED: _access_refused,
    FindingCode.MEASUREMENT_FAILED: _failed,
    FindingCode.TARGET_NOT_RESPONDING: _failed,
    FindingCode.GENERATOR_PROCESS_DIED: _failed,
    FindingCode.MEASUREMENT_DIED: _died,
    FindingCode.MEASURED_CONCURRENTLY: _measured_concurrently,
    FindingCode.MEASUREMENT_STOPPED: _stopped,
    FindingCode.TARGET_STOPPED_RESPONDING: _stopped_responding,
    FindingCode.INTERRUPTED: _interrupted,
    FindingCode.ENGINE_FAILED: _engine_failed,
    FindingCode.INTERNAL_ERROR: _internal_error,
    FindingCode.CONSERVATION_VIOLATED: _conservation_violated,
    FindingCode.NOTHING_SCHEDULED: lambda _finding, _parameters: "no request was scheduled, so nothing was measured",
    FindingCode.EVERYTHING_THROTTLED: _everything_throttled,
    FindingCode.TARGET_NOT_REACHED: _not_reached,
    FindingCode.GENERATOR_SATURATED: _generator_saturated,
    FindingCode.INVALID_REPEATED: _invalid_repeated,
    FindingCode.RUNS_OVERLAPPED: _runs_overlapped,
    FindingCode.CLOCK_WENT_BACK: _clock_went_back,
}
"""By code: the sentence, without its full stop, of a finding and its parameters."""
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.ACCESS_REFUSED: lambda _finding, access: (
        f"where {access.status} is the right response, expect it: checks: {{status: {access.status}}}"
    ),
    FindingCode.MEASUREMENT_DIED: _after_death,
    FindingCode.MEASUREMENT_STOPPED: lambda _finding, _parameters: (
        "give its task more time (in Airflow, execution_timeout), or shorten the scenario's load"
    ),
    FindingCode.EVERYTHING_THROTTLED: lambda _finding, _parameters: ASK_FOR_MORE,
    FindingCode.RUNS_OVERLAPPED: _after_overlap,
}
"""By code: what to do, without its full stop; a code that is missing here asks for nothing."""
