import pytest

from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.measurement.model import Measurement, Protocol
from loadtasks.measurement.target_metrics import TargetMetrics
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
from tests.loadtasks.verdict.causes.cases import causes, codes, likely, parameters, phase
from tests.measurements import measurement

BAD = ("success_rate",)


def sockets(
    statuses: dict[str, int], errors: tuple[ErrorCode, ...], failed: int, opened: int = 50, **changes: object
) -> Measurement:
    """50 WebSockets opened at first, and failures with their samples, equally many of each code."""
    phases = {"connect": phase(0.03, opened), "upgrade": phase(0.02, opened)} if opened else {}
    return measurement(
        "websocket.connections",
        **{
            "protocol": Protocol.WEBSOCKET,
            "times_s": [0.03] * (100 - failed),
            "failed": failed,
            "statuses": statuses,
            "errors": [
                ErrorCount(code=code, count=failed // len(errors), sample=f"GET /events: {code.value}")
                for code in errors
            ],
            "phases": phases,
        }
        | changes,
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "code", "certain"),
    [
        (401, FindingCode.UPGRADE_TOKEN_REJECTED, True),
        (403, FindingCode.UPGRADE_TOKEN_REJECTED, True),
        (404, FindingCode.UPGRADE_UNSUPPORTED, False),
        (429, FindingCode.UPGRADE_RATE_LIMITED, True),
        (500, FindingCode.UPGRADE_FAILED, False),
        (503, FindingCode.UPGRADE_UNAVAILABLE, False),
    ],
)
def test_refused_upgrades_have_a_cause_by_status(status: int, code: FindingCode, certain: bool) -> None:
    for opened in (0, 50):
        (cause,) = causes(sockets({"101": opened, str(status): 50}, (ErrorCode.STATUS,), 50, opened), wrong=BAD)
        assert cause.code is code
        assert cause.parameters == RefusedUpgrades(count=50, status=status, sample="GET /events: status")
        assert likely(cause) is certain


@pytest.mark.parametrize(
    ("close_code", "code"),
    [
        (1001, FindingCode.WEBSOCKET_GOING_AWAY),
        (1006, FindingCode.WEBSOCKET_CUT),
        (1008, FindingCode.WEBSOCKET_POLICY_VIOLATION),
        (1009, FindingCode.WEBSOCKET_MESSAGE_TOO_BIG),
        (1011, FindingCode.WEBSOCKET_INTERNAL_ERROR),
        (1012, FindingCode.WEBSOCKET_SERVICE_RESTART),
        (1013, FindingCode.WEBSOCKET_CLIENT_TOO_SLOW),
        (1002, FindingCode.WEBSOCKET_PROTOCOL_ERROR),
        (4321, FindingCode.WEBSOCKET_APPLICATION_CODE),
    ],
)
def test_closed_websockets_have_a_cause_by_close_code(close_code: int, code: FindingCode) -> None:
    error = ErrorCode.CUT if close_code == 1006 else ErrorCode.CLOSED
    (cause,) = causes(sockets({"101": 50, str(close_code): 20}, (error,), 20), wrong=BAD)
    assert cause.code is code
    assert cause.parameters == ClosedWebSockets(
        count=20, opened=50, close_code=close_code, sample=f"GET /events: {error.value}"
    )


def test_the_targets_own_count_of_slow_clients_is_kept() -> None:
    metrics = TargetMetrics(counters={"websocket_slow_clients_total": 20.0})
    now = sockets({"101": 50, "1013": 20}, (ErrorCode.CLOSED,), 20, target_metrics=metrics)
    (cause,) = causes(now, wrong=BAD)
    assert parameters(cause, ClosedWebSockets).slow_clients == 20


def test_some_connections_of_many_are_a_limit_whose_kind_is_unknown() -> None:
    (cause,) = causes(sockets({"101": 50}, (ErrorCode.REFUSED,), 50), wrong=BAD)
    assert cause.code is FindingCode.CONNECTION_LIMIT
    assert cause.parameters == SomeOpened(count=50, scheduled=100, sample="GET /events: refused", opened=50)
    assert not likely(cause)


def test_the_open_file_limit_is_named_where_the_target_reports_it() -> None:
    metrics = TargetMetrics(gauges={"process_open_fds": (20, 1020), "process_max_fds": (1024, 1024)})
    (cause,) = causes(sockets({"101": 50}, (ErrorCode.TIMEOUT,), 50, target_metrics=metrics), wrong=BAD)
    assert cause.code is FindingCode.OPEN_FILE_LIMIT
    limit = parameters(cause, OpenFiles)
    assert (limit.open_files, limit.max_open_files) == (1020, 1024)
    assert likely(cause)


def test_none_opened_is_a_target_that_accepts_none() -> None:
    (cause,) = causes(sockets({}, (ErrorCode.TIMEOUT,), 100, 0), wrong=BAD)
    assert cause.code is FindingCode.WEBSOCKETS_NOT_ACCEPTED
    assert cause.parameters == FailedRequests(count=100, scheduled=100, sample="GET /events: timeout")


def broadcast(errors: dict[ErrorCode, int], failed: int, **changes: object) -> Measurement:
    """1,000 deliveries, so many of them failed."""
    return measurement(
        "websocket.broadcast",
        **{
            "protocol": Protocol.WEBSOCKET,
            "times_s": [0.01] * (1000 - failed),
            "failed": failed,
            "statuses": {},
            "errors": [
                ErrorCount(code=code, count=number, sample=f"a {code.value}") for code, number in errors.items()
            ],
            "phases": {"connect": phase(0.03, 20), "publish": phase(0.008, 50), "first_delivery": phase(0.009, 50)},
        }
        | changes,
    )  # type: ignore[arg-type]


def test_missed_deliveries_of_lost_listeners_differ_from_events_that_are_not_sent() -> None:
    errors = {ErrorCode.MISSED: 200, ErrorCode.CLOSED: 4}
    closed, lost = causes(broadcast(errors, 200, statuses={"1001": 4}), wrong=BAD)
    assert closed.code is FindingCode.WEBSOCKET_GOING_AWAY
    assert lost.code is FindingCode.LISTENERS_LOST
    assert lost.parameters == ListenersLost(count=200, scheduled=1000, sample="a missed", lost=4)
    (not_sent,) = causes(broadcast({ErrorCode.MISSED: 200}, 200), wrong=BAD)
    assert not_sent.code is FindingCode.EVENTS_NOT_DELIVERED
    assert not likely(not_sent)


def test_missed_deliveries_while_redis_is_down_are_blamed_on_it() -> None:
    metrics = TargetMetrics(gauges={"redis_up": (1, 0)})
    found = causes(broadcast({ErrorCode.MISSED: 200}, 200, target_metrics=metrics), wrong=BAD)
    assert codes(found) == [FindingCode.REDIS_DOWN, FindingCode.EVENTS_NOT_SHARED]


def test_a_publisher_that_fails_differs_from_websockets_that_do() -> None:
    failing = ErrorCount(code=ErrorCode.STATUS, count=200, sample="POST /events: 500", publishing=True)
    now = broadcast({}, 200).model_copy(update={"errors": [failing]})
    (cause,) = causes(now, wrong=BAD)
    assert cause.code is FindingCode.PUBLISHING_FAILED
    assert cause.parameters == PublishingFailed(
        count=200, scheduled=1000, sample="POST /events: 500", error=ErrorCode.STATUS
    )


def test_duplicates_and_disorder_are_found() -> None:
    errors = {ErrorCode.DUPLICATE: 100, ErrorCode.OUT_OF_ORDER: 50}
    duplicate, disorder = causes(broadcast(errors, 100), wrong=BAD)
    assert duplicate.code is FindingCode.EVENTS_DUPLICATED
    assert duplicate.parameters == Occurrences(count=100, sample="a duplicate")
    assert disorder.code is FindingCode.EVENTS_OUT_OF_ORDER
    assert disorder.parameters == Occurrences(count=50, sample="a out_of_order")


def test_invalid_frames_are_found() -> None:
    (cause,) = causes(sockets({"101": 50}, (ErrorCode.MALFORMED,), 20), wrong=BAD)
    assert cause.code is FindingCode.WEBSOCKET_MALFORMED
    assert cause.parameters == Occurrences(count=20, sample="GET /events: malformed")
