"""No response costs more than its limits say: it ends when one is exceeded, and takes no more memory."""

import gzip
import itertools
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest

from loadtasks.engine.http.connection import ConnectionState, HttpConnection
from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.response_body import MAX_CHECKED
from loadtasks.engine.http.response_framing import MAX_BODY, MAX_HEAD
from loadtasks.engine.http.response_recording import response_failure
from loadtasks.engine.net.connector import Connector
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.measurement.errors import ErrorCode
from loadtasks.scenarios.model import Checks, Request
from tests.loadtasks.engine.http_runs import ONE, scenario
from tests.servers import NoNetwork, ok

TARGET = Target("http://127.0.0.1")
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PIECE = 60_000
MEBIBYTE = 1024 * 1024
JSON = Checks(json_values={"a": {"equals": 1}})


def repeated(first: bytes, piece: bytes) -> Iterator[bytes]:
    """Without end."""
    yield first
    yield from itertools.repeat(piece)


def received(pieces: Iterable[bytes], checks: Checks) -> tuple[Exchange, int]:
    """The exchange, and how many bytes its connection took until it had ended."""
    got: list[Exchange] = []
    connection = HttpConnection(Connector(TARGET), got.append, Recorder)
    connection.connection_made(NoNetwork())
    connection.send(RequestSource(scenario(ONE, Request(path="/thing", checks=checks)), TARGET).next(0.0))
    size = 0
    for piece in pieces:
        size += len(piece)
        connection.data_received(piece)
        if got:
            break
    (exchange,) = got
    assert connection.state is ConnectionState.CLOSED
    return exchange, size


@pytest.mark.parametrize(
    "pieces",
    [
        repeated(HEAD + b"X-Long: ", b"x" * PIECE),
        repeated(HEAD + b"X-Blank: a", b" " * PIECE),
        repeated(HEAD, b"X-Many: 1\r\n" * 5000),
        repeated(HEAD, b"Content-Type: a\r\n" * 3000),
        repeated(HEAD + b"X-Fold: a", b"\r\n a" * 5000),
        repeated(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1000),
        repeated(CHUNKED, b"x" * PIECE),
        repeated(CHUNKED + b"5;", b"extension=1;" * 5000),
        repeated(CHUNKED + b"0\r\n", b"X-Trailer: 1\r\n" * 4000),
        repeated(CHUNKED + b"1\r\na\r\n0\r\nX-Trailer: ", b"x" * PIECE),
    ],
    ids=[
        "a header line",
        "blanks",
        "headers",
        "a repeated header that is kept",
        "folds",
        "interim responses",
        "a chunk's size",
        "a chunk's extension",
        "trailers",
        "a trailer",
    ],
)
def test_a_head_without_end_ends_early(pieces: Iterator[bytes]) -> None:
    tracemalloc.start()
    try:
        exchange, size = received(pieces, Checks())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert exchange.failure is not None
    assert exchange.failure.code in (ErrorCode.TOO_LARGE, ErrorCode.MALFORMED)
    assert size < MAX_HEAD + 2 * PIECE
    assert peak < 4 * MEBIBYTE


@pytest.mark.parametrize(
    ("status", "checks", "most", "kept"),
    [
        ("200 OK", Checks(), MAX_BODY, 0),
        ("200 OK", JSON, MAX_CHECKED, MAX_CHECKED),
        ("500 Oops", JSON, MAX_BODY, 4 * PIECE),
    ],
    ids=["that nothing reads", "that checks read", "of a wrong status"],
)
def test_a_body_without_end_ends(status: str, checks: Checks, most: int, kept: int) -> None:
    tracemalloc.start()
    try:
        exchange, size = received(repeated(f"HTTP/1.1 {status}\r\n\r\n".encode(), b"x" * PIECE), checks)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert exchange.failure is not None
    assert exchange.failure.code is ErrorCode.TOO_LARGE
    assert f"the body is larger than {most >> 20} MiB" in exchange.failure.text
    assert size < most + 2 * PIECE
    assert peak < kept + 2 * MEBIBYTE
    assert exchange.body == b"", "it is not kept any longer"


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (b"[" * 200_000, "check", "nested too deeply"),
        (b'{"a":' * 200_000, "check", "nested too deeply"),
        (b"[" + b"[]," * 600_000 + b"1]", "check", "more than 500,000 arrays and objects"),
        (b'{"a": %s}' % (b"1" * 1_000_000), "check", "a is Infinity, expected 1"),
        (b'{"a": "\\ud800"}', "check", 'a is "\\ud800", expected 1'),
        (b'{"a": "\\u0000"}', "check", 'a is "\\u0000", expected 1'),
    ],
    ids=["arrays", "objects", "many", "long number", "half a surrogate pair", "NUL"],
)
def test_json_that_no_api_sends_fails_its_check(body: bytes, code: str, words: str) -> None:
    exchange, _ = received([ok(body, "Connection: close")], JSON)
    failure = response_failure(exchange)
    assert failure is not None
    assert failure.code == code
    assert words in failure.text


@pytest.mark.parametrize(
    ("packed", "code", "words"),
    [
        (gzip.compress(b" " * (MAX_CHECKED + 1)), "too_large", "larger than 4,096 KiB when it is decompressed"),
        (gzip.compress(b"", mtime=0) * 5000, "check", "more than 1,000 members"),
        (gzip.compress(b'{"a": 1}')[:-9], "check", "cut short"),
    ],
    ids=["a bomb", "many members", "cut short"],
)
def test_a_packed_body_that_no_api_sends_fails(packed: bytes, code: str, words: str) -> None:
    response = ok(packed, "Content-Encoding: gzip", "Connection: close")
    tracemalloc.start()
    try:
        exchange, _ = received([response], JSON)
        failure = response_failure(exchange)
        assert tracemalloc.get_traced_memory()[1] < 3 * MAX_CHECKED
    finally:
        tracemalloc.stop()
    assert failure is not None
    assert failure.code == code
    assert words in failure.text


def test_a_small_body_behind_a_large_head_is_read() -> None:
    head = b"X-Padding: %s" % (b"x" * (MAX_HEAD - 1000))
    response = HEAD + head + b"\r\nContent-Length: 8\r\nConnection: close\r\n\r\n" + b'{"a": 1}'
    pieces = [response[at : at + PIECE] for at in range(0, len(response), PIECE)]
    exchange, _ = received(pieces, JSON)
    assert response_failure(exchange) is None


def test_many_small_chunks_are_no_head() -> None:
    chunks = [b"1\r\n \r\n" * 10_000] * 10
    exchange, size = received([CHUNKED, *chunks, b'8\r\n{"a": 1}\r\n0\r\nConnection: close\r\n\r\n', b"more"], JSON)
    assert size > MAX_HEAD
    assert response_failure(exchange) is None


@pytest.mark.parametrize("status", ["000", "001", "99"])
def test_a_status_below_100_is_malformed(status: str) -> None:
    exchange, _ = received([f"HTTP/1.1 {status} Zero\r\nContent-Length: 0\r\n\r\n".encode()], Checks())
    assert exchange.failure is not None
    assert exchange.failure.code is ErrorCode.MALFORMED
