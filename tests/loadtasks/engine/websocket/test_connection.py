"""One WebSocket: its handshake, its messages and its end, against the `websockets` library and byte by byte."""

import asyncio
import contextlib
import gzip
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from websockets.sync.server import ServerConnection, serve

from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.failure import FailureSample
from loadtasks.engine.websocket.connection import WebSocketConnection, WebSocketState
from loadtasks.engine.websocket.handshake import Handshake, HandshakeError, Upgrade
from loadtasks.engine.websocket.opener import Opener
from loadtasks.measurement.errors import ErrorCode
from loadtasks.redaction.redactor import Redactor
from tests.loadtasks.engine.websocket.fanout import (
    CLOSE,
    PING,
    PONG,
    Fanout,
    accept,
    client_frames,
    close_frame,
    frame,
    in_thread,
)
from tests.servers import free_port

UPGRADE = Upgrade("/events", Target("http://127.0.0.1:8000"))


@contextlib.contextmanager
def serving(handler: Callable[[ServerConnection], None]) -> Iterator[str]:
    port = free_port()
    with serve(handler, "127.0.0.1", port, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.shutdown()
            thread.join()


def talk(url: str, until: Callable[[WebSocketConnection, list[str | bytes]], Awaitable[None]]) -> WebSocketConnection:
    """Open a WebSocket, go on `until`, and close it."""

    async def run() -> WebSocketConnection:
        opener, received = Opener("/events", Target(url), timeout_s=10, connect_timeout_s=10), list[str | bytes]()
        (opening,) = await opener.open(1, lambda _, message, __: received.append(message))
        assert opening.socket is not None
        await until(opening.socket, received)
        await opener.close()
        return opening.socket

    return uvloop.run(run())


async def closed(socket: WebSocketConnection, received: list[str | bytes]) -> None:
    while socket.state is not WebSocketState.CLOSED:
        await asyncio.sleep(0.005)


def test_messages_of_every_shape_are_received_and_pings_are_answered() -> None:
    sent = ["text", "", "é" * 5000, "x" * 70_000, b"bytes", b"", b"\xff" * 70_000]
    answered = list[bool]()

    def handler(client: ServerConnection) -> None:
        for message in sent:
            client.send(message)
            client.send([message[:1], message[1:2], message[2:]])  # in three frames
        answered.append(client.ping("are you there?").wait(10))
        client.recv()

    async def until(_: WebSocketConnection, received: list[str | bytes]) -> None:
        while len(received) < 2 * len(sent) or not answered:
            await asyncio.sleep(0.005)
        assert received == [message for message in sent for _ in range(2)]

    with serving(handler) as url:
        talk(url, until)
    assert answered == [True]


def test_a_close_frame_is_sent_and_answered_and_is_no_failure() -> None:
    ends = list[tuple[int, int]]()

    def handler(client: ServerConnection) -> None:
        for _ in client:
            pass
        protocol = client.protocol
        assert protocol.close_rcvd is not None
        assert protocol.close_sent is not None
        ends.append((protocol.close_rcvd.code, protocol.close_sent.code))

    async def until(*_: object) -> None:
        pass

    with serving(handler) as url:
        socket = talk(url, until)
    assert ends == [(1000, 1000)]
    assert (socket.state, socket.failure, socket.close_code) == (WebSocketState.CLOSED, None, None)


def test_a_close_that_is_unanswered_ends_all_the_same() -> None:
    server = Fanout()
    server.responses_close = False

    async def until(*_: object) -> None:
        pass

    with in_thread(server) as url:
        socket = talk(url, until)
    assert (socket.state, socket.failure) == (WebSocketState.CLOSED, None)


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        (1001, "", "with code 1001 (going away)"),
        (1013, "too slow", "with code 1013 (try again later), reason 'too slow'"),
        (4321, "", "with code 4321"),
    ],
)
def test_the_targets_close_is_reported_in_words_and_its_code_is_echoed(code: int, reason: str, words: str) -> None:
    echoed = list[int]()

    def handler(client: ServerConnection) -> None:
        client.close(code, reason)
        assert client.protocol.close_rcvd is not None
        echoed.append(client.protocol.close_rcvd.code)

    with serving(handler) as url:
        socket = talk(url, closed)
    assert echoed == [code]
    assert socket.close_code == code
    assert shown(socket) == f"the target closed the WebSocket {words}"


# Byte by byte: a connection that is fed directly.


class Wire(asyncio.Transport):
    """Keeps what is written to it; the other end reads it, or nothing."""

    def __init__(self, *, reads: bool = True) -> None:
        super().__init__()
        self.written = b""
        self.reads = reads
        self.gone = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.gone

    def get_write_buffer_size(self) -> int:
        return 0 if self.reads else len(self.written)

    def close(self) -> None:
        self.gone = True

    abort = close


RIGHT = b"the right Sec-WebSocket-Accept"


def response(request: bytes, *headers: bytes, status: bytes = b"101 Switching Protocols") -> bytes:
    key = next(line[19:] for line in request.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: "))
    usual = (b"Upgrade: websocket", b"Connection: Upgrade", RIGHT)
    lines = [b"HTTP/1.1 " + status, *(headers or usual), b"", b""]
    return b"\r\n".join(lines).replace(RIGHT, b"Sec-WebSocket-Accept: " + accept(key))


def connected(*feeds: bytes) -> tuple[WebSocketConnection, Wire, list[str | bytes]]:
    """An open connection that was fed these bytes, what it wrote since it is open, and what it received."""
    received, wire = list[str | bytes](), Wire()
    socket = WebSocketConnection(UPGRADE, on_message=lambda _, message, __: received.append(message))
    socket.connection_made(wire)
    first, *others = feeds or (b"",)
    upgraded, wire.written = response(wire.written), b""
    socket.data_received(upgraded + first)
    for data in others:
        if not wire.gone:
            socket.data_received(data)
    return socket, wire, received


def test_messages_that_come_with_the_response_to_the_upgrade_are_received() -> None:
    socket, _, received = connected(frame(b"one") + frame(b"two")[:2], frame(b"two")[2:])
    assert (socket.status, socket.state, received) == (101, WebSocketState.OPEN, ["one", "two"])
    assert socket.first_message == socket.opened > 0


def test_a_response_that_comes_in_pieces_is_read() -> None:
    wire, received = Wire(), list[str | bytes]()
    socket = WebSocketConnection(UPGRADE, on_message=lambda _, message, __: received.append(message))
    socket.connection_made(wire)
    for byte in b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + response(wire.written) + frame(b"x"):
        socket.data_received(bytes([byte]))
    assert (socket.state, received) == (WebSocketState.OPEN, ["x"])


def test_a_ping_is_answered_with_what_it_carried_and_is_no_message() -> None:
    socket, wire, received = connected(frame(b"this", opcode=PING) + frame(b"that", opcode=PONG))
    assert list(client_frames(wire.written)) == [(PONG, b"this")]
    assert (received, socket.first_message) == ([], 0.0)


def test_pings_of_a_target_that_reads_no_answer_fill_no_memory() -> None:
    wire = Wire(reads=False)
    socket = WebSocketConnection(UPGRADE)
    socket.connection_made(wire)
    socket.data_received(response(wire.written))
    for _ in range(1000):
        socket.data_received(frame(b"x" * 100, opcode=PING))
    assert socket.state is WebSocketState.OPEN
    assert len(wire.written) < 70_000
    for _ in range(1000):
        socket.data_received(frame(b"x" * 100, opcode=PING))
    assert socket.failure is not None
    assert (socket.failure.code, socket.failure.text) == ("too_large", "the target sends more than 100 pings a second")


def test_the_head_of_a_response_without_end_ends_early() -> None:
    handshake = Handshake(UPGRADE)
    handshake.feed(b"HTTP/1.1 101 Switching Protocols\r\nX-Long: ")
    for _ in range(26):
        assert handshake.feed(b"x" * 10_000) is None
    with pytest.raises(HandshakeError) as raised:
        handshake.feed(b"x" * 10_000)
    assert raised.value.code == "too_large"


def test_nothing_is_received_after_the_targets_close_and_none_is_answered_twice() -> None:
    socket, wire, received = connected(frame(b"x") + close_frame(1000) + frame(b"y") + close_frame(1001))
    assert (received, wire.gone) == (["x"], True)
    assert list(client_frames(wire.written)) == [(CLOSE, (1000).to_bytes(2, "big"))]
    assert socket.close_code == 1000


def test_a_close_without_a_code_is_1005_and_a_lost_connection_1006() -> None:
    socket, wire, _ = connected(frame(b"", opcode=CLOSE))
    assert (socket.close_code, list(client_frames(wire.written))) == (1005, [(CLOSE, b"")])
    socket, _, _ = connected()
    socket.connection_lost(ConnectionResetError(104, "reset"))
    assert socket.close_code == 1006
    assert socket.failure is not None
    assert socket.failure.code == "cut"


@pytest.mark.parametrize(
    "data",
    [frame(b"deflated", rsv=4), frame(b"\x03\xe8\xff", opcode=CLOSE), frame(b"\xff")],
    ids=["compressed", "a reason that is no UTF-8", "text that is no UTF-8"],
)
def test_a_broken_frame_ends_the_connection_by_name(data: bytes) -> None:
    socket, wire, _ = connected(data)
    assert (socket.state, wire.gone) == (WebSocketState.CLOSED, True)
    assert socket.failure is not None
    assert socket.failure.code == "malformed"


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=8))
def test_random_bytes_after_the_upgrade_leave_it_open_or_end_it_by_name(pieces: list[bytes]) -> None:
    socket, wire, _ = connected(*pieces)
    if socket.state is WebSocketState.CLOSED:
        assert wire.gone
        assert socket.failure is not None
        assert socket.failure.code in ("malformed", "too_large", "closed")
    else:
        assert (socket.state, wire.gone) == (WebSocketState.OPEN, False)


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=8))
def test_random_bytes_instead_of_a_response_wait_or_end_it_by_name(pieces: list[bytes]) -> None:
    wire, socket = Wire(), WebSocketConnection(UPGRADE)
    socket.connection_made(wire)
    for piece in pieces:
        if not wire.gone:
            socket.data_received(piece)
    assert socket.state in (WebSocketState.HANDSHAKE, WebSocketState.CLOSED)
    assert wire.gone is (socket.failure is not None)


USUAL = (b"Upgrade: websocket", b"Connection: keep-alive, Upgrade")
NOT_AN_UPGRADE = {
    "a wrong accept": ((*USUAL, b"Sec-WebSocket-Accept: wrong"), b"101 Switching Protocols", "malformed"),
    "no accept": (USUAL, b"101 Switching Protocols", "malformed"),
    "no upgrade at all": ((RIGHT,), b"101 Switching Protocols", "malformed"),
    "a connection that goes on": (
        (USUAL[0], b"Connection: keep-alive", RIGHT),
        b"101 Switching Protocols",
        "malformed",
    ),
    "another protocol": ((b"Upgrade: h2c", USUAL[1], RIGHT), b"101 Switching Protocols", "malformed"),
    "refused without a body": ((b"Content-Length: 0",), b"401 Unauthorized", "status"),
    "answered as any request": ((b"Content-Length: 0",), b"200 OK", "status"),
}


@pytest.mark.parametrize(("headers", "status", "kind"), NOT_AN_UPGRADE.values(), ids=NOT_AN_UPGRADE.keys())
def test_a_wrong_response_to_the_upgrade_is_refused_by_name(
    headers: tuple[bytes, ...], status: bytes, kind: str
) -> None:
    handshake = Handshake(UPGRADE)
    with pytest.raises(HandshakeError) as raised:
        handshake.feed(response(handshake.request, *headers, status=status))
    assert raised.value.code == kind
    assert handshake.status == int(status[:3])


def shown(socket: WebSocketConnection) -> str:
    """Why a WebSocket failed, as it is shown."""
    assert socket.failure is not None
    return FailureSample.of(socket.failure.text, socket.failure.quote).shown(Redactor())


def refused(*pieces: bytes, ends: bool = False) -> WebSocketConnection:
    """A connection whose upgrade was refused by these bytes; `ends`: after them the target closes it."""

    async def run() -> WebSocketConnection:
        wire, gone = Wire(), asyncio.Event()
        socket = WebSocketConnection(UPGRADE, on_close=lambda _: gone.set())
        socket.connection_made(wire)
        for piece in pieces:
            socket.data_received(piece)
        if ends:
            socket.connection_lost(None)
        await gone.wait()
        return socket

    return asyncio.run(run())


REFUSAL = b"HTTP/1.1 400 Bad Request\r\n"
SENTENCE = b"subprotocol\r\n\tchat.v1 is required\x00\x1b"
SAID = "the response to the upgrade was 400, expected 101: subprotocol chat.v1 is required"


@pytest.mark.parametrize(
    ("pieces", "ends"),
    [
        ([REFUSAL + b"Content-Length: %d\r\n\r\n" % len(SENTENCE) + SENTENCE], False),
        ([REFUSAL, b"Content-Length: %d\r\n\r\n" % len(SENTENCE), SENTENCE[:5], SENTENCE[5:]], False),
        ([REFUSAL + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(SENTENCE) + SENTENCE + b"\r\n0\r\n\r\n"], False),
        ([REFUSAL + b"\r\n" + SENTENCE], True),
        ([REFUSAL + b"Content-Length: 1000\r\n\r\n" + SENTENCE], False),
        ([REFUSAL + b"Content-Length: 100000\r\n\r\n" + SENTENCE + b"\x00" * 9000], False),
        (
            [REFUSAL + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(SENTENCE)],
            True,
        ),
    ],
    ids=["at once", "in pieces", "chunked", "until the end", "never complete", "too long", "compressed"],
)
def test_what_the_target_says_of_a_refused_upgrade_is_reported(
    pieces: list[bytes], ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtasks.engine.websocket.connection._REFUSAL_WAIT_S", 0.05)
    socket = refused(*pieces, ends=ends)
    assert socket.failure is not None
    assert socket.failure.code == "status"
    assert shown(socket).removesuffix("…") == SAID
    assert socket.status == 400


def test_what_a_refused_upgrade_says_is_shown_where_it_is_not_compressed_as_it_claims() -> None:
    socket = refused(REFUSAL + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone")
    said = "(a body that is not compressed with gzip as its header says) none"
    assert shown(socket) == f"the response to the upgrade was 400, expected 101: {said}"


def test_a_timeout_after_a_refusal_is_the_refusal() -> None:
    async def run() -> WebSocketConnection:
        socket = WebSocketConnection(UPGRADE)
        socket.connection_made(Wire())
        socket.data_received(REFUSAL + b"Content-Length: 9\r\n\r\nno")
        socket.abort(ErrorCode.TIMEOUT, "no response to the upgrade within 0.1 s")
        return socket

    socket = asyncio.run(run())
    assert shown(socket) == "the response to the upgrade was 400, expected 101: no"


@pytest.mark.parametrize("name", ["Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Protocol: mqtt"])
def test_what_was_not_offered_must_not_be_chosen(name: str) -> None:
    handshake = Handshake(UPGRADE)
    assert b"sec-websocket-extensions" not in handshake.request.lower()
    usual = response(handshake.request)
    with pytest.raises(HandshakeError, match="not offered"):
        handshake.feed(usual[:-2] + name.encode() + b"\r\n\r\n")
