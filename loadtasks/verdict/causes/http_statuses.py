"""Low success rates: what the unexpected statuses of HTTP responses mean."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus

from loadtasks.measurement.errors import ErrorCode
from loadtasks.results.findings.causes.failures import WrongStatus
from loadtasks.results.findings.codes import FindingCode, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes.case import Case, likely_if
from loadtasks.verdict.targets import throttling

_BY_STATUS: Mapping[int, FindingCode] = {
    HTTPStatus.UNAUTHORIZED: FindingCode.TOKEN_REJECTED,
    HTTPStatus.FORBIDDEN: FindingCode.PERMISSION_MISSING,
    HTTPStatus.NOT_FOUND: FindingCode.PATH_NOT_FOUND,
    HTTPStatus.BAD_GATEWAY: FindingCode.GATEWAY_ERROR,
    HTTPStatus.GATEWAY_TIMEOUT: FindingCode.GATEWAY_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE: FindingCode.TARGET_UNAVAILABLE,
}
_BY_CLASS: Mapping[int, FindingCode] = {
    3: FindingCode.REDIRECTED,
    4: FindingCode.REQUEST_REJECTED,
    5: FindingCode.SERVER_ERROR,
}
_AMBIGUOUS = frozenset({FindingCode.TARGET_UNAVAILABLE})
"""Causes for which a status alone is no proof: an overload and a dependency that is down look the same."""


def unexpected_statuses(case: Case) -> Iterator[tuple[int, Finding]]:
    """Causes of responses with an unexpected status, by status, each with its number; without those of rate limits."""
    failed = case.count(ErrorCode.STATUS) - throttling.without_retry_after(case.measurement)
    if case.websocket or failed <= 0:
        return
    found = {
        int(status): count
        for status, count in case.measurement.statuses.items()
        if status.isdigit() and int(status) >= HTTPStatus.MULTIPLE_CHOICES
    }
    by_429 = found.pop(HTTPStatus.TOO_MANY_REQUESTS, 0)
    if HTTPStatus.SERVICE_UNAVAILABLE in found:  # with Retry-After it came from a rate limit
        found[HTTPStatus.SERVICE_UNAVAILABLE] -= max(0, case.measurement.counts.throttled - by_429)
    found = {status: count for status, count in found.items() if count}
    if sum(found.values()) != failed:  # the scenario expects some of them, and which ones isn't recorded
        yield (
            failed,
            case.cause(FindingCode.UNEXPECTED_STATUSES, case.failed(failed, ErrorCode.STATUS), Likelihood.POSSIBLE),
        )
        return
    # Of several statuses it is unknown to which one the sample belongs.
    alone = len(found) == 1 and not throttling.without_retry_after(case.measurement)
    sample = case.sample(ErrorCode.STATUS) if alone else ""
    for status, count in found.items():
        code = _BY_STATUS.get(status) or _BY_CLASS.get(status // 100) or FindingCode.SERVER_ERROR
        parameters = WrongStatus(count=count, scheduled=case.scheduled, sample=sample, status=status)
        yield count, case.cause(code, parameters, likely_if(code not in _AMBIGUOUS))
