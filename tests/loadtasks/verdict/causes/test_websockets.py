import pytest

from loadtasks.measurement.errors import ErrorCount
from loadtasks.measurement.model import Measurement, Protocol
from loadtasks.measurement.target_metrics import TargetMetrics
from tests.loadtasks.verdict.causes.cases import causes, phase
from tests.measurements import measurement

BAD = ("success_rate",)


def sockets(
    statuses: dict[str, int], errors: dict[str, str], failed: int, opened: int = 50, **changes: object
) -> Measurement:
    """50 WebSockets opened at first, and failures with their examples, equally many of each."""
    phases = {"connect": phase(0.03, opened), "upgrade": phase(0.02, opened)} if opened else {}
    return measurement(
        "websocket.connections",
        **{
            "times_s": [0.03] * (100 - failed),
            "failed": failed,
            "statuses": statuses,
            "errors": [
                ErrorCount(code=code, count=failed // len(errors), sample=text) for code, text in errors.items()
            ],
            "phases": phases,
            "protocol": Protocol.WEBSOCKET,
        }
        | changes,
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "cause", "sure"),
    [
        ("401", "the token is not accepted for WebSockets", True),
        ("403", "the token is not accepted for WebSockets", True),
        ("404", "the address takes no WebSockets, or the proxy", False),
        ("429", "throttling: a limit on the connections of one client", True),
        ("500", "an error in the target, or in the proxy before it", False),
        ("503", "the target holds as many WebSockets as it may", False),
    ],
)
def test_refused_upgrades_are_told_by_status(status: str, cause: str, sure: bool) -> None:
    example = f"GET /events: the upgrade was answered {status}, expected 101"
    for opened in (0, 50):
        now = sockets({"101": opened, status: 50}, {"status": example}, 50, opened)
        (told,) = causes(now, wrong=BAD)
        assert told.sentence.startswith(cause)
        assert f"50 WebSockets had their upgrade answered {status}, e.g. GET /events" in told.sentence
        assert told.sure is sure


@pytest.mark.parametrize(
    ("code", "cause", "step"),
    [
        ("1001", "the target went away", "deployment"),
        ("1006", "the connection broke without a goodbye", "idle timeout"),
        ("1008", "the target's policy", "token"),
        ("1009", "a message was too large", "smaller"),
        ("1011", "an error in the target", "exception"),
        ("1012", "the target restarted", "deployment"),
        ("1013", "the target was too fast for this client", "APP_EVENT_QUEUE"),
        ("1002", "the target broke the protocol, or says the client did", "logs"),
        ("4321", "a reason of the application's own", "documentation"),
    ],
)
def test_closed_websockets_are_told_by_code(code: str, cause: str, step: str) -> None:
    kind = "cut" if code == "1006" else "closed"
    now = sockets({"101": 50, code: 20}, {kind: f"GET /events: ended with {code}"}, 20)
    (told,) = causes(now, wrong=BAD)
    assert told.sentence.startswith(cause)
    assert f"20 of 50 WebSockets ended with code {code}, e.g. GET /events: ended with {code}" in told.sentence
    assert step in told.next_step


def test_the_targets_own_count_of_slow_clients_is_told() -> None:
    metrics = TargetMetrics(counters={"websocket_slow_clients_total": 20.0})
    now = sockets({"101": 50, "1013": 20}, {"closed": "GET /events: 1013"}, 20, target_metrics=metrics)
    (told,) = causes(now, wrong=BAD)
    assert told.sentence.endswith("the target itself counts 20 clients too slow")


def test_some_connections_of_many_are_a_limit_and_which_one_cannot_be_told() -> None:
    now = sockets({"101": 50}, {"refused": "GET /events: connection refused"}, 50)
    (told,) = causes(now, wrong=BAD)
    assert told.sentence.startswith("a limit on connections: 50 were opened, and 50 of 100 requests (50.0 %) found no")
    assert "can't be told apart" in told.sentence
    assert "ulimit -n" in told.next_step
    assert not told.sure


def test_the_open_file_limit_is_named_where_the_target_tells_it() -> None:
    metrics = TargetMetrics(gauges={"process_open_fds": (20, 1020), "process_max_fds": (1024, 1024)})
    now = sockets({"101": 50}, {"timeout": "GET /events: not answered"}, 50, target_metrics=metrics)
    (told,) = causes(now, wrong=BAD)
    assert told.sentence.startswith("the open-file limit: the target has 1020 of 1024 files open")
    assert told.sure


def test_none_opened_is_a_target_that_takes_none() -> None:
    now = sockets({}, {"timeout": "GET /events: the upgrade was not answered within 5 s"}, 100, 0)
    (told,) = causes(now, wrong=BAD)
    assert told.sentence.startswith("the target takes no WebSockets at all: 100 of 100 requests (100 %)")


def broadcast(errors: dict[str, int], failed: int, **changes: object) -> Measurement:
    """1,000 deliveries, so many of them failed."""
    return measurement(
        "websocket.broadcast",
        **{
            "times_s": [0.01] * (1000 - failed),
            "failed": failed,
            "statuses": {},
            "errors": [
                ErrorCount(
                    code=code.removeprefix("publish: "),
                    count=number,
                    sample=f"a {code}",
                    publishing=code.startswith("publish: "),
                )
                for code, number in errors.items()
            ],
            "protocol": Protocol.WEBSOCKET,
            "phases": {"connect": phase(0.03, 20), "publish": phase(0.008, 50), "first_delivery": phase(0.009, 50)},
        }
        | changes,
    )  # type: ignore[arg-type]


def test_missed_deliveries_of_lost_listeners_are_told_from_events_that_are_not_sent() -> None:
    lost, closed = causes(broadcast({"missed": 200, "closed": 4}, 200, statuses={"1001": 4}), wrong=BAD)[::-1]
    assert closed.sentence.startswith("the target went away")
    assert lost.sentence.startswith("lost listeners: 200 of 1,000 deliveries (20.0 %) never came, or too late")
    assert "4 listeners were not there, or not any more" in lost.sentence
    (not_sent,) = causes(broadcast({"missed": 200}, 200), wrong=BAD)
    assert not_sent.sentence.startswith("the target doesn't send every event to everyone")
    assert "APP_REDIS_URL" in not_sent.next_step
    assert not not_sent.sure


def test_missed_deliveries_while_redis_is_down_are_blamed_on_it() -> None:
    metrics = TargetMetrics(gauges={"redis_up": (1, 0)})
    down, missed = causes(broadcast({"missed": 200}, 200, target_metrics=metrics), wrong=BAD)
    assert down.sentence.startswith("Redis is down for the target, as its gauge redis_up says")
    assert missed.sentence.startswith("Redis is down, so instances don't share their events: 200 of 1,000")


def test_a_publisher_that_fails_is_told_from_websockets_that_do() -> None:
    (told,) = causes(broadcast({"publish: status": 200}, 200), wrong=BAD)
    assert told.sentence.startswith("publishing failed (status), so that nothing could be delivered: 200 of 1,000")


def test_duplicates_and_disorder_are_told() -> None:
    duplicate, disorder = causes(broadcast({"duplicate": 100, "out_of_order": 50}, 100), wrong=BAD)
    assert duplicate.sentence.startswith("events come more than once: 100")
    assert disorder.sentence.startswith("events come out of order: 50")


def test_broken_frames_are_told() -> None:
    (told,) = causes(sockets({"101": 50}, {"malformed": "a broken WebSocket frame"}, 20), wrong=BAD)
    assert told.sentence == "what the target sends is no WebSocket: 20 ended so, e.g. a broken WebSocket frame"


def deliveries(publish: float, first: float, fan_out: float, **server: float) -> Measurement:
    phases = {"publish": phase(publish, 50), "first_delivery": phase(first, 50), "fan_out": phase(fan_out, 50)}
    phases |= {f"server:{name}": phase(mean_s, 50) for name, mean_s in server.items()}
    return broadcast({}, 0, phases=phases)


NORMAL = deliveries(0.008, 0.009, 0.002, db=0.002, total=0.006)


@pytest.mark.parametrize(
    ("now", "cause"),
    [
        (
            deliveries(0.01, 0.012, 0.5, db=0.002, total=0.006),
            "the fan-out: from the first listener to the last it takes",
        ),
        (
            deliveries(0.9, 0.91, 0.002, db=0.85, total=0.89),
            "publishing: the request that publishes takes 900 ms (8.00 ms before), most of it its phase db, and the",
        ),
        (deliveries(0.01, 0.9, 0.002, db=0.002, total=0.006), "the way from publishing to the WebSockets: the first"),
    ],
)
def test_slow_deliveries_are_the_publisher_the_way_or_the_fan_out(now: Measurement, cause: str) -> None:
    for before in (NORMAL, None):
        (told,) = causes(now, before)
        assert told.sentence.startswith(cause if before else cause.replace(" (8.00 ms before)", ""))


def test_a_publisher_that_waits_for_connections_held_longer_says_so() -> None:
    before = deliveries(0.05, 0.06, 0.002, pool=0.001, db=0.03, total=0.04)
    (told,) = causes(deliveries(0.9, 0.91, 0.002, pool=0.6, db=0.28, total=0.89), before)
    assert "most of it its phase pool (each connection being held longer: db takes 280 ms (30.0 ms" in told.sentence
    (told,) = causes(deliveries(0.9, 0.91, 0.002, pool=0.8, db=0.03, total=0.89), before)
    assert "most of it its phase pool, and the first listener" in told.sentence


def opening(connect: float, upgrade: float) -> Measurement:
    return sockets({"101": 100}, {}, 0, phases={"connect": phase(connect), "upgrade": phase(upgrade)})


def test_slow_openings_are_the_upgrade_or_the_way_to_it() -> None:
    for wrong in (("p95_s",), ("connect_mean_s",)):
        (upgrade,) = causes(opening(0.9, 0.88), opening(0.03, 0.02), wrong=wrong)
        assert (
            upgrade.sentence == "the upgrade: of an opening's 900 ms (30.0 ms before) it takes 880 ms (20.0 ms before)"
        )
        (connecting,) = causes(opening(0.9, 0.02), wrong=wrong)
        assert connecting.sentence.startswith(
            "connecting: an opening takes 900 ms, of which the upgrade takes only 20.0 ms"
        )
        assert not connecting.sure
