"""WebSockets opened and held: how many at a time, for how long, what is timed, and every way to fail."""

import itertools
import resource
import socket
import threading
import time
from http import HTTPStatus

import pytest
import uvloop
from websockets.sync.server import ServerConnection, serve

from loadtasks.engine.net.descriptors import allow_sockets
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.engine.websocket import opener
from loadtasks.engine.websocket.opener import MAX_CONCURRENT, Opener
from loadtasks.errors import BadInputError
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.canonical import scenario_hash
from loadtasks.scenarios.load import BroadcastLoad, ConnectionsLoad
from loadtasks.scenarios.model import BroadcastScenario, ConnectionsScenario, Event, Publish, Request
from tests.loadtasks.engine.websocket.fanout import Fanout, close_frame, frame, in_process, in_thread
from tests.servers import answering, free_port, scripted


def connections(count: int, *, hold_s: float = 0.0, timeout_s: float = 20.0) -> ConnectionsScenario:
    load = ConnectionsLoad(connections=count, hold_s=hold_s)
    return ConnectionsScenario(name="ws.connections", endpoint="ws", path="/events", load=load, timeout_s=timeout_s)


def measure(url: str, scenario: ConnectionsScenario) -> Measurement:
    (measurement,) = run_scenario(scenario, Target(url))
    assert measurement.conservation_gap == 0
    return measurement


def error_counts(measurement: Measurement) -> dict[str, int]:
    return {error.code: error.count for error in measurement.errors}


def test_a_thousand_are_held_from_one_process() -> None:
    with in_process() as url:
        measurement = measure(url, connections(1000))
    assert measurement.counts.completed == 1000, measurement.errors
    assert measurement.statuses == {"101": 1000}
    assert measurement.phases["connect"].count == measurement.response.count == 1000
    assert 0 < measurement.phases["upgrade"].total_s <= measurement.phases["connect"].total_s
    assert measurement.connect_mean_s is not None


def test_all_are_held_until_all_are_open() -> None:
    requested, held = itertools.count(1), itertools.count(1)
    reached: list[int] = []
    others_held = threading.Event()

    def let_the_last_wait(connection: ServerConnection, request: object) -> None:
        if next(requested) == 41:  # the first is the engine's own rehearsal
            reached.append(others_held.wait(10))

    def hold(client: ServerConnection) -> None:
        if next(held) == 40:
            others_held.set()
        for _ in client:
            pass

    with serve(hold, "127.0.0.1", free_port(), process_request=let_the_last_wait) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        measurement = measure(f"http://127.0.0.1:{server.socket.getsockname()[1]}", connections(40))
        server.shutdown()
        thread.join()
    assert measurement.counts.completed == 40, measurement.errors
    assert reached == [True]


def test_no_more_are_being_opened_at_a_time_than_a_backlog_takes() -> None:
    server = Fanout()
    server.upgrades_after_s = lambda listener: 0.2
    with in_thread(server) as url:
        measurement = measure(url, connections(250))
    assert measurement.counts.completed == 250, measurement.errors
    assert server.most_opening == MAX_CONCURRENT


def test_the_time_of_an_opening_begins_with_its_own_turn() -> None:
    server, rehearsal = Fanout(), 1
    server.upgrades_after_s = lambda listener: 0.5 if listener <= rehearsal + MAX_CONCURRENT else 0.0
    with in_thread(server) as url:
        measurement = measure(url, connections(2 * MAX_CONCURRENT))
    assert measurement.counts.completed == 2 * MAX_CONCURRENT, measurement.errors
    assert min(upper_s for upper_s, _ in measurement.response.steps()) < 0.5


def test_openings_begin_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opener, "MIN_INTERVAL_S", 0.005)

    async def open_all(url: str) -> list[float]:
        opening = Opener("/events", Target(url), timeout_s=10, connect_timeout_s=10)
        began = [opened.began for opened in await opening.open(50)]
        await opening.close()
        return [time_s for time_s in began if time_s is not None]

    with in_thread(Fanout()) as url:
        began = uvloop.run(open_all(url))
    assert len(began) == 50
    assert max(began) - min(began) >= 0.9 * 50 * 0.005


def test_the_time_to_the_first_message_is_reported_where_one_comes_while_it_is_held() -> None:
    server = Fanout()
    with in_thread(server) as url:
        assert "first_message" not in measure(url, connections(5)).phases
        server.greeting = frame(b"hello") + frame(b"again")
        phase = measure(url, connections(5, hold_s=0.3)).phases["first_message"]
    assert phase.count == 5


def test_they_are_held_so_much_longer() -> None:
    server = Fanout()
    ends: list[int] = []
    with in_thread(server) as url:
        watcher = threading.Thread(target=lambda: ends.append(_held_for(server, 5, 0.3)))
        watcher.start()
        measurement = measure(url, connections(5, hold_s=0.5))
        watcher.join()
    assert measurement.load == {"model": "connections", "connections": 5, "hold_s": 0.5}
    assert ends == [5]


def _held_for(server: Fanout, count: int, seconds: float) -> int:
    """Wait until so many listen, then so many seconds; gives how many still do."""
    give_up = time.monotonic() + 10
    while len(server.listeners) < count and time.monotonic() < give_up:
        time.sleep(0.005)
    time.sleep(seconds)
    return len(server.listeners)


def test_one_that_is_lost_while_it_should_be_held_has_failed() -> None:
    server = Fanout()
    server.greeting = close_frame(1013, "full")
    with in_thread(server) as url:
        measurement = measure(url, connections(3, hold_s=0.3))
    assert measurement.counts.failed == 3
    assert measurement.statuses == {"101": 3, "1013": 3}
    assert error_counts(measurement) == {"closed": 3}
    assert "code 1013 (try again later), reason 'full'" in measurement.errors[0].sample
    assert measurement.phases["connect"].count == 3
    assert measurement.response.count == 0


def test_a_refused_upgrade_is_a_named_failure() -> None:
    def refuse(connection: ServerConnection, request: object) -> object:
        return connection.respond(HTTPStatus.UNAUTHORIZED, "no token\n")

    with serve(lambda client: None, "127.0.0.1", free_port(), process_request=refuse) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        measurement = measure(f"http://127.0.0.1:{server.socket.getsockname()[1]}", connections(3))
        server.shutdown()
        thread.join()
    assert measurement.counts.failed == 3
    assert error_counts(measurement) == {"status": 3}
    assert measurement.statuses == {"401": 3}
    assert measurement.errors[0].sample.endswith("the response to the upgrade was 401, expected 101: no token")


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: wrong\r\n\r\n",
            "malformed",
        ),
        (b"", "cut"),
        (b"nonsense\r\n\r\n", "malformed"),
    ],
    ids=["wrong accept", "closed", "not http"],
)
def test_a_broken_handshake_is_a_named_failure(response: bytes, kind: str) -> None:
    with scripted(answering(response, keep=False)) as server:
        measurement = measure(server.url, connections(2))
    assert measurement.counts.failed == 2
    assert error_counts(measurement) == {kind: 2}


def test_an_upgrade_that_is_unanswered_times_out() -> None:
    def hang(connection: socket.socket, request: bytes) -> bool:
        connection.recv(1)  # until the engine gives up
        return False

    with scripted(hang) as server:
        measurement = measure(server.url, connections(2, timeout_s=0.2))
    assert measurement.counts.failed == 2
    assert error_counts(measurement) == {"timeout": 2}
    assert measurement.response.count == 2


def test_nobody_there_is_a_named_failure() -> None:
    measurement = measure(f"http://127.0.0.1:{free_port()}", connections(150))
    assert measurement.counts.failed == 150
    assert error_counts(measurement) == {"refused": 150}


def test_the_soft_limit_of_open_files_is_raised_where_it_is_too_low() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        allow_sockets(10)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (256, hard)
        allow_sockets(300)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_hard_limit_of_open_files_that_is_too_low_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (50, 50))
    publish = Publish(request=Request(method="POST", path="/"), id="id")
    load = BroadcastLoad(listeners=3, events=1, rate=1)
    broadcast = BroadcastScenario(
        name="ws.b", endpoint="ws", path="/", load=load, publish=publish, event=Event(id="id")
    )
    for scenario, needed in ((connections(3), 3), (broadcast, 259)):
        with pytest.raises(
            BadInputError,
            match=rf"^{needed} connections at the same time need \d+ open files, .* 50 \(ulimit -Hn\): raise that",
        ):
            run_scenario(scenario, Target("http://127.0.0.1:1"))


def test_how_long_they_are_held_is_in_the_hash() -> None:
    assert scenario_hash(connections(3)) != scenario_hash(connections(3, hold_s=1))
