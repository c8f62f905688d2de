"""Sentences of the causes of failed WebSockets."""

from collections.abc import Callable, Mapping
from typing import Any

from loadtasks import units
from loadtasks.report.sentences.causes.phrases import always, example, of_all
from loadtasks.results.findings.causes.failures import (
    ClosedWebSockets,
    FailedRequests,
    ListenersLost,
    Occurrences,
    OpenFiles,
    PublishingFailed,
    RefusedUpgrades,
    SomeOpened,
)
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding


def _refused(meaning: str) -> Callable[[Finding, RefusedUpgrades], str]:
    return lambda _finding, parameters: (
        f"{meaning}: {units.plural(parameters.count, 'WebSocket upgrade')} got {parameters.status} instead of 101"
        f"{example(parameters.sample)}"
    )


def _not_accepted(_finding: Finding, parameters: FailedRequests) -> str:
    return f"the target accepts no WebSockets at all: {_not_opened(parameters)}"


def _open_files(_finding: Finding, parameters: OpenFiles) -> str:
    return (
        f"the open-file limit: the target has {units.count(parameters.open_files)} of "
        f"{units.count(parameters.max_open_files)} files open; {_not_opened(parameters)}"
    )


def _connection_limit(_finding: Finding, parameters: SomeOpened) -> str:
    return (
        f"a limit on connections: {units.count(parameters.opened)} were opened, and {_not_opened(parameters)}; it may "
        "be the open files, the backlog, the proxy or a limit of the target's own"
    )


def _not_opened(parameters: FailedRequests) -> str:
    return f"{of_all(parameters, 'connection')} could not be opened{example(parameters.sample)}"


def _closed(meaning: str) -> Callable[[Finding, ClosedWebSockets], str]:
    return lambda _finding, parameters: (
        f"{meaning}: {units.count(parameters.count)}{_of_opened(parameters)} WebSockets ended with close code "
        f"{parameters.close_code}{example(parameters.sample)}{_slow_clients(parameters)}"
    )


def _of_opened(parameters: ClosedWebSockets) -> str:
    return f" of {units.count(parameters.opened)}" if parameters.opened else ""


def _slow_clients(parameters: ClosedWebSockets) -> str:
    if parameters.slow_clients is None:
        return ""
    return f"; the target's own metrics count {units.plural(parameters.slow_clients, 'slow client')}"


def _publishing(_finding: Finding, parameters: PublishingFailed) -> str:
    return (
        f"publishing failed ({parameters.error}), so nothing could be delivered: "
        f"{of_all(parameters, 'delivery', 'deliveries')}{example(parameters.sample)}"
    )


def _missed(parameters: FailedRequests) -> str:
    return f"{of_all(parameters, 'delivery', 'deliveries')} came too late or never{example(parameters.sample)}"


def _listeners_lost(_finding: Finding, parameters: ListenersLost) -> str:
    return (
        f"lost listeners: {_missed(parameters)}; {units.plural(parameters.lost, 'listener')} could not connect, or "
        "lost the connection"
    )


def _not_shared(_finding: Finding, parameters: FailedRequests) -> str:
    return f"Redis is down, so instances of the target don't share their events: {_missed(parameters)}"


def _not_delivered(_finding: Finding, parameters: FailedRequests) -> str:
    return (
        f"the target doesn't send every event to every listener: {_missed(parameters)}, though no listener was lost; "
        "its instances may not share events, or events may be dropped or late"
    )


def _malformed(_finding: Finding, parameters: Occurrences) -> str:
    return (
        f"the target sends invalid WebSocket frames: {units.plural(parameters.count, 'connection')} ended because of "
        f"it{example(parameters.sample)}"
    )


def _events(what_happened: str) -> Callable[[Finding, Occurrences], str]:
    return lambda _finding, parameters: (
        f"{units.plural(parameters.count, 'event')} arrived {what_happened}{example(parameters.sample)}"
    )


_SEVERAL_WAYS = (
    "check whether events reach the clients by more than one way (several instances, a retry after an error)"
)
SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.UPGRADE_TOKEN_REJECTED: _refused("the target doesn't accept the token for WebSockets"),
    FindingCode.UPGRADE_RATE_LIMITED: _refused("throttling: a limit on the connections of one client"),
    FindingCode.UPGRADE_UNAVAILABLE: _refused("the target holds as many WebSockets as it may, or is overloaded"),
    FindingCode.UPGRADE_UNSUPPORTED: _refused(
        "the address takes no WebSockets, or the proxy before it doesn't forward the upgrade"
    ),
    FindingCode.UPGRADE_FAILED: _refused("an error in the target, or in the proxy before it"),
    FindingCode.WEBSOCKETS_NOT_ACCEPTED: _not_accepted,
    FindingCode.OPEN_FILE_LIMIT: _open_files,
    FindingCode.CONNECTION_LIMIT: _connection_limit,
    FindingCode.WEBSOCKET_GOING_AWAY: _closed("the target, or one of its workers, was stopped or restarted"),
    FindingCode.WEBSOCKET_CUT: _closed(
        "the connection ended without a close frame: the target or its worker died, or a proxy cut an idle connection"
    ),
    FindingCode.WEBSOCKET_POLICY_VIOLATION: _closed(
        "the target's policy: an invalid or expired token, or a client that sends too much"
    ),
    FindingCode.WEBSOCKET_MESSAGE_TOO_BIG: _closed("a message was too large for the target"),
    FindingCode.WEBSOCKET_INTERNAL_ERROR: _closed("an error in the target"),
    FindingCode.WEBSOCKET_SERVICE_RESTART: _closed("the target restarted"),
    FindingCode.WEBSOCKET_CLIENT_TOO_SLOW: _closed(
        "the client did not read as fast as the target sent, or the target is overloaded"
    ),
    FindingCode.WEBSOCKET_PROTOCOL_ERROR: _closed("the target broke the protocol, or says that the client did"),
    FindingCode.WEBSOCKET_APPLICATION_CODE: _closed("a reason of the application's own"),
    FindingCode.WEBSOCKET_MALFORMED: _malformed,
    FindingCode.PUBLISHING_FAILED: _publishing,
    FindingCode.LISTENERS_LOST: _listeners_lost,
    FindingCode.EVENTS_NOT_SHARED: _not_shared,
    FindingCode.EVENTS_NOT_DELIVERED: _not_delivered,
    FindingCode.EVENTS_DUPLICATED: _events("more than once"),
    FindingCode.EVENTS_OUT_OF_ORDER: _events("out of order"),
}
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.UPGRADE_TOKEN_REJECTED: always(
        "issue a new token with the scopes that listening needs, and check that the proxy forwards Authorization"
    ),
    FindingCode.UPGRADE_RATE_LIMITED: always("raise the limit for the load tests' user, or open fewer WebSockets"),
    FindingCode.UPGRADE_UNAVAILABLE: always(
        "raise the limit (of the shipped API: APP_WEBSOCKETS_MAX), or spread the clients over more instances"
    ),
    FindingCode.UPGRADE_UNSUPPORTED: always(
        "check the scenario's path, and that the proxy forwards Upgrade and Connection over HTTP/1.1"
    ),
    FindingCode.UPGRADE_FAILED: always("look at the logs of both at that time"),
    FindingCode.WEBSOCKETS_NOT_ACCEPTED: always(
        "check that the target runs, listens there, and that other requests don't hold all its workers"
    ),
    FindingCode.OPEN_FILE_LIMIT: always("raise it for the target's process (ulimit -n, LimitNOFILE)"),
    FindingCode.CONNECTION_LIMIT: always(
        "compare the number opened with ulimit -n of target and proxy, the proxy's worker_connections, the listen "
        "backlog, and the target's own limit"
    ),
    FindingCode.WEBSOCKET_GOING_AWAY: always(
        "check whether the target's log of that time shows a deployment, a restart or the end of a worker"
    ),
    FindingCode.WEBSOCKET_CUT: always(
        "look for a crash or a lack of memory in the target's log, and compare the proxy's idle timeout with the "
        "target's heartbeats"
    ),
    FindingCode.WEBSOCKET_POLICY_VIOLATION: always(
        "issue a token that outlasts the run, and read the reason in the example"
    ),
    FindingCode.WEBSOCKET_MESSAGE_TOO_BIG: always("send smaller messages, or raise the target's limit"),
    FindingCode.WEBSOCKET_INTERNAL_ERROR: always("look for the exception in the target's log"),
    FindingCode.WEBSOCKET_SERVICE_RESTART: always("check whether there was a deployment or a crash at that time"),
    FindingCode.WEBSOCKET_CLIENT_TOO_SLOW: always(
        "check the load generator's health in the report; if it was healthy, raise the target's queue for one client "
        "(of the shipped API: APP_EVENT_QUEUE) or publish more slowly"
    ),
    FindingCode.WEBSOCKET_PROTOCOL_ERROR: always("look at the logs of both sides"),
    FindingCode.WEBSOCKET_APPLICATION_CODE: always("look the code up in the target's documentation"),
    FindingCode.WEBSOCKET_MALFORMED: always(
        "check the target's WebSocket library, and what the proxy before it does to the frames"
    ),
    FindingCode.PUBLISHING_FAILED: always(
        "look at the request that publishes, not at the WebSockets: its status and the target's log"
    ),
    FindingCode.LISTENERS_LOST: always("fix first what closed the listeners, or kept them from connecting"),
    FindingCode.EVENTS_NOT_SHARED: always(
        "restore Redis; until then an event reaches only the clients of the instance that publishes it"
    ),
    FindingCode.EVENTS_NOT_DELIVERED: always(
        "with several instances check that they share events (of the shipped API: APP_REDIS_URL); else look for "
        "dropped messages in the target's log"
    ),
    FindingCode.EVENTS_DUPLICATED: always(_SEVERAL_WAYS),
    FindingCode.EVENTS_OUT_OF_ORDER: always(_SEVERAL_WAYS),
}
