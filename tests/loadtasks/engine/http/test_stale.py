"""Requests over kept-alive connections that the target has closed meanwhile."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary, WeakSet

import pytest
import trustme

from loadtasks.engine.http.connection import HttpConnection
from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.stale import IdleWatch, is_closed_by_peer, may_be_sent_again
from loadtasks.engine.net.connector import Connector
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.run_paired import RoundPlan, TargetPair, run_paired
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.measurement.errors import ErrorCode
from loadtasks.scenarios.load import ClosedLoad, OpenLoad
from loadtasks.scenarios.model import ReadBack, Request
from tests.loadtasks.engine.http_runs import run_against, scenario
from tests.servers import Handler, NoNetwork, ok, read_request, scripted

TARGET = Target("http://127.0.0.1")
TEN = ClosedLoad(workers=1, requests=10)


def serves(number: int, *, end: str = "close") -> Handler:
    """Answers so many requests over each connection; the next one ends it before a byte of a response."""
    served: WeakKeyDictionary[socket.socket, int] = WeakKeyDictionary()
    lock = threading.Lock()

    def handle(connection: socket.socket, request: bytes) -> bool:
        with lock:
            served[connection] = done = served.get(connection, 0) + 1
        if done > number:
            if end == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.close()
            return False
        connection.sendall(ok(b"" if request.startswith(b"HEAD") else b"{}"))
        return True

    return handle


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_what_may_be_sent_twice_is_sent_again(method: str, end: str) -> None:
    request = Request(method=method, path="/thing", json={"n": 1} if method == "PUT" else None)
    with scripted(serves(2, end=end)) as server:
        (measurement,) = run_scenario(scenario(TEN, request), Target(server.url))
        assert server.connections == 5
        assert len(set(server.requests)) == 10  # one that is sent again is the same, its trace context too
        assert len(server.requests) == 10 + 4
    assert (measurement.counts.completed, measurement.stale_connections) == (10, 4)
    assert measurement.errors == []
    assert measurement.phases["connect"].count == 5
    assert measurement.conservation_gap == 0


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_may_not_be_sent_twice_has_failed_for_this_reason(method: str) -> None:
    with scripted(serves(2)) as server:
        (measurement,) = run_scenario(
            scenario(TEN, Request(method=method, path="/thing", json={"n": 1})), Target(server.url)
        )
        assert len(server.requests) == 10
    assert [(error.code, error.count) for error in measurement.errors] == [(ErrorCode.STALE, 3)]
    assert "idle connection" in measurement.errors[0].sample
    assert measurement.stale_connections == 0
    assert measurement.response.count == 7


@pytest.mark.parametrize(
    "load",
    [
        OpenLoad(rate=100, duration_s=0.3, max_connections=1),
        ClosedLoad(workers=2, requests=20, think_time_s=0.01),
    ],
    ids=["open", "thinking"],
)
@pytest.mark.parametrize("warmup_requests", [0, 7])
def test_under_every_load_and_while_warming_up(load: OpenLoad | ClosedLoad, warmup_requests: int) -> None:
    measurement = run_against(serves(1), scenario(load, warmup_requests=warmup_requests))
    assert measurement.errors == []
    assert measurement.counts.completed == measurement.counts.scheduled
    assert 0 < measurement.stale_connections <= measurement.counts.scheduled


def test_in_paired_rounds_on_either_side() -> None:
    with scripted(serves(1)) as candidate, scripted(serves(1)) as reference:
        paired = run_paired(
            scenario(ClosedLoad(workers=1, requests=20)),
            TargetPair(Target(candidate.url), Target(reference.url)),
            RoundPlan(lambda ratios: 4 if not ratios[0].requests else 0, seed="a"),
        )
    for (whole,) in (paired.candidate, paired.reference):
        assert whole.errors == []
        assert whole.stale_connections > 0


def test_what_was_written_is_read_back_over_a_fresh_connection() -> None:
    def handle(connection: socket.socket, request: bytes) -> bool:
        if request.startswith(b"GET") and connection in written:
            return False
        if request.startswith(b"POST"):
            written.add(connection)
        connection.sendall(ok(b'{"n": 1}'))
        return not request.startswith(b"GET")

    written: WeakSet[socket.socket] = WeakSet()
    sent = scenario(
        ClosedLoad(workers=1, requests=3),
        Request(method="POST", path="/thing", json={"n": 1}),
        read_back=ReadBack(path="/thing"),
    )
    measurement = run_against(handle, sent)
    assert measurement.counts.completed + measurement.counts.failed == 3
    assert {error.code for error in measurement.errors} <= {ErrorCode.STALE}
    assert measurement.stale_connections == measurement.counts.completed > 0


def test_a_fresh_connection_that_ends_is_a_failure_and_nothing_is_sent_twice_more() -> None:
    def handle(connection: socket.socket, request: bytes) -> bool:
        arrived.append(request)
        if len(arrived) > 1:
            return False
        connection.sendall(ok())
        return True

    arrived: list[bytes] = []
    measurement = run_against(handle, scenario(ClosedLoad(workers=1, requests=3)))
    # The second goes over the first one's connection, then over a fresh one; the third over a fresh one at once.
    assert len(arrived) == 4
    assert [(error.code, error.count) for error in measurement.errors] == [(ErrorCode.CUT, 2)]
    assert (measurement.counts.completed, measurement.stale_connections) == (1, 1)


def slow_to_close(then: Handler) -> Handler:
    """Ends the connection of the second request after 0.2 s; what comes after that is the other handler's."""
    arrived: list[bytes] = []

    def handle(connection: socket.socket, request: bytes) -> bool:
        arrived.append(request)
        if len(arrived) == 2:
            time.sleep(0.2)
            return False
        return then(connection, request) if len(arrived) > 2 else serves(9)(connection, request)

    return handle


def test_the_clock_runs_on_from_the_first_sending() -> None:
    measurement = run_against(slow_to_close(serves(9)), scenario(ClosedLoad(workers=1, requests=2)))
    assert (measurement.counts.completed, measurement.stale_connections) == (2, 1)
    for histogram in (measurement.response, measurement.service):
        assert histogram.max_s is not None
        assert histogram.max_s >= 0.19


def test_the_timeout_runs_on_from_the_first_sending() -> None:
    def hang(connection: socket.socket, request: bytes) -> bool:
        time.sleep(2)
        return False

    measurement = run_against(slow_to_close(hang), scenario(ClosedLoad(workers=1, requests=2), timeout_s=0.4))
    assert [(error.code, error.count) for error in measurement.errors] == [(ErrorCode.TIMEOUT, 1)]
    assert measurement.max_s is not None
    assert measurement.max_s < 0.6 + 1  # not the 2 s of the server


def test_a_target_that_is_gone_refuses_what_is_sent_again() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            read_request(connection)
            connection.sendall(ok())
            listener.close()
            read_request(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    chosen = scenario(ClosedLoad(workers=1, requests=2))
    (measurement,) = run_scenario(chosen, Target(f"http://127.0.0.1:{listener.getsockname()[1]}"))
    thread.join()
    assert [(error.code, error.count) for error in measurement.errors] == [(ErrorCode.REFUSED, 1)]
    assert (measurement.counts.completed, measurement.stale_connections) == (1, 1)


@contextmanager
def closing_when_idle(idle_s: float) -> Iterator[str]:
    """A server that closes what is idle for a while."""

    def handle(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(ok())
        connection.settimeout(idle_s)
        return True

    with scripted(handle) as server:
        yield server.url


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_whose_end_has_arrived_is_never_written_to(method: str) -> None:
    """Nothing was sent, so that any request takes a fresh connection, and none counts as stale."""
    load = ClosedLoad(workers=1, requests=4, think_time_s=0.2)
    with closing_when_idle(0.02) as url:
        (measurement,) = run_scenario(scenario(load, Request(method=method, path="/thing")), Target(url))
    assert (measurement.counts.completed, measurement.stale_connections) == (4, 0), measurement.errors
    assert measurement.phases["connect"].count == 4


def test_over_tls(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    bundle = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with scripted(serves(2), tls=context) as server:
        (measurement,) = run_scenario(scenario(TEN), Target(server.url))
    assert (measurement.counts.completed, measurement.stale_connections) == (10, 4), measurement.errors


def test_methods_and_ends() -> None:
    assert {method for method in ("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE") if may_be_sent_again(method)} == {
        "GET",
        "HEAD",
        "OPTIONS",
        "TRACE",
        "PUT",
        "DELETE",
    }
    assert not may_be_sent_again("POST")
    assert not may_be_sent_again("PATCH")
    assert all(is_closed_by_peer(error) for error in (None, ConnectionResetError(), BrokenPipeError()))
    assert not is_closed_by_peer(TimeoutError())


class OfSocket(NoNetwork):
    """A transport of a socket."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__({"socket": connection})


def test_an_idle_connection_is_quiet_until_something_arrives() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        watch = IdleWatch(OfSocket(ours))
        assert watch.is_quiet()
        theirs.shutdown(socket.SHUT_WR)
        assert not watch.is_quiet()


def idle_connection(transport: asyncio.Transport) -> HttpConnection:
    """A connection that has served a request."""
    connection = HttpConnection(Connector(TARGET), lambda exchange: None, Recorder)
    connection.connection_made(transport)
    connection.send(exchange_of("GET"))
    connection.data_received(ok())
    return connection


def exchange_of(method: str) -> Exchange:
    return RequestSource(scenario(TEN, Request(method=method, path="/thing")), TARGET).next(0.0)


def test_an_end_that_the_event_loop_has_not_read_yet_keeps_off_what_may_not_be_sent_again() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = idle_connection(OfSocket(ours))
        assert connection.can_send(exchange_of("POST"))
        theirs.shutdown(socket.SHUT_WR)
        assert not connection.can_send(exchange_of("POST"))
        assert connection.can_send(exchange_of("GET"))  # it would be sent again


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_is_sent_over_a_connection_whose_end_was_read(method: str) -> None:
    connection = idle_connection(NoNetwork())
    assert connection.can_send(exchange_of(method))
    connection.eof_received()
    assert not connection.can_send(exchange_of(method))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_is_sent_over_a_connection_that_is_being_closed(method: str) -> None:
    transport = NoNetwork()
    connection = idle_connection(transport)
    transport.abort()
    assert not connection.can_send(exchange_of(method))
