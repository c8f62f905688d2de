"""One request with a deadline for all of it, against servers that never end."""

import asyncio
import socket

import pytest

from loadtasks.engine.http.checks import Checker
from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.request_encoder import RequestEncoder
from loadtasks.engine.http.single_exchange import ExchangeLimits, exchange_once
from loadtasks.engine.net.connector import Connector
from loadtasks.engine.net.target import Target
from loadtasks.scenarios.model import Checks, Request
from tests.servers import Handler, answering, dripping, free_port, ok, scripted


def ask(url: str, limits: ExchangeLimits, method: str = "GET") -> Exchange:
    encoded = RequestEncoder(Target(url)).encode(Request(path="/thing", method=method))
    exchange = Exchange(encoded, Checker(Checks()), 0.0, encoded.before, keeps_body=True)
    asyncio.run(exchange_once(Connector(Target(url)), exchange, limits))
    return exchange


BODY = dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_whole_response_is_read(method: str) -> None:
    body = b"" if method == "HEAD" else b'{"a": 1}'
    response = ok(b'{"a": 1}')
    with scripted(answering(response[: len(response) - 8] + body)) as server:
        exchange = ask(server.url, ExchangeLimits(10), method)
        assert server.requests[0].startswith(f"{method} /thing HTTP/1.1\r\n".encode())
    assert (exchange.failure, exchange.status, exchange.body) == (None, 200, body)


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        (dripping(b"HTTP/1.1 200 OK\r\nX: ", b"x"), 0),
        (BODY, 200),
        (dripping(b"HTTP/1.1 102 Processing\r\n\r\n", b""), 0),
    ],
    ids=["its head drips", "its body drips", "only interim responses"],
)
def test_what_never_ends_is_over_at_the_deadline(handler: Handler, status: int) -> None:
    with scripted(handler) as server:
        exchange = ask(server.url, ExchangeLimits(0.2))
    assert exchange.failure is not None
    assert (exchange.failure.code, exchange.failure.text) == ("timeout", "no complete response within 0.2 s")
    assert exchange.status == status


def test_a_connection_that_never_stands_is_over_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        exchange = ask(f"http://127.0.0.1:{silent.getsockname()[1]}", ExchangeLimits(0.2))
    assert exchange.failure is not None
    assert exchange.failure.code == "timeout"
    refused = ask(f"http://127.0.0.1:{free_port()}", ExchangeLimits(10))
    assert refused.failure is not None
    assert (refused.failure.code, refused.failure.text) == ("refused", "connection refused")


def test_a_head_is_enough_where_no_more_is_wanted() -> None:
    with scripted(BODY) as server:
        exchange = ask(server.url, ExchangeLimits(60, head_only=True))
    assert (exchange.failure, exchange.status) == (None, 200)


def test_a_body_that_is_too_large_is_not_read_on() -> None:
    flood = dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 5000)
    with scripted(flood) as server:
        exchange = ask(server.url, ExchangeLimits(60, max_body=10_000))
    assert exchange.failure is not None
    assert (exchange.failure.code, exchange.failure.text) == ("too_large", "the body is larger than 10,000 bytes")
