"""One WebSocket (RFC 6455) of the load engine, on the event loop.

States:

    CONNECTING ──connection_made──► HANDSHAKE ──101──► OPEN ──close──► CLOSING ──the target's close──► CLOSED
    any ──connection lost, refused upgrade, the target's close, a malformed frame, or `abort`──► CLOSED
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from time import perf_counter
from typing import cast

from websocket import ABNF

from loadtasks.engine.internal_errors import internal_failure, surface
from loadtasks.engine.net.turns import LARGE_READ, take_turns
from loadtasks.engine.recording.failure import RequestFailure
from loadtasks.engine.websocket.frames import FrameError, Frames
from loadtasks.engine.websocket.handshake import Handshake, HandshakeError, Upgrade
from loadtasks.measurement.errors import ErrorCode

_REFUSAL_WAIT_S = 0.5
"""How long the body of a refused upgrade is waited for; the refusal itself is known from its head."""
_MAX_PINGS, _MAX_PINGS_PER_S = 1000, 100
"""Pings that a target may send at once, and beyond that in a second: a heartbeat is one in some seconds."""
_MAX_UNREAD = 65_536
"""Bytes of pongs that the target has not read, from which no more are sent."""
NORMAL_CLOSURE = 1000
NO_STATUS = 1005
ABNORMAL_CLOSURE = 1006
_MEANINGS = {
    NORMAL_CLOSURE: "normal closure",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported data",
    NO_STATUS: "no status",
    ABNORMAL_CLOSURE: "abnormal closure",
    1007: "invalid data",
    1008: "policy violation",
    1009: "message too big",
    1010: "mandatory extension",
    1011: "internal error",
    1012: "service restart",
    1013: "try again later",
    1014: "bad gateway",
}
"""What close codes mean (RFC 6455, section 7.4.1, and IANA's WebSocket Close Code Number Registry)."""


class WebSocketState(Enum):
    """The state of a WebSocket, which changes as the module's docstring shows."""

    CONNECTING = "connecting"
    HANDSHAKE = "handshake"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class WebSocketConnection(asyncio.Protocol):
    """A WebSocket that reports its opening, its messages and its end. Times are those of `time.perf_counter`.

    A message's time is that at which its bytes arrived, before anything of them was read.
    """

    __slots__ = (
        "_frames",
        "_handshake",
        "_on_close",
        "_on_message",
        "_on_open",
        "_pings",
        "_transport",
        "close_code",
        "failure",
        "first_message",
        "number",
        "opened",
        "state",
        "status",
    )

    def __init__(
        self,
        upgrade: Upgrade,
        number: int = 0,
        *,
        on_open: Callable[["WebSocketConnection"], None] | None = None,
        on_message: Callable[["WebSocketConnection", str | bytes, float], None] | None = None,
        on_close: Callable[["WebSocketConnection"], None] | None = None,
    ) -> None:
        """Prepare to connect.

        Args:
            upgrade: the request of the opening handshake.
            number: which of its owner's WebSockets it is.
            on_open: called when the target has accepted the upgrade.
            on_message: called with each message and the time at which it arrived.
            on_close: called when the WebSocket ends though its owner did not close it.
        """
        self.number = number
        self.state = WebSocketState.CONNECTING
        self.status = 0
        """HTTP status of the response to the handshake; 0 before it."""
        self.opened = 0.0
        self.first_message = 0.0
        """When the first message of any kind arrived; 0 before it."""
        self.close_code: int | None = None
        """The target's close code; `ABNORMAL_CLOSURE` where it ended the connection without one."""
        self.failure: RequestFailure | None = None
        """Why it never opened, or how it ended though its owner did not close it."""
        self._on_open = on_open
        self._on_message = on_message
        self._on_close = on_close
        self._handshake: Handshake | None = Handshake(upgrade)
        self._frames = Frames()
        self._pings = 0
        self._transport: asyncio.Transport | None = None

    def close(self, code: int = NORMAL_CLOSURE) -> None:
        """Send a close frame, and close when the target has sent its own; one that isn't open is closed at once."""
        if self._transport is None or self.state is WebSocketState.CLOSED:
            self.state = WebSocketState.CLOSED
        elif self.state is WebSocketState.OPEN:
            self.state = WebSocketState.CLOSING
            self._write(_close_frame(code))
        elif self.state is WebSocketState.HANDSHAKE:
            self.state = WebSocketState.CLOSED
            self._transport.abort()

    def abort(self, code: ErrorCode, text: str) -> None:
        """End the WebSocket at once, as failed for this reason; a refusal of the upgrade that is known goes before."""
        refusal = self._handshake.refusal() if self._handshake is not None and self._handshake.refused else None
        self._fail(RequestFailure(code, text) if refusal is None else refusal.failure)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is established: request the upgrade."""
        self._transport = cast(asyncio.Transport, transport)
        if self.state is WebSocketState.CLOSED or self._handshake is None:
            self._transport.abort()
            return
        self.state = WebSocketState.HANDSHAKE
        self._transport.write(self._handshake.request)

    def data_received(self, data: bytes) -> None:
        """Bytes arrived."""
        now = perf_counter()
        try:
            if self._handshake is not None:
                data = self._read_handshake(self._handshake, data, now)
            if not data:
                return
            if len(data) >= LARGE_READ and self._transport is not None:
                take_turns(self._transport)
            for opcode, payload in self._frames.feed(data):
                if self.state is WebSocketState.CLOSED:
                    return
                self._take(opcode, payload, now)
        except FrameError as error:
            self._fail(error.failure)
        except Exception as error:
            self._fail(internal_failure(error))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self.state in (WebSocketState.CLOSING, WebSocketState.CLOSED):
            self.state = WebSocketState.CLOSED
            return
        if self._handshake is not None and self._handshake.refused:
            self._refuse()
            return
        when = "before a response to the upgrade"
        if self.state is WebSocketState.OPEN:
            when, self.close_code = "without a close frame", ABNORMAL_CLOSURE
        self._end(RequestFailure(ErrorCode.CUT, f"the connection was closed {when}" + (f" ({exc})" if exc else "")))

    def _read_handshake(self, handshake: Handshake, data: bytes, now: float) -> bytes:
        """Read the response to the handshake. Returns the bytes after it, which are the WebSocket's own."""
        if self.state is not WebSocketState.HANDSHAKE:
            return b""
        try:
            rest = handshake.feed(data)
        except HandshakeError as error:
            self.status = handshake.status
            self._fail(error.failure)
            return b""
        if rest is None:
            if handshake.refused and not self.status:
                self.status = handshake.status
                asyncio.get_running_loop().call_later(_REFUSAL_WAIT_S, self._refuse)
            return b""
        self.status, self._handshake = handshake.status, None
        self.state, self.opened = WebSocketState.OPEN, now
        if self._on_open is not None:
            self._on_open(self)
        return rest

    def _refuse(self) -> None:
        """End a WebSocket whose upgrade was refused, if that did not happen yet."""
        if self.state is WebSocketState.HANDSHAKE and self._handshake is not None:
            self._fail(self._handshake.refusal().failure)

    def _take(self, opcode: int, payload: str | bytes, now: float) -> None:
        if opcode in (ABNF.OPCODE_TEXT, ABNF.OPCODE_BINARY):
            if self.state is WebSocketState.OPEN:
                self.first_message = self.first_message or now
                if self._on_message is not None:
                    self._on_message(self, payload, now)
        elif opcode == ABNF.OPCODE_CLOSE:
            self._closed_by_target(cast(bytes, payload))
        elif opcode == ABNF.OPCODE_PING and self.state is WebSocketState.OPEN:
            self._pings += 1
            if self._pings > _MAX_PINGS + _MAX_PINGS_PER_S * (now - self.opened):
                raise FrameError(ErrorCode.TOO_LARGE, f"the target sends more than {_MAX_PINGS_PER_S} pings a second")
            self._pong(payload)

    def _pong(self, payload: str | bytes) -> None:
        """Answer a ping; not one that comes while earlier pongs wait to be read (section 5.5.3 allows that)."""
        if self._transport is not None and self._transport.get_write_buffer_size() < _MAX_UNREAD:
            self._write(ABNF.create_frame(payload, ABNF.OPCODE_PONG).format())

    def _write(self, data: bytes) -> None:
        """Write, unless the connection is gone already and only its loss was not reported yet."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _closed_by_target(self, payload: bytes) -> None:
        code = int.from_bytes(payload[:2], "big") if payload else NO_STATUS
        try:
            reason = payload[2:].decode("utf-8")
        except UnicodeDecodeError as error:
            raise FrameError(ErrorCode.MALFORMED, f"a close frame whose reason is not UTF-8: {error}") from error
        if self._transport is not None:
            if self.state is WebSocketState.OPEN:
                self._write(_close_frame(code))  # section 5.5.1: the code is echoed
            self._transport.close()
        if self.state is WebSocketState.CLOSING:
            self.state = WebSocketState.CLOSED
            return
        self.close_code = code
        meaning = f" ({_MEANINGS[code]})" if code in _MEANINGS else ""
        stated = f", reason {reason!r}" if reason else ""
        self._end(
            RequestFailure(ErrorCode.CLOSED, f"the target closed the WebSocket with code {code}{meaning}{stated}")
        )

    def _fail(self, failure: RequestFailure) -> None:
        self._end(failure)
        if self._transport is not None:
            self._transport.abort()

    def _end(self, failure: RequestFailure) -> None:
        if self.state is WebSocketState.CLOSED:
            return
        is_ours, self.state = self.state is WebSocketState.CLOSING, WebSocketState.CLOSED
        if is_ours:
            return
        self.failure = failure
        try:
            if self._on_close is not None:
                self._on_close(self)
        except Exception as error:
            surface(error)


def _close_frame(code: int) -> bytes:
    payload = b"" if code == NO_STATUS else code.to_bytes(2, "big")
    return bytes(ABNF.create_frame(payload, ABNF.OPCODE_CLOSE).format())
