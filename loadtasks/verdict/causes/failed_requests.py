"""Low success rates: how HTTP requests failed, and what each way of failing means."""

from collections.abc import Iterator, Mapping

from loadtasks.measurement.errors import ErrorCode
from loadtasks.results.findings.causes.failures import HangingRequests
from loadtasks.results.findings.codes import FindingCode, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes.case import Case
from loadtasks.verdict.causes.http_statuses import unexpected_statuses

_FOR_WEBSOCKETS = frozenset(
    {ErrorCode.CUT, ErrorCode.REFUSED, ErrorCode.CONNECT_TIMEOUT, ErrorCode.UNREACHABLE, ErrorCode.MALFORMED}
)
"""Errors that mean something else for WebSockets, see `failed_websockets`."""
_BY_ERROR: Mapping[ErrorCode, FindingCode] = {
    ErrorCode.CUT: FindingCode.CONNECTION_CUT,
    ErrorCode.STALE: FindingCode.IDLE_CONNECTION_CLOSED,
    ErrorCode.REFUSED: FindingCode.CONNECTION_REFUSED,
    ErrorCode.UNREACHABLE: FindingCode.TARGET_UNREACHABLE,
    ErrorCode.CONNECT_TIMEOUT: FindingCode.CONNECT_TIMEOUT,
    ErrorCode.TLS: FindingCode.TLS_FAILED,
    ErrorCode.MALFORMED: FindingCode.RESPONSE_MALFORMED,
    ErrorCode.TOO_LARGE: FindingCode.RESPONSE_TOO_LARGE,
    ErrorCode.CHECK: FindingCode.CHECK_FAILED,
}
_HANG_RATIO = 0.1
"""Some requests hang, rather than all being slow, where the median is below this share of the longest response time.
A rule of thumb."""


def failing(case: Case) -> Iterator[Finding]:
    """The ways in which requests failed frequently, the most frequent first."""
    causes = [*unexpected_statuses(case), *_by_error(case), *_without_response(case), *_dropped(case)]
    for count, cause in sorted(causes, key=lambda counted: -counted[0]):
        if case.is_frequent(count):
            yield cause


def _by_error(case: Case) -> Iterator[tuple[int, Finding]]:
    for error in case.measurement.errors:
        code = _BY_ERROR.get(error.code)
        if code is None or error.publishing or (case.websocket and error.code in _FOR_WEBSOCKETS):
            continue
        yield error.count, case.cause(code, case.failed(error.count, error.code))


def _without_response(case: Case) -> Iterator[tuple[int, Finding]]:
    """Responses that never came: some requests hang, or everything is slow."""
    count = case.count(ErrorCode.TIMEOUT) + case.measurement.counts.in_flight
    if not count or case.websocket:
        return
    failed = case.failed(count, ErrorCode.TIMEOUT)
    p50_s, longest_s = case.measurement.p50_s, case.measurement.max_s
    most_completed = case.measurement.counts.completed > count
    if most_completed and p50_s is not None and longest_s is not None and p50_s < _HANG_RATIO * longest_s:
        yield count, case.cause(FindingCode.REQUESTS_HANG, HangingRequests(**dict(failed), p50_s=p50_s))
        return
    yield count, case.cause(FindingCode.TARGET_OVERLOADED, failed, Likelihood.POSSIBLE)


def _dropped(case: Case) -> Iterator[tuple[int, Finding]]:
    count = case.measurement.counts.dropped
    if count:
        yield count, case.cause(FindingCode.RATE_BEYOND_CAPACITY, case.failed(count, ErrorCode.DROPPED))
