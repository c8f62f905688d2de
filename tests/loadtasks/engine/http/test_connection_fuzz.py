"""The HTTP connection fed with any bytes that a target may send: whole responses, damaged ones, noise, cut anywhere."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtasks.engine.http.connection import ConnectionState, HttpConnection
from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.net.connector import Connector
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.measurement.errors import ErrorCode
from loadtasks.scenarios.model import Request
from tests.loadtasks.engine.http_runs import ONE, scenario
from tests.servers import NoNetwork, ok

pytestmark = pytest.mark.slow

METHODS = ("GET", "HEAD", "POST")
TARGET = Target("http://127.0.0.1")


def source_of(method: str, *, keep_bodies: bool = True) -> RequestSource:
    sent = scenario(ONE, Request(method=method, path="/thing"))
    return RequestSource(sent, TARGET, keep_bodies=keep_bodies)


class Alone(HttpConnection):
    """A connection that can't be opened anew: a request that would be sent again fails."""

    def _resend(self, exchange: Exchange) -> None:
        self.abort(ErrorCode.STALE, "not sent again")


class Caller:
    """Sends a request over a connection, and the next as soon as it has the response, as a closed load does."""

    def __init__(self, source: RequestSource, most: int = 1) -> None:
        self.sent = 0
        self.responses: list[Exchange] = []
        self.transport = NoNetwork()
        self.connection = Alone(Connector(TARGET), self._answered, Recorder)
        self.connection.connection_made(self.transport)
        self._source, self._most = source, most
        self._send()

    def feed(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            if not self.transport.aborted:
                self.connection.data_received(piece)

    def _send(self) -> None:
        self.sent += 1
        self.connection.send(self._source.next(0.0))

    def _answered(self, exchange: Exchange) -> None:
        self.responses.append(exchange)
        assert self.connection.state in (ConnectionState.IDLE, ConnectionState.CLOSED)
        if self.connection.state is ConnectionState.IDLE and self.sent < self._most:
            self._send()


@dataclass(frozen=True)
class Response:
    """A valid response, and what a connection must make of it."""

    data: bytes
    method: str = "GET"
    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()
    """Those that the engine reads, but for the framing's own."""
    state: ConnectionState = ConnectionState.IDLE
    """Of the connection, once all bytes have arrived."""


FRAMING = {"content-length", "transfer-encoding", "connection"}
READ_HEADERS = {"X-Request-ID": "r-1", "RETRY-after": "1", "server-timing": "db;dur=1.5"}
OTHER_HEADERS = ("X-Nothing: there", "Set-Cookie: a=b; Path=/", "X-Empty:", "Date: Tue, 24 Nov 2026 06:00:00 GMT")


@st.composite
def responses(draw: st.DrawFn) -> Response:
    method = draw(st.sampled_from(METHODS))
    status = draw(st.sampled_from((200, 200, 201, 204, 304, 404, 429, 500, 503, 599)))
    version = draw(st.sampled_from(("1.0", "1.1", "1.1")))
    framing = draw(st.sampled_from(("length", "end") if version == "1.0" else ("length", "chunked", "end")))
    connection = draw(st.sampled_from((None, "close", "keep-alive", "Close")))
    read = draw(st.lists(st.sampled_from(sorted(READ_HEADERS)), max_size=3))
    head = [f"HTTP/{version} {status} {draw(st.sampled_from(('OK', '', 'Not so good')))}"]
    head += draw(st.lists(st.sampled_from(OTHER_HEADERS), max_size=2))
    head += [f"{name}: {READ_HEADERS[name]}" for name in read]
    if connection:
        head.append(f"Connection: {connection}")
    body = draw(st.binary(max_size=200))
    has_body = method != "HEAD" and status not in (204, 304)
    data = draw(_interim()) + _framed(head, framing, body, draw(st.integers(1, 50)), has_body=has_body)
    lasts = connection is None if version == "1.1" else False
    lasts = lasts or connection == "keep-alive"
    delimited = framing != "end" or not has_body
    return Response(
        data=data,
        method=method,
        status=status,
        body=body if has_body else b"",
        headers=tuple((name.lower(), ", ".join([READ_HEADERS[name]] * read.count(name))) for name in sorted(set(read))),
        state=ConnectionState.READING if not delimited else ConnectionState.IDLE if lasts else ConnectionState.CLOSED,
    )


PLAIN = st.builds(
    lambda body, status: Response(ok(body, "X-Request-ID: r-1", status=f"{status} Said"), status=status, body=body),
    st.binary(max_size=20),
    st.sampled_from((200, 404)),
)
"""Responses as most targets send them."""


def _interim() -> st.SearchStrategy[bytes]:
    each = st.sampled_from(
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Request-ID: early\r\n\r\n")
    )
    return st.lists(each, max_size=2).map(b"".join)


def _framed(head: list[str], framing: str, body: bytes, chunk: int, *, has_body: bool) -> bytes:
    if framing == "length":
        head = [*head, f"Content-Length: {len(body)}"]
    elif framing == "chunked":
        head = [*head, "Transfer-Encoding: chunked"]
        pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)]
        body = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nX-Trailer: t\r\n\r\n"
    return "\r\n".join([*head, "", ""]).encode() + (body if has_body else b"")


def pieces_of(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


PLACE = st.one_of(st.integers(0, 2000), st.integers(-30, -1))
"""A place in a response: from its beginning, or from its end, where the body is."""
CUTS = st.lists(PLACE, max_size=8)


def check(response: Response, pieces: list[bytes]) -> None:
    caller = Caller(source_of(response.method))
    caller.feed(pieces)
    assert caller.connection.state is response.state
    caller.connection.connection_lost(None)
    assert caller.connection.state is ConnectionState.CLOSED
    (exchange,) = caller.responses
    assert exchange.failure is None
    assert (exchange.status, exchange.body_size) == (response.status, len(response.body))
    assert exchange.body == response.body
    assert {name: value for name, value in exchange.headers.items() if name not in FRAMING} == dict(response.headers)
    assert exchange.sent <= exchange.first_byte <= exchange.end


@settings(max_examples=200)
@given(response=responses(), cuts=CUTS)
def test_a_valid_response_reads_the_same_however_it_is_cut(response: Response, cuts: list[int]) -> None:
    check(response, pieces_of(response.data, cuts))


@settings(max_examples=50)
@given(response=responses())
def test_a_valid_response_reads_the_same_byte_by_byte_and_cut_once_anywhere(response: Response) -> None:
    for cut in range(len(response.data)):
        check(response, pieces_of(response.data, [cut]))
    check(response, pieces_of(response.data, range(len(response.data))))


@settings(max_examples=150)
@given(
    response=responses().filter(lambda response: response.state is not ConnectionState.READING),
    unexpected=st.one_of(responses().map(lambda response: response.data), st.binary(min_size=1)).filter(
        lambda data: not data.startswith((b"\r", b"\n"))
    ),
    cuts=CUTS,
)
def test_bytes_beyond_a_response_leave_it_as_it_is_and_end_the_connection(
    response: Response, unexpected: bytes, cuts: list[int]
) -> None:
    """They could be taken for the response to the next request. A blank line is nothing (RFC 9112, section 2.2)."""
    ended = Response(**{**vars(response), "data": response.data + unexpected, "state": ConnectionState.CLOSED})
    check(ended, pieces_of(ended.data, cuts))


def ended(caller: Caller, how: str) -> None:
    """The end of a connection, whoever ends it: then every request that was sent was answered just once."""
    match how:
        case "closed":
            caller.connection.connection_lost(None)
        case "reset":
            caller.connection.connection_lost(ConnectionResetError("reset"))
        case "timed out":
            caller.connection.abort("timeout", "no whole response")
            caller.connection.connection_lost(None)
    assert caller.connection.state is ConnectionState.CLOSED
    assert len(caller.responses) == len({id(response) for response in caller.responses}) == caller.sent


ENDS = st.sampled_from(("closed", "reset", "timed out"))
WORDS = st.sampled_from(
    (b"HTTP/1.1 ", b"HTTP/1.0 200 OK\r\n", b"200", b"\r\n", b"\r\n\r\n", b"\n", b": ", b"Content-Length: ", b"5", b"-1",
     b"99999999999999999999", b"Transfer-Encoding: chunked", b"Connection: close", b"Upgrade: h2c", b"0\r\n\r\n",
     b"ffffffffffffffff\r\n", b"\x00", b"\xff\xfe", b"HTTP/1.1 101 \r\n\r\n", b"HTTP/1.1 000 \r\n\r\n", ok())
)  # fmt: skip
NOISE = st.one_of(st.binary(max_size=300), st.lists(st.one_of(WORDS, st.binary(max_size=5)), max_size=12).map(b"".join))


@settings(max_examples=500)
@given(noise=NOISE, method=st.sampled_from(METHODS), cuts=CUTS, how=ENDS)
def test_noise_never_breaks_or_stalls_a_connection(noise: bytes, method: str, cuts: list[int], how: str) -> None:
    caller = Caller(source_of(method), most=5)
    caller.feed(pieces_of(noise, cuts))
    ended(caller, how)


def _mutated(data: bytes, edit: tuple[str, int, int, bytes]) -> bytes:
    what, place, length, new = edit
    start = place % (len(data) + 1)
    end = start + length
    match what:
        case "flip":
            return (
                data[:start] + bytes(byte ^ (1 << (length % 8)) for byte in data[start : start + 1]) + data[start + 1 :]
            )
        case "delete":
            return data[:start] + data[end:]
        case "insert":
            return data[:start] + new + data[start:]
        case _:
            return data[:end] + data[start:end] + data[end:]


EDITS = st.lists(
    st.tuples(
        st.sampled_from(("flip", "delete", "insert", "repeat")),
        PLACE,
        st.integers(1, 30),
        st.one_of(st.binary(min_size=1, max_size=4), WORDS),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=250)
@given(stream=st.lists(responses(), min_size=1, max_size=3), edits=EDITS, cuts=CUTS, how=ENDS)
def test_a_damaged_response_never_breaks_or_stalls_a_connection(
    stream: list[Response], edits: list[tuple[str, int, int, bytes]], cuts: list[int], how: str
) -> None:
    data = b"".join(response.data for response in stream)
    for edit in edits:
        data = _mutated(data, edit)
    caller = Caller(source_of(stream[0].method), most=5)
    caller.feed(pieces_of(data, cuts))
    ended(caller, how)


def outcome(caller: Caller) -> tuple[object, ...]:
    """What a caller got, and the state of its connection."""
    reported = [
        (
            response.status,
            response.headers,
            response.body,
            response.body_size,
            response.failure and response.failure.code,
        )
        for response in caller.responses
    ]
    return caller.connection.state, reported


@settings(max_examples=200)
@given(
    seen=st.lists(st.one_of(responses(), PLAIN), min_size=1, max_size=3),
    edits=st.one_of(st.just([]), EDITS),
    cuts=st.lists(PLACE, max_size=2),
    keep_bodies=st.booleans(),
)
def test_what_was_answered_before_changes_nothing(
    seen: list[Response], edits: list[tuple[str, int, int, bytes]], cuts: list[int], keep_bodies: bool
) -> None:
    """Heads that are known need no parser: with them and without, the same bytes must read the same."""
    damaged, method = seen[0].data, seen[0].method
    for edit in edits:
        damaged = _mutated(damaged, edit)
    source = source_of(method, keep_bodies=keep_bodies)
    for response in [*seen, *seen]:
        Caller(source).feed([response.data])
    caller, fresh = Caller(source), Caller(source_of(method, keep_bodies=keep_bodies))
    for either in (caller, fresh):
        either.feed(pieces_of(damaged, cuts))
    assert outcome(caller) == outcome(fresh)


@settings(max_examples=100)
@given(
    stream=st.lists(
        st.tuples(responses().filter(lambda response: response.state is ConnectionState.IDLE), CUTS), max_size=4
    ),
    times=st.integers(1, 3),
)
def test_responses_over_one_connection_are_each_their_own(stream: list[tuple[Response, list[int]]], times: int) -> None:
    stream = [(response, cuts) for response, cuts in stream if response.method == stream[0][0].method] * times
    if not stream:
        return
    caller = Caller(source_of(stream[0][0].method), most=len(stream))
    for response, cuts in stream:
        caller.feed(pieces_of(response.data, cuts))
    assert [(reported.status, reported.body) for reported in caller.responses] == [
        (response.status, response.body) for response, _ in stream
    ]
    assert caller.connection.state is ConnectionState.IDLE


@pytest.mark.parametrize("end", [b"", b"HT", ok()[:-1]], ids=["nothing", "two letters", "all but one byte"])
def test_a_response_is_reported_at_once_whatever_unexpected_bytes_come_with_it(end: bytes) -> None:
    caller = Caller(source_of("GET"))
    caller.feed([ok(b"[]") + end])
    assert [(response.status, response.body) for response in caller.responses] == [(200, b"[]")]
