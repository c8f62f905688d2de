"""The HTTP engine against scripted sockets: what is counted, and how."""

import socket
import time

import pytest

from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.scenarios.load import ClosedLoad
from loadtasks.scenarios.model import Checks, HttpScenario, Request
from tests.loadtasks.engine.http_runs import ONE, TEN, run, run_against, scenario
from tests.servers import Handler, answering, free_port, ok, scripted

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
TO_THE_END = b"HTTP/1.1 200 OK\r\n\r\nhello"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" + ok()
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize(
    ("response", "keep", "connections"),
    [
        (ok(), True, 1),
        (CHUNKED, True, 1),
        (TO_THE_END, False, 3),
        (INTERIM, True, 1),
        (NO_CONTENT, True, 1),
        (ok(b"{}", "Connection: close"), False, 3),
    ],
    ids=["length", "chunked", "to the end", "interim", "no content", "closed after each"],
)
def test_every_way_to_end_a_response(response: bytes, keep: bool, connections: int) -> None:
    with scripted(answering(response, keep=keep)) as server:
        measurement = run(server, scenario(ClosedLoad(workers=1, requests=3)))
        assert measurement.counts.completed == 3, measurement.errors
        assert (len(server.requests), server.connections) == (3, connections)


def test_head_has_no_body_whatever_its_length_says() -> None:
    with scripted(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")) as server:
        measurement = run(server, scenario(TEN, Request(method="HEAD", path="/thing")))
        assert measurement.counts.completed == 10, measurement.errors
        assert server.connections == 2


@pytest.mark.parametrize(
    ("response", "kind", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "cut", "after 4 bytes of the body"),
        (b"", "cut", "before a response"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "malformed", "SSH-2.0"),
        (ok(b'{"title": "broken"}', status="500 Internal Server Error"), "status", "500"),
        (ok(b"", status="401 Unauthorized"), "status", "401"),
    ],
    ids=["truncated", "closed", "not http", "server error", "no token"],
)
def test_a_wrong_response_is_a_named_failure_and_not_timed(response: bytes, kind: str, words: str) -> None:
    measurement = run_against(answering(response, keep=False), scenario(ONE))
    assert measurement.counts.failed == 1
    assert [error.code for error in measurement.errors] == [kind]
    assert words in measurement.errors[0].sample
    assert measurement.response.count == 0


def test_refused_connections_fail_without_being_timed() -> None:
    (measurement,) = run_scenario(
        scenario(ClosedLoad(workers=3, requests=6)), Target(f"http://127.0.0.1:{free_port()}")
    )
    assert measurement.counts.failed == 6
    assert measurement.errors[0].code == "refused"
    assert measurement.response.count == 0


def test_a_timeout_counts_with_the_time_it_had_reached() -> None:
    def hang(connection: socket.socket, request: bytes) -> bool:
        time.sleep(3)
        return False

    measurement = run_against(hang, scenario(ONE, timeout_s=0.3))
    assert measurement.counts.failed == 1
    assert measurement.errors[0].code == "timeout"
    assert measurement.response.count == 1
    assert measurement.max_s is not None
    assert measurement.max_s >= 0.29  # an event loop's timer may fire a millisecond early


CHUNKS_AND_TRAILER = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Sum\r\n\r\n"
    b'3;name="value"\r\nhel\r\n2\r\nlo\r\n0\r\nSum: 42\r\n\r\n'
)
HELLO = ok(b"hello")


def head(line: str, *headers: str) -> bytes:
    return "\r\n".join([line, *headers, "", ""]).encode()


def piecemeal(data: bytes) -> Handler:
    """Answers one byte at a time."""

    def handle(connection: socket.socket, request: bytes) -> bool:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(0.0005)
        return True

    return handle


@pytest.mark.parametrize(
    ("handler", "connections"),
    [
        pytest.param(answering(CHUNKS_AND_TRAILER), 1, id="chunks with extension and trailer"),
        pytest.param(piecemeal(CHUNKS_AND_TRAILER), 1, id="chunks byte by byte"),
        pytest.param(piecemeal(HELLO), 1, id="length byte by byte"),
        pytest.param(answering(head("HTTP/1.1 100 Continue") + head("HTTP/1.1 103 Early Hints") + HELLO), 1, id="1xx"),
        pytest.param(answering(head("HTTP/1.0 200 OK", "Content-Length: 5") + b"hello"), 3, id="1.0"),
        pytest.param(
            answering(head("HTTP/1.0 200 OK", "Connection: keep-alive", "Content-Length: 5") + b"hello"),
            1,
            id="1.0 kept",
        ),
        pytest.param(answering(head("HTTP/1.0 200 OK") + b"hello", keep=False), 3, id="1.0 to the end"),
        pytest.param(
            answering(head("HTTP/1.1 200 OK", "Connection: keep-alive") + b"hello", keep=False), 3, id="1.1 to the end"
        ),
        pytest.param(answering(ok(b"hello", "Connection: close"), keep=True), 3, id="asked to close, left open"),
    ],
)
def test_a_body_is_whole_and_its_connection_used_again_where_it_may_be(handler: Handler, connections: int) -> None:
    with scripted(handler) as server:
        (measurement,) = run_scenario(asking(3, body_matches="^hello$"), Target(server.url))
        assert measurement.counts.completed == 3, measurement.errors
        assert (len(server.requests), server.connections) == (3, connections)


@pytest.mark.parametrize(
    ("method", "response", "status", "connections"),
    [
        ("GET", head("HTTP/1.1 304 Not Modified", "Content-Length: 5", "ETag: x"), 304, 1),
        ("GET", head("HTTP/1.1 204 No Content", "Connection: close"), 204, 3),
        ("GET", head("HTTP/1.1 200 OK", "Content-Length: 0"), 200, 1),
        ("HEAD", head("HTTP/1.1 200 OK"), 200, 1),
        ("HEAD", head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"), 200, 1),
        ("HEAD", head("HTTP/1.1 200 OK", "Content-Length: 5", "Connection: close"), 200, 3),
        ("HEAD", head("HTTP/1.1 103 Early Hints") + head("HTTP/1.1 404 Not Found", "Content-Length: 5"), 404, 1),
    ],
)
def test_a_response_without_a_body_ends_with_its_head(
    method: str, response: bytes, status: int, connections: int
) -> None:
    with scripted(answering(response)) as server:
        (measurement,) = run_scenario(asking(3, method, status=status), Target(server.url))
        assert measurement.counts.completed == 3, measurement.errors
        assert measurement.statuses == {str(status): 3}
        assert server.connections == connections


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (CHUNKS_AND_TRAILER[: CHUNKS_AND_TRAILER.index(b"0\r\nSum")], "closed after 5 bytes of the body"),
        (head("HTTP/1.1 100 Continue"), "closed before a response"),
        (HELLO[:20], "closed before a response"),
    ],
    ids=["chunks", "only 1xx", "head"],
)
def test_a_response_that_is_cut_short_is_cut(response: bytes, words: str) -> None:
    with scripted(answering(response, keep=False)) as server:
        (measurement,) = run_scenario(asking(2), Target(server.url))
    assert [(error.code, error.count) for error in measurement.errors] == [("cut", 2)]
    assert words in measurement.errors[0].sample


def test_a_connection_that_is_closed_while_idle_is_replaced() -> None:
    def send_close(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(HELLO)
        connection.shutdown(socket.SHUT_WR)
        return True

    with scripted(send_close) as server:
        (measurement,) = run_scenario(asking(3, think_time_s=0.1), Target(server.url))
        assert measurement.counts.completed == 3, measurement.errors
        assert server.connections == 3


def test_an_interim_responses_headers_are_not_the_responses() -> None:
    interim = head("HTTP/1.1 103 Early Hints", "X-Stage: early")
    with scripted(answering(interim + ok(b"hello", "X-Stage: final"))) as server:
        (measurement,) = run_scenario(asking(3, headers={"X-Stage": "final"}), Target(server.url))
        assert measurement.counts.completed == 3, measurement.errors
        assert measurement.statuses == {"200": 3}
        assert server.connections == 1


def test_a_switch_of_protocols_that_nobody_asked_for_is_malformed() -> None:
    with scripted(answering(head("HTTP/1.1 101 Switching Protocols", "Upgrade: h2c", "Connection: Upgrade"))) as server:
        (measurement,) = run_scenario(asking(2), Target(server.url))
    assert [(error.code, error.count) for error in measurement.errors] == [("malformed", 2)]


def asking(times: int, method: str = "GET", *, think_time_s: float | None = None, **checks: object) -> HttpScenario:
    request = Request(method=method, path="/thing", checks=Checks(**checks))
    return HttpScenario(
        name="thing.test",
        endpoint="thing",
        requests=(request,),
        load=ClosedLoad(workers=1, requests=times, think_time_s=think_time_s),
        warmup_requests=0,
        timeout_s=5,
    )
