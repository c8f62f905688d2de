"""Where an answer ends (RFC 9112, section 6), and whether its connection is used again: against scripted sockets."""

import socket
import time

import pytest

from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.scenarios.load import ClosedLoad
from loadtasks.scenarios.model import Checks, HttpScenario, Request
from tests.servers import Handler, answering, ok, scripted

CHUNKED = (
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
        pytest.param(answering(CHUNKED), 1, id="chunks with extension and trailer"),
        pytest.param(piecemeal(CHUNKED), 1, id="chunks byte by byte"),
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
        pytest.param(answering(ok(b"hello", "Connection: close"), keep=True), 3, id="told to close, left open"),
    ],
)
def test_a_body_is_whole_and_its_connection_used_again_where_it_may_be(handler: Handler, connections: int) -> None:
    with scripted(handler) as server:
        (measurement,) = run_scenario(asking(3, body_matches="^hello$"), Target(server.url))
        assert measurement.counts.completed == 3, measurement.errors
        assert (len(server.requests), server.connections) == (3, connections)


@pytest.mark.parametrize(
    ("method", "answer", "status", "connections"),
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
def test_an_answer_without_a_body_ends_with_its_head(method: str, answer: bytes, status: int, connections: int) -> None:
    with scripted(answering(answer)) as server:
        (measurement,) = run_scenario(asking(3, method, status=status), Target(server.url))
        assert measurement.counts.completed == 3, measurement.errors
        assert measurement.statuses == {str(status): 3}
        assert server.connections == connections


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (CHUNKED[: CHUNKED.index(b"0\r\nSum")], "closed after 5 bytes of the body"),
        (head("HTTP/1.1 100 Continue"), "closed before the answer"),
        (HELLO[:20], "closed before the answer"),
    ],
    ids=["chunks", "only 1xx", "head"],
)
def test_an_answer_that_is_cut_short_is_cut(answer: bytes, words: str) -> None:
    with scripted(answering(answer, keep=False)) as server:
        (measurement,) = run_scenario(asking(2), Target(server.url))
    assert [(error.code, error.count) for error in measurement.errors] == [("cut", 2)]
    assert words in measurement.errors[0].sample


def test_a_connection_that_is_closed_while_idle_is_replaced() -> None:
    def say_goodbye(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(HELLO)
        connection.shutdown(socket.SHUT_WR)
        return True

    with scripted(say_goodbye) as server:
        (measurement,) = run_scenario(asking(3, think_time_s=0.1), Target(server.url))
        assert measurement.counts.completed == 3, measurement.errors
        assert server.connections == 3


def test_an_interim_answers_headers_are_not_the_answers() -> None:
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
