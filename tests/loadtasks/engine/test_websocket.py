"""The WebSocket engine against real servers: connections held at once, broadcasts delivered, missed and doubled."""

import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus

import pytest
from websockets.sync.server import ServerConnection, serve

from loadtasks.engine.measurement import Measurement
from loadtasks.engine.run import run_scenario
from loadtasks.engine.target import Target
from loadtasks.scenarios.load import BroadcastLoad, ClosedLoad, ConnectionsLoad
from loadtasks.scenarios.model import (
    BroadcastScenario,
    ConnectionsScenario,
    Event,
    HttpScenario,
    MixedScenario,
    Publish,
    Request,
)
from tests.servers import answering, free_port, ok, scripted


class Events:
    """A WebSocket server that broadcasts what is published by plain HTTP on another port."""

    def __init__(self) -> None:
        self.clients: list[ServerConnection] = []
        self.lock = threading.Lock()
        self.times_to_send: Callable[[int, int], int] = lambda event, client: 1
        self.published = 0
        self.delay_s = 0.0
        """From the publishing request to its event."""
        self.expected = 0
        """Clients to wait for before the first event goes out: one is registered just after its upgrade."""

    def serve_client(self, client: ServerConnection) -> None:
        with self.lock:
            self.clients.append(client)
        with contextlib.suppress(Exception):
            for _ in client:
                pass
        with self.lock:
            self.clients.remove(client)

    def publish(self, connection: socket.socket, request: bytes) -> bool:
        while len(self.clients) < self.expected:
            time.sleep(0.005)
        with self.lock:
            self.published += 1
            number, clients = self.published, list(self.clients)
        time.sleep(self.delay_s)
        message = json.dumps({"type": "created", "thing": {"id": number}, "text": "é" * 5000})
        for index, client in enumerate(clients):
            for _ in range(self.times_to_send(number, index)):
                client.send(message)
            client.send(json.dumps({"type": "other", "thing": {"id": number}}))
        connection.sendall(ok(json.dumps({"id": number}).encode(), status="201 Created"))
        return True


@contextlib.contextmanager
def websocket_server(events: Events, **settings: object) -> Iterator[str]:
    port = free_port()
    with serve(events.serve_client, "127.0.0.1", port, **settings) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.shutdown()
            thread.join()


def connections(count: int, timeout_s: float = 5.0) -> ConnectionsScenario:
    load = ConnectionsLoad(connections=count)
    return ConnectionsScenario(name="ws.connections", endpoint="ws", path="/events", load=load, timeout_s=timeout_s)


def test_all_connections_are_held_until_all_are_open() -> None:
    events = Events()
    asked = itertools.count(1)
    held_when_the_last_was_let_in: list[int] = []

    def let_the_last_wait(connection: ServerConnection, request: object) -> None:
        if next(asked) == 41:  # the first is the engine's own rehearsal
            wait_until = time.monotonic() + 10
            while len(events.clients) < 39 and time.monotonic() < wait_until:
                time.sleep(0.005)
            held_when_the_last_was_let_in.append(len(events.clients))

    with websocket_server(events, process_request=let_the_last_wait) as url:
        (measurement,) = run_scenario(connections(40, timeout_s=20), Target(url))
    assert measurement.counts.completed == 40, measurement.errors
    assert held_when_the_last_was_let_in == [39]
    assert measurement.statuses == {"101": 40}
    assert measurement.phases["connect"].count == 40
    assert measurement.connect_mean_s is not None
    assert measurement.conservation_gap == 0


def test_a_refused_upgrade_is_a_named_failure() -> None:
    def refuse(connection: ServerConnection, request: object) -> object:
        return connection.respond(HTTPStatus.UNAUTHORIZED, "no token\n")

    with websocket_server(Events(), process_request=refuse) as url:
        (measurement,) = run_scenario(connections(3), Target(url))
    assert measurement.counts.failed == 3
    assert [(error.kind, error.count) for error in measurement.errors] == [("status", 3)]
    assert "401" in measurement.errors[0].example


@pytest.mark.parametrize(
    ("answer", "kind"),
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
def test_a_broken_handshake_is_a_named_failure(answer: bytes, kind: str) -> None:
    with scripted(answering(answer, keep=False)) as server:
        (measurement,) = run_scenario(connections(2), Target(server.url))
    assert measurement.counts.failed == 2
    assert measurement.errors[0].kind == kind


def test_an_upgrade_that_is_never_answered_times_out() -> None:
    def hang(connection: socket.socket, request: bytes) -> bool:
        time.sleep(2)
        return False

    with scripted(hang) as server:
        (measurement,) = run_scenario(connections(2, timeout_s=0.2), Target(server.url))
    assert measurement.counts.failed == 2
    assert measurement.errors[0].kind == "timeout"
    assert measurement.response.count == 2


@contextlib.contextmanager
def broadcasting(events: Events) -> Iterator[Target]:
    """One address for both: WebSockets are handed on to the real server, everything else publishes."""
    with websocket_server(events) as url:
        port = int(url.rsplit(":", 1)[1])

        def handle(connection: socket.socket, request: bytes) -> bool:
            if b"upgrade: websocket" not in request.lower():
                return events.publish(connection, request)
            with socket.create_connection(("127.0.0.1", port)) as behind:
                behind.sendall(request)
                back = threading.Thread(target=pump, args=(behind, connection))
                back.start()
                pump(connection, behind)
                back.join()
            return False

        with scripted(handle) as server:
            yield Target(server.url)


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def broadcast(target: Target, *, listeners: int = 4, events: int = 5, timeout_s: float = 5.0) -> Measurement:
    scenario = BroadcastScenario(
        name="ws.broadcast",
        endpoint="ws",
        path="/events",
        load=BroadcastLoad(listeners=listeners, events=events, rate=50),
        publish=Publish(request=Request(method="POST", path="/things", json={}), id="id"),
        event=Event(where={"type": "created"}, id="thing.id"),
        timeout_s=timeout_s,
    )
    (measurement,) = run_scenario(scenario, target)
    assert measurement.conservation_gap == 0
    return measurement


def test_every_listener_gets_every_event() -> None:
    events = Events()
    events.expected = 4
    with broadcasting(events) as target:
        measurement = broadcast(target)
    assert measurement.counts.scheduled == measurement.counts.completed == 20, measurement.errors
    assert measurement.response.count == 20
    assert measurement.phases["connect"].count == 4
    assert events.published == 5


def test_a_delivery_takes_from_publishing_to_receipt() -> None:
    events = Events()
    events.expected, events.delay_s = 4, 0.2
    with broadcasting(events) as target:
        measurement = broadcast(target)
    assert measurement.counts.completed == 20, measurement.errors
    assert min(upper_s for upper_s, _ in measurement.service.steps()) >= 0.2
    assert min(upper_s for upper_s, _ in measurement.response.steps()) >= 0.2


def test_a_missed_delivery_is_a_failure_with_the_time_waited() -> None:
    events = Events()
    events.expected = 4
    events.times_to_send = lambda event, client: 0 if (event, client) == (3, 1) else 1
    with broadcasting(events) as target:
        measurement = broadcast(target, timeout_s=0.5)
    assert (measurement.counts.completed, measurement.counts.failed) == (19, 1)
    assert measurement.errors[0].kind == "missed"
    assert measurement.max_s is not None
    assert measurement.max_s >= 0.5


def test_a_duplicate_is_told_and_breaks_no_count() -> None:
    events = Events()
    events.expected = 4
    events.times_to_send = lambda event, client: 2 if event == 2 else 1
    with broadcasting(events) as target:
        measurement = broadcast(target)
    assert measurement.counts.completed == 20
    assert [(error.kind, error.count) for error in measurement.errors] == [("duplicate", 4)]


def test_an_event_that_can_not_be_published_reaches_nobody() -> None:
    events = Events()
    with websocket_server(events) as url:
        measurement = broadcast(Target(url), timeout_s=0.5)  # this server answers a POST with an error
    assert measurement.counts.failed == 20
    assert measurement.errors[0].kind.startswith("publish: ")


def test_a_mixed_scenario_is_reported_by_kind_and_as_a_whole() -> None:
    http = HttpScenario(
        name="thing.test",
        endpoint="thing",
        requests=(Request(path="/thing"),),
        load=ClosedLoad(workers=2, requests=12),
        warmup_requests=0,
    )
    events = Events()
    with broadcasting(events) as target:
        events.publish = answering(ok(status="201 Created"))  # type: ignore[method-assign]
        scenario = MixedScenario(name="mixed.all", endpoint="mixed", parts={"http": http, "ws": connections(7)})
        whole, *parts = run_scenario(scenario, target)
    assert [(part.part, part.endpoint, part.counts.completed) for part in parts] == [
        ("http", "thing", 12),
        ("ws", "ws", 7),
    ]
    assert (whole.part, whole.endpoint, whole.counts.completed) == ("", "mixed", 19)
    assert whole.response.count == 19
    assert whole.statuses == {"101": 7, "201": 12}
