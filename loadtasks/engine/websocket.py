"""One WebSocket (RFC 6455) of the load engine, on the event loop; frames are websocket-client's.

States:

    CONNECTING ──connection_made──► HANDSHAKE ──101──► OPEN ──close──► CLOSED
    any ──connection lost, refused upgrade, or a broken frame──► CLOSED
"""

import asyncio
import base64
import hashlib
import os
from collections.abc import Callable
from enum import Enum
from time import perf_counter
from typing import cast

import httptools
from websocket import ABNF, WebSocketException, continuous_frame, frame_buffer

from loadtasks.engine.exchange import Problem
from loadtasks.engine.target import Target
from loadtasks.engine.wire import Writer
from loadtasks.scenarios.model import Request

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = "key-to-be-replaced"
_SWITCHING_PROTOCOLS = 101
NORMAL_CLOSURE = 1000
ABNORMAL_CLOSURE = 1006


class WebSocketState(Enum):
    """Where a WebSocket stands; see the module's picture."""

    CONNECTING = "connecting"
    HANDSHAKE = "handshake"
    OPEN = "open"
    CLOSED = "closed"


class _NeedMoreError(Exception):
    """The frame isn't whole yet."""


class Upgrade:
    """The handshake's request to one path of a target; only the key differs between connections."""

    def __init__(self, path: str, target: Target) -> None:
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": _KEY,
            "Sec-WebSocket-Version": "13",
        }
        wire = Writer(target).write_down(Request(path=path, headers=headers))
        self._before, self._after = wire.before.split(_KEY.encode())
        self.line = wire.line

    def data(self, key: str) -> bytes:
        """The bytes of a handshake with this key."""
        return self._before + key.encode() + self._after


class WebSocketConnection(asyncio.Protocol):
    """A WebSocket that tells its opening, its messages and its end. Times are seconds of `time.perf_counter`."""

    def __init__(
        self,
        upgrade: Upgrade,
        *,
        on_open: Callable[["WebSocketConnection"], None] | None = None,
        on_message: Callable[["WebSocketConnection", str | bytes, float], None] | None = None,
        on_close: Callable[["WebSocketConnection"], None] | None = None,
    ) -> None:
        self.state = WebSocketState.CONNECTING
        self.status = 0
        """Of the answer to the handshake; 0 before it."""
        self.opened = 0.0
        self.close_code: int | None = None
        self.problem: Problem | None = None
        """Why it never opened, or broke."""
        self._upgrade = upgrade
        self._on_open = on_open
        self._on_message = on_message
        self._on_close = on_close
        self._key = base64.b64encode(os.urandom(16)).decode()
        self._accept = ""
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._frames = frame_buffer(self._take, skip_utf8_validation=False)
        self._fragments = continuous_frame(fire_cont_frame=False, skip_utf8_validation=False)

    def close(self, code: int = NORMAL_CLOSURE) -> None:
        """Say goodbye and close."""
        was_open, self.state = self.state is WebSocketState.OPEN, WebSocketState.CLOSED
        if self._transport is not None:
            if was_open:
                self._transport.write(_close_frame(code))
            self._transport.close()

    def abort(self, kind: str, description: str) -> None:
        """Give it up."""
        self._end(Problem(kind, description))
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands: ask for the upgrade."""
        self._transport = cast(asyncio.Transport, transport)
        self.state = WebSocketState.HANDSHAKE
        self._transport.write(self._upgrade.data(self._key))

    def data_received(self, data: bytes) -> None:
        """Something arrived."""
        now = perf_counter()
        if self.state is WebSocketState.HANDSHAKE:
            data = self._read_handshake(data, now)
        if self.state is WebSocketState.OPEN and data:
            self._received += data
            self._read_frames(now)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self.state is WebSocketState.CLOSED:
            return
        self.close_code = self.close_code or ABNORMAL_CLOSURE
        when = "before the upgrade was answered" if self.state is WebSocketState.HANDSHAKE else "without a close frame"
        self._end(Problem("cut", f"the connection was closed {when}" + (f" ({exc})" if exc else "")))

    # What httptools calls while it parses the handshake's answer.

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header of the answer."""
        if name.lower() == b"sec-websocket-accept":
            self._accept = value.decode("latin-1")

    def on_message_complete(self) -> None:
        """An answer without an upgrade is whole."""
        if self._parser is not None:
            self.status = self._parser.get_status_code()

    def _read_handshake(self, data: bytes, now: float) -> bytes:
        """Feed the handshake's answer; returns what belongs to the WebSocket."""
        assert self._parser is not None  # noqa: S101 - there until the handshake is over
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return self._accepted(data[upgrade.args[0] :], now)
        except httptools.HttpParserError as error:
            self.abort("malformed", f"not an HTTP/1.1 answer: {error}; it begins {data[:80]!r}")
            return b""
        if self.status and self.status != _SWITCHING_PROTOCOLS:
            self.abort("status", f"the upgrade was answered {self.status}, expected 101")
        return b""

    def _accepted(self, rest: bytes, now: float) -> bytes:
        self.status, self._parser = _SWITCHING_PROTOCOLS, None
        # RFC 6455, section 4.2.2; SHA-1 is the protocol's, for no secret.
        digest = hashlib.sha1(f"{self._key}{_GUID}".encode(), usedforsecurity=False).digest()
        if self._accept != base64.b64encode(digest).decode():
            self.abort("malformed", "the upgrade was answered with a wrong Sec-WebSocket-Accept")
            return b""
        self.state, self.opened = WebSocketState.OPEN, now
        if self._on_open is not None:
            self._on_open(self)
        return rest

    def _take(self, most: int) -> bytes:
        if not self._received:
            raise _NeedMoreError
        piece = bytes(self._received[:most])
        del self._received[:most]
        return piece

    def _read_frames(self, now: float) -> None:
        while self.state is WebSocketState.OPEN:
            try:
                self._read_frame(self._frames.recv_frame(), now)
            except _NeedMoreError:
                return
            except WebSocketException as error:
                self.abort("malformed", f"a broken WebSocket frame: {error}")
                return

    def _read_frame(self, frame: ABNF, now: float) -> None:
        if frame.opcode == ABNF.OPCODE_PING and self._transport is not None:
            self._transport.write(ABNF.create_frame(frame.data, ABNF.OPCODE_PONG).format())
        elif frame.opcode == ABNF.OPCODE_CLOSE:
            self.close_code = int.from_bytes(cast(bytes, frame.data)[:2], "big") or ABNORMAL_CLOSURE
            if self._transport is not None:
                self._transport.write(_close_frame(NORMAL_CLOSURE))
                self._transport.close()
            self._end(Problem("closed", f"the target closed the WebSocket with code {self.close_code}"))
        elif frame.opcode in (ABNF.OPCODE_TEXT, ABNF.OPCODE_BINARY, ABNF.OPCODE_CONT):
            self._fragments.validate(frame)
            self._fragments.add(frame)
            if self._fragments.is_fire(frame):
                opcode, whole = self._fragments.extract(frame)
                if self._on_message is not None:
                    text = whole.data.decode("utf-8") if opcode == ABNF.OPCODE_TEXT else bytes(whole.data)
                    self._on_message(self, text, now)

    def _end(self, problem: Problem) -> None:
        if self.state is not WebSocketState.CLOSED:
            self.state, self.problem = WebSocketState.CLOSED, problem
            if self._on_close is not None:
                self._on_close(self)


def _close_frame(code: int) -> bytes:
    return bytes(ABNF.create_frame(code.to_bytes(2, "big"), ABNF.OPCODE_CLOSE).format())
