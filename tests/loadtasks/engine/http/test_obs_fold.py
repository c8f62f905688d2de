"""Folded header lines are unfolded, however the bytes of a head arrive."""

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtasks.engine.http.connection import ConnectionState, HttpConnection
from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.obs_fold import Unfolding, may_be_folded
from loadtasks.engine.net.connector import Connector
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.scenarios.model import Request
from tests.loadtasks.engine.http_runs import ONE, scenario
from tests.servers import NoNetwork

TARGET = Target("http://127.0.0.1")
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a>,\r\n </b>\r\n\r\n"


def unfolded(pieces: Iterable[bytes]) -> tuple[bytes, bytes]:
    """One head, and what follows it."""
    unfolding, head, rest = Unfolding(), b"", b""
    for piece in pieces:
        if head.endswith(b"\r\n\r\n"):
            rest += piece
        else:
            part, rest = unfolding.take(piece)
            head += part
    return head, rest


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    ends = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(ends)]


@pytest.mark.parametrize(
    ("head", "plain"),
    [
        (b"A: b\r\n c\r\n\r\n", b"A: b c\r\n\r\n"),
        (b"A: b  \r\n\t  c\r\n\r\n", b"A: b c\r\n\r\n"),
        (b"A:\r\n b\r\n\r\n", b"A: b\r\n\r\n"),
        (b"A: b\r\n \r\n\r\n", b"A: b \r\n\r\n"),
        (b"A: b\r\n \r\n c\r\n\r\n", b"A: b  c\r\n\r\n"),
        (b"A: b \r\nC: d\r\n\r\n", b"A: b \r\nC: d\r\n\r\n"),
    ],
)
def test_a_fold_becomes_a_space(head: bytes, plain: bytes) -> None:
    body = b"\r\n body\r\n\r\n"
    assert unfolded([head + body]) == (plain, body)
    for place in range(len(head) + 1):
        got, rest = unfolded(cut(head + body, [place]))
        assert (got.replace(b"  ", b" "), rest) == (plain.replace(b"  ", b" "), body)


@pytest.mark.parametrize(
    ("data", "may_be"),
    [
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}", False),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n{}", True),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\n\r\n{}", True),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", True),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nA: b", True),
    ],
)
def test_only_heads_that_may_be_folded_cost_more(data: bytes, may_be: bool) -> None:
    assert may_be_folded(data) is may_be


def test_white_space_without_end_is_not_held_back_without_end() -> None:
    unfolding = Unfolding()
    given = 1000
    taken = sum(len(unfolding.take(b" " * 100)[0]) for _ in range(given))
    assert taken > 100 * given - 10_000


def responses_to(pieces: Iterable[bytes], method: str = "GET") -> tuple[list[Exchange], ConnectionState]:
    sent = scenario(ONE, Request(method=method, path="/thing", checks={"headers": {"X-Note": ""}}))
    got: list[Exchange] = []
    connection = HttpConnection(Connector(TARGET), got.append, Recorder)
    connection.connection_made(NoNetwork())
    connection.send(RequestSource(sent, TARGET, keep_bodies=True).next(0.0))
    for piece in pieces:
        connection.data_received(piece)
    return got, connection.state


WORDS = st.text("abc,;=1", min_size=1, max_size=6)
FOLDS = st.sampled_from(("\r\n ", "\r\n\t", " \r\n \t ", "\t\r\n  "))


@given(
    words=st.lists(WORDS, min_size=1, max_size=5),
    folds=st.lists(FOLDS, min_size=5, max_size=5),
    early=st.lists(st.just(EARLY), max_size=2).map(b"".join),
    body=st.one_of(st.binary(max_size=30), st.just(b"a\r\n b\r\n\r\n c")),
    chunked=st.booleans(),
    places=st.lists(st.integers(0, 400), max_size=6),
)
def test_a_folded_response_reads_the_same_however_it_is_cut(
    words: list[str], folds: list[str], early: bytes, body: bytes, chunked: bool, places: list[int]
) -> None:
    value = words[0] + "".join(fold + word for fold, word in zip(folds, words[1:], strict=False))
    framing, data = f"Content-Length: {len(body)}", body
    if chunked:
        framing = "Transfer-Encoding:\r\n chunked"
        data = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    response = early + f"HTTP/1.1 200 OK\r\nX-Note: {value}\r\n{framing}\r\nX-Last:\r\n b\r\n\r\n".encode() + data
    for pieces in ([response], cut(response, places), cut(response, range(len(response)))):
        (exchange,), state = responses_to(pieces)
        assert exchange.failure is None
        assert state is ConnectionState.IDLE
        assert exchange.headers["x-note"].split() == words
        assert (exchange.status, exchange.body) == (200, body)


def test_a_folded_head_that_was_seen_before_needs_no_parser_and_reads_the_same() -> None:
    folded = b"HTTP/1.1 200 OK\r\nX-Note: one\r\n two\r\nContent-Length: 2\r\n\r\n{}"
    sent = scenario(ONE, Request(path="/thing", checks={"headers": {"X-Note": "one two"}}))
    source, got = RequestSource(sent, TARGET), []
    connection = HttpConnection(Connector(TARGET), got.append, Recorder)
    connection.connection_made(NoNetwork())
    for _ in range(3):
        connection.send(source.next(0.0))
        connection.data_received(folded)
    assert [exchange.headers["x-note"] for exchange in got] == ["one two"] * 3
