"""Low success rates: what the wrong statuses of HTTP answers mean."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus

from loadtasks.measurement.errors import ErrorCode
from loadtasks.verdict.causes.case import Case, Cause
from loadtasks.verdict.targets import throttling

Meaning = tuple[str, str, bool]
"""The cause, the next step, and whether it is sure."""

_BAD_GATEWAY = (
    "the proxy got no good answer from the service behind it",
    "look at the service behind it (a restart, a crash, all workers busy) and at the proxy's timeouts",
    True,
)
_BY_STATUS: Mapping[int, Meaning] = {
    HTTPStatus.UNAUTHORIZED: (
        "the token is not accepted",
        "issue a new one and set LOADTASKS_TOKEN, or the password of the Airflow connection performance_target; a "
        "token that expires during the night fails only from then on",
        True,
    ),
    HTTPStatus.FORBIDDEN: (
        "the token's rights don't suffice",
        "issue a token with the scopes that the scenario needs",
        True,
    ),
    HTTPStatus.NOT_FOUND: (
        "what is asked for is not there",
        "see the scenario's paths, and the target's version and data",
        True,
    ),
    HTTPStatus.BAD_GATEWAY: _BAD_GATEWAY,
    HTTPStatus.GATEWAY_TIMEOUT: _BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "the target is overloaded, or something that it needs is down",
        "look at its readiness (of the shipped API: /readyz), its database and its log of that time",
        False,
    ),
}
_BY_CLASS: Mapping[int, Meaning] = {
    3: ("the target sends clients elsewhere", "see where to: a log-in page, https, another path", True),
    4: ("the target doesn't take what is sent", "compare the example with the API's description: what changed", True),
    5: (
        "an error in the target",
        "look for the exception in the target's log, by the request's id if it has one",
        True,
    ),
}


def wrong(case: Case) -> Iterator[tuple[int, Cause]]:
    """Answers with a wrong status, each kind with its number; those of a limit are told elsewhere."""
    failed = case.count(ErrorCode.STATUS) - throttling.unexplained(case.measurement)
    if case.websocket or failed <= 0:
        return
    found = {
        int(status): number
        for status, number in case.measurement.statuses.items()
        if status.isdigit() and int(status) >= HTTPStatus.MULTIPLE_CHOICES
    }
    by_429 = found.pop(HTTPStatus.TOO_MANY_REQUESTS, 0)
    if HTTPStatus.SERVICE_UNAVAILABLE in found:  # with Retry-After it was a limit
        found[HTTPStatus.SERVICE_UNAVAILABLE] -= max(0, case.measurement.counts.throttled - by_429)
    if sum(found.values()) == failed:
        yield from ((number, _cause(case, status, number)) for status, number in found.items() if number)
        return
    yield (
        failed,
        Cause(
            f"wrong statuses: {case.of_all(failed)}{case.sample(ErrorCode.STATUS)}; which of the statuses were "
            "expected can't be told",
            "look at the example, and at all statuses in the report",
            sure=False,
        ),
    )


def _cause(case: Case, status: int, number: int) -> Cause:
    meaning, next_step, sure = _BY_STATUS.get(status) or _BY_CLASS.get(status // 100) or _BY_CLASS[5]
    sample = case.sample(ErrorCode.STATUS)
    shown = sample if f"answered {status}" in sample else ""
    return Cause(f"{meaning}: {case.of_all(number)} were answered {status}{_phrase(status)}{shown}", next_step, sure)


def _phrase(status: int) -> str:
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:  # a status of the target's own
        return ""
