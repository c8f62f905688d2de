"""WebSocket failures: upgrades that are refused, connections that are closed, events that don't arrive."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus

from loadtasks.measurement.errors import ErrorCode
from loadtasks.results.findings.causes.failures import (
    ClosedWebSockets,
    ListenersLost,
    Occurrences,
    OpenFiles,
    PublishingFailed,
    RefusedUpgrades,
    SomeOpened,
)
from loadtasks.results.findings.codes import FindingCode, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes.case import Case, likely_if

_MIN_CLOSE_CODE = 1000
_NORMAL_CLOSURE, _ABNORMAL_CLOSURE, _TRY_AGAIN_LATER = 1000, 1006, 1013
"""Close codes of RFC 6455, section 7.4.1, and of the registry that it founded."""
_MIN_APPLICATION_CODE = 4000
"""Close codes from here on are for private use (RFC 6455, section 7.4.2)."""
_OPEN_FILES, _OPEN_FILES_MAX = "process_open_fds", "process_max_fds"
_NEARLY_FULL = 0.9
"""From this share of its files upwards a target has too few of them. A rule of thumb."""
_SLOW_CLIENTS = "websocket_slow_clients_total"
_LOST = (
    ErrorCode.CLOSED,
    ErrorCode.CUT,
    ErrorCode.REFUSED,
    ErrorCode.CONNECT_TIMEOUT,
    ErrorCode.TIMEOUT,
    ErrorCode.STATUS,
)
"""Errors after which a listener is not there."""
_NOT_CONNECTED = (ErrorCode.REFUSED, ErrorCode.CONNECT_TIMEOUT, ErrorCode.TIMEOUT, ErrorCode.UNREACHABLE)
_BY_UPGRADE_STATUS: Mapping[int, FindingCode] = {
    HTTPStatus.UNAUTHORIZED: FindingCode.UPGRADE_TOKEN_REJECTED,
    HTTPStatus.FORBIDDEN: FindingCode.UPGRADE_TOKEN_REJECTED,
    HTTPStatus.TOO_MANY_REQUESTS: FindingCode.UPGRADE_RATE_LIMITED,
    HTTPStatus.SERVICE_UNAVAILABLE: FindingCode.UPGRADE_UNAVAILABLE,
}
_BY_CLOSE_CODE: Mapping[int, FindingCode] = {
    1001: FindingCode.WEBSOCKET_GOING_AWAY,
    _ABNORMAL_CLOSURE: FindingCode.WEBSOCKET_CUT,
    1008: FindingCode.WEBSOCKET_POLICY_VIOLATION,
    1009: FindingCode.WEBSOCKET_MESSAGE_TOO_BIG,
    1011: FindingCode.WEBSOCKET_INTERNAL_ERROR,
    1012: FindingCode.WEBSOCKET_SERVICE_RESTART,
    _TRY_AGAIN_LATER: FindingCode.WEBSOCKET_CLIENT_TOO_SLOW,
}
_CERTAIN = frozenset(
    {
        FindingCode.UPGRADE_TOKEN_REJECTED,
        FindingCode.UPGRADE_RATE_LIMITED,
        FindingCode.WEBSOCKET_GOING_AWAY,
        FindingCode.WEBSOCKET_POLICY_VIOLATION,
        FindingCode.WEBSOCKET_MESSAGE_TOO_BIG,
        FindingCode.WEBSOCKET_INTERNAL_ERROR,
        FindingCode.WEBSOCKET_SERVICE_RESTART,
        FindingCode.WEBSOCKET_APPLICATION_CODE,
    }
)
"""Causes of which a status or a close code is proof; others have more than one explanation."""


def failing(case: Case) -> Iterator[Finding]:
    """Why WebSockets were not opened, did not stay open, or did not bring every event."""
    if not case.websocket:
        return
    for rule in (_refused_upgrades, _not_connected, _closed, _publishing, _missed, _disorder):
        yield from rule(case)


def _refused_upgrades(case: Case) -> Iterator[Finding]:
    """Upgrades with a status other than 101."""
    if not case.count(ErrorCode.STATUS):
        return
    refused = [
        (status, count)
        for status, count in _by_number(case)
        if status < _MIN_CLOSE_CODE and status != HTTPStatus.SWITCHING_PROTOCOLS
    ]
    # Of several statuses it is unknown to which one the sample belongs.
    sample = case.sample(ErrorCode.STATUS) if len(refused) == 1 else ""
    for status, count in refused:
        if case.is_frequent(count) or case.count(ErrorCode.MISSED):
            code = _of_upgrade(status)
            yield case.cause(
                code, RefusedUpgrades(count=count, status=status, sample=sample), likely_if(code in _CERTAIN)
            )


def _of_upgrade(status: int) -> FindingCode:
    other = (
        FindingCode.UPGRADE_FAILED if status >= HTTPStatus.INTERNAL_SERVER_ERROR else FindingCode.UPGRADE_UNSUPPORTED
    )
    return _BY_UPGRADE_STATUS.get(status, other)


def _not_connected(case: Case) -> Iterator[Finding]:
    """Connections that were never established. Some of many show a limit; all, a target that isn't there."""
    count = case.count(*_NOT_CONNECTED)
    if not case.is_frequent(count):
        return
    failed = case.failed(count, *_NOT_CONNECTED)
    opened = _opened(case)
    if not opened:
        yield case.cause(FindingCode.WEBSOCKETS_NOT_ACCEPTED, failed)
        return
    files, files_max = case.target_metrics.gauge(_OPEN_FILES), case.target_metrics.gauge(_OPEN_FILES_MAX)
    if files is not None and files_max is not None and max(files) >= _NEARLY_FULL * files_max[1]:
        open_files = OpenFiles(**dict(failed), open_files=int(max(files)), max_open_files=int(files_max[1]))
        yield case.cause(FindingCode.OPEN_FILE_LIMIT, open_files)
        return
    # Open files, the backlog, a proxy and the target's own limit look the same.
    yield case.cause(FindingCode.CONNECTION_LIMIT, SomeOpened(**dict(failed), opened=opened), Likelihood.POSSIBLE)


def _opened(case: Case) -> int:
    phase = case.measurement.phases.get("connect")
    return phase.count if phase is not None else 0


def _closed(case: Case) -> Iterator[Finding]:
    """WebSockets that the target closed, by close code."""
    closed = [(close_code, count) for close_code, count in _by_number(case) if close_code > _NORMAL_CLOSURE]
    with_frame = [close_code for close_code, _ in closed if close_code != _ABNORMAL_CLOSURE]
    for close_code, count in closed:
        cut = close_code == _ABNORMAL_CLOSURE
        # Of several close codes it is unknown to which one the sample belongs; a cut has none of its own.
        sample = case.sample(ErrorCode.CUT if cut else ErrorCode.CLOSED) if cut or len(with_frame) == 1 else ""
        slow_clients = int(case.target_metrics.counted(_SLOW_CLIENTS)) if close_code == _TRY_AGAIN_LATER else 0
        code = _of_close_code(close_code)
        yield case.cause(
            code,
            ClosedWebSockets(
                count=count,
                opened=_opened(case),
                close_code=close_code,
                sample=sample,
                slow_clients=slow_clients or None,
            ),
            likely_if(code in _CERTAIN),
        )


def _of_close_code(close_code: int) -> FindingCode:
    other = (
        FindingCode.WEBSOCKET_APPLICATION_CODE
        if close_code >= _MIN_APPLICATION_CODE
        else FindingCode.WEBSOCKET_PROTOCOL_ERROR
    )
    return _BY_CLOSE_CODE.get(close_code, other)


def _publishing(case: Case) -> Iterator[Finding]:
    """Events that were never published."""
    for error in case.measurement.errors:
        if error.publishing and case.is_frequent(error.count):
            yield case.cause(
                FindingCode.PUBLISHING_FAILED,
                PublishingFailed(
                    count=error.count, scheduled=case.scheduled, sample=error.sample, error=error.code.value
                ),
            )


def _missed(case: Case) -> Iterator[Finding]:
    """Deliveries that never came, though their events were published."""
    count = case.count(ErrorCode.MISSED)
    if not case.is_frequent(count):
        return
    failed = case.failed(count, ErrorCode.MISSED)
    lost = case.count(*_LOST)
    if lost:
        yield case.cause(FindingCode.LISTENERS_LOST, ListenersLost(**dict(failed), lost=lost))
    elif case.redis_fell:
        yield case.cause(FindingCode.EVENTS_NOT_SHARED, failed)
    else:  # instances that share no events, and events that are dropped or late, look the same
        yield case.cause(FindingCode.EVENTS_NOT_DELIVERED, failed, Likelihood.POSSIBLE)


def _disorder(case: Case) -> Iterator[Finding]:
    malformed = case.count(ErrorCode.MALFORMED)
    if malformed:
        yield case.cause(
            FindingCode.WEBSOCKET_MALFORMED, Occurrences(count=malformed, sample=case.sample(ErrorCode.MALFORMED))
        )
    for error, code in (
        (ErrorCode.DUPLICATE, FindingCode.EVENTS_DUPLICATED),
        (ErrorCode.OUT_OF_ORDER, FindingCode.EVENTS_OUT_OF_ORDER),
    ):
        count = case.count(error)
        if case.is_frequent(count):
            yield case.cause(code, Occurrences(count=count, sample=case.sample(error)), Likelihood.POSSIBLE)


def _by_number(case: Case) -> list[tuple[int, int]]:
    """Statuses and close codes with how often they came, the most frequent first."""
    known = [(int(status), count) for status, count in case.measurement.statuses.items() if status.isdigit()]
    return sorted(known, key=lambda counted: -counted[1])
