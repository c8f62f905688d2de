"""WebSocket failures: upgrades that are refused, connections that are closed, events that don't arrive."""

from collections.abc import Iterator, Mapping

from loadtasks.measurement.errors import ErrorCode
from loadtasks.verdict.causes.case import Case, Cause

_SWITCHING, _SERVER_ERROR = 101, 500
_FIRST_CODE = 1000
_APPLICATIONS_OWN = 4000
_OPEN_FILES, _OPEN_FILES_MAX = "process_open_fds", "process_max_fds"
_NEARLY_FULL = 0.9
_SLOW_CLIENTS = "websocket_slow_clients_total"

_NOT_LET_IN = (
    "the token is not accepted for WebSockets",
    "issue a new one with the scopes that listening needs, and see that the proxy passes Authorization on",
    True,
)
_NO_UPGRADE = (
    "the address takes no WebSockets, or the proxy before it doesn't pass the upgrade on",
    "see the scenario's path, and that the proxy sends Upgrade and Connection on over HTTP/1.1",
    False,
)
_FAILED_UPGRADE = ("an error in the target, or in the proxy before it", "look at both logs of that time", False)
_UPGRADES: Mapping[int, tuple[str, str, bool]] = {
    401: _NOT_LET_IN,
    403: _NOT_LET_IN,
    429: (
        "throttling: a limit on the connections of one client",
        "raise the limit for the load tests' user, or open fewer",
        True,
    ),
    503: (
        "the target holds as many WebSockets as it may, or is overloaded",
        "raise the limit (of the shipped API: APP_WEBSOCKETS_MAX), or spread the clients over more instances",
        False,
    ),
}
"""What the status of a refused upgrade means: the cause, the next step, and whether it is sure."""
_CODES: Mapping[int, tuple[str, str, bool]] = {
    1001: (
        "the target went away: it, or a worker of it, was stopped or restarted",
        "see whether there was a deployment, a restart or a worker's end in its log of that time",
        True,
    ),
    1006: (
        "the connection broke without a goodbye: the target or its worker died, or a proxy cut it for being idle",
        "look for a crash or a lack of memory in the target's log, and compare the proxy's idle timeout with the "
        "target's heartbeats",
        False,
    ),
    1008: (
        "the target's policy: a token that is bad or has expired, or a client that says too much",
        "issue a token that lasts through the night, and read the reason in the example",
        True,
    ),
    1009: ("a message was too large for the target", "send smaller ones, or raise the target's limit", True),
    1011: ("an error in the target", "look for the exception in the target's log", True),
    1012: ("the target restarted", "see whether there was a deployment or a crash at that time", True),
    1013: (
        "the target was too fast for this client, which didn't take what was sent, or it is overloaded",
        "see the generator's health in the report; if it was healthy, raise the target's queue for one client (of the "
        "shipped API: APP_EVENT_QUEUE) or publish more slowly",
        False,
    ),
}


def failing(case: Case) -> Iterator[Cause]:
    """Why WebSockets didn't open, stay open or bring every event."""
    if not case.websocket:
        return
    for rule in (_refused_upgrades, _not_connected, _closed, _publishing, _missed, _disorder):
        yield from rule(case)


def _refused_upgrades(case: Case) -> Iterator[Cause]:
    """Handshakes that were answered with another status than 101."""
    if not case.count(ErrorCode.STATUS):
        return
    for status, number in _numbered(case):
        if status < _FIRST_CODE and status != _SWITCHING and (case.matters(number) or case.count(ErrorCode.MISSED)):
            meaning, next_step, sure = _of_upgrade(status)
            sentence = (
                f"{meaning}: {number:,} WebSockets had their upgrade answered {status}{case.sample(ErrorCode.STATUS)}"
            )
            yield Cause(sentence, next_step, sure)


def _of_upgrade(status: int) -> tuple[str, str, bool]:
    return _UPGRADES.get(status) or (_FAILED_UPGRADE if status >= _SERVER_ERROR else _NO_UPGRADE)


def _not_connected(case: Case) -> Iterator[Cause]:
    """Connections that never stood. Some of many are a limit; all are a target that isn't there."""
    codes = (ErrorCode.REFUSED, ErrorCode.CONNECT_TIMEOUT, ErrorCode.TIMEOUT, ErrorCode.UNREACHABLE)
    number = case.count(*codes)
    if not case.matters(number):
        return
    opened = _opened(case)
    told = f"{case.of_all(number)} found no WebSocket{case.sample(*codes)}"
    if not opened:
        yield Cause(
            f"the target takes no WebSockets at all: {told}",
            "see that it runs, listens there, and that its workers are not all held by other requests",
        )
        return
    files, files_max = case.told.gauge(_OPEN_FILES), case.told.gauge(_OPEN_FILES_MAX)
    if files is not None and files_max is not None and max(files) >= _NEARLY_FULL * files_max[1]:
        yield Cause(
            f"the open-file limit: the target has {max(files):.0f} of {files_max[1]:.0f} files open; {told}",
            "raise it for the target's process (ulimit -n, LimitNOFILE)",
        )
        return
    yield Cause(
        f"a limit on connections: {opened:,} were opened, and {told}; whether it is open files, the backlog, the "
        "proxy or the target's own limit can't be told apart",
        "compare the number opened with ulimit -n of target and proxy, the proxy's worker_connections, the listen "
        "backlog, and the target's own limit",
        sure=False,
    )


def _opened(case: Case) -> int:
    phase = case.measurement.phases.get("connect")
    return phase.count if phase is not None else 0


def _closed(case: Case) -> Iterator[Cause]:
    """WebSockets that the target closed, by code."""
    for code, number in _numbered(case):
        if code <= _FIRST_CODE:
            continue
        meaning, next_step, sure = _CODES.get(code) or (
            ("a reason of the application's own", "look the code up in the target's documentation", True)
            if code >= _APPLICATIONS_OWN
            else ("the target broke the protocol, or says the client did", "look at both sides' logs", False)
        )
        opened = f" of {opened:,}" if (opened := _opened(case)) else ""
        counted = case.told.counted(_SLOW_CLIENTS) if code == 1013 else 0  # noqa: PLR2004 - a code of the table
        also = f"; the target itself counts {counted:,.0f} clients too slow" if counted else ""
        error = ErrorCode.CUT if code == 1006 else ErrorCode.CLOSED  # noqa: PLR2004 - as above
        yield Cause(
            f"{meaning}: {number:,}{opened} WebSockets ended with code {code}{case.sample(error)}{also}",
            next_step,
            sure,
        )


def _publishing(case: Case) -> Iterator[Cause]:
    """Events that were never published."""
    for error in case.measurement.errors:
        if error.publishing and case.matters(error.count):
            yield Cause(
                f"publishing failed ({error.code}), so that nothing could be delivered: "
                f"{case.of_all(error.count, 'delivery', 'deliveries')}, e.g. {error.sample}",
                "look at the request that publishes, not at the WebSockets: its status and the target's log",
            )


def _missed(case: Case) -> Iterator[Cause]:
    """Deliveries that never came, though their events were published."""
    number = case.count(ErrorCode.MISSED)
    if not case.matters(number):
        return
    told = f"{case.of_all(number, 'delivery', 'deliveries')} never came, or too late{case.sample(ErrorCode.MISSED)}"
    lost = case.count(
        ErrorCode.CLOSED,
        ErrorCode.CUT,
        ErrorCode.REFUSED,
        ErrorCode.CONNECT_TIMEOUT,
        ErrorCode.TIMEOUT,
        ErrorCode.STATUS,
    )
    if lost:
        listeners = "listener was" if lost == 1 else "listeners were"
        yield Cause(
            f"lost listeners: {told}; {lost:,} {listeners} not there, or not any more",
            "mend what closed them, or kept them from opening, first",
        )
    elif case.redis_fell:
        yield Cause(
            f"Redis is down, so instances don't share their events: {told}",
            "bring Redis back; until then only the clients of the instance that publishes hear of an event",
        )
    else:
        yield Cause(
            f"the target doesn't send every event to everyone: {told}, though no listener was lost; instances that "
            "share no events can't be told from events that are dropped or late",
            "with several instances see that they share events (of the shipped API: APP_REDIS_URL); else look for "
            "dropped messages in the target's log",
            sure=False,
        )


def _disorder(case: Case) -> Iterator[Cause]:
    broken = case.count(ErrorCode.MALFORMED)
    if broken:
        yield Cause(
            f"what the target sends is no WebSocket: {broken:,} ended so{case.sample(ErrorCode.MALFORMED)}",
            "see the target's WebSocket library and what the proxy before it makes of the frames",
        )
    for code, what in ((ErrorCode.DUPLICATE, "more than once"), (ErrorCode.OUT_OF_ORDER, "out of order")):
        number = case.count(code)
        if case.matters(number):
            yield Cause(
                f"events come {what}: {number:,}{case.sample(code)}",
                "see whether they reach the clients by more than one way (several instances, a resend after an error)",
                sure=False,
            )


def _numbered(case: Case) -> Iterator[tuple[int, int]]:
    """Statuses and close codes with how often they came, the most frequent first."""
    known = [(int(code), number) for code, number in case.measurement.statuses.items() if code.isdigit()]
    yield from sorted(known, key=lambda regression: -regression[1])
