"""One WebSocket connection."""

from __future__ import annotations

import math
import selectors
import socket
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import CloseConnection, Event, TextMessage

from app.websockets.deflate import InboundDeflate
from app.websockets.sending import send

# Read from one client at most this much before the others get their turn.
RECEIVE_BYTES = 4096
# Small, so that a slow client soon shows in its queue, whose length is limited.
SEND_BUFFER_BYTES = 65536
MAX_MESSAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class AcceptedConnection:
    """A connection whose handshake was accepted, but not yet answered."""

    connection: socket.socket
    """The connection's socket."""
    handshake_response: bytes
    """The response that completes the handshake."""
    deflates: bool = False
    """Whether compression was negotiated."""
    token: str = ""
    """The token of the handshake, which is verified; empty when the first message has to bring one."""


class WebSocketClient:
    """One connection, read and written without ever blocking."""

    __slots__ = (
        "_descriptor", "_partly_sent", "_protocol", "_selector", "_text", "_watched", "checking", "closing", "deflates",
        "dropped", "due", "ended", "pending", "queue", "received_bytes", "socket", "token", "unanswered_pings",
    )  # fmt: skip

    def __init__(self, accepted: AcceptedConnection, selector: selectors.BaseSelector) -> None:
        self.socket = accepted.connection
        """The non-blocking socket."""
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.deflates = accepted.deflates
        """Whether the client takes compressed messages."""
        self.token = accepted.token
        """The token that it sent; empty until then."""
        self.pending = not accepted.token
        """Whether it still has to send a valid token."""
        self.checking = False
        """Whether its token is being verified."""
        self.closing = False
        """Whether either side has begun to close."""
        self.ended = False
        """Whether it sent its close frame, or violated the protocol; what comes afterwards is ignored."""
        self.dropped = False
        """Whether the connection was cut."""
        self.unanswered_pings = 0
        """Pings since it last sent anything."""
        self.received_bytes = 0
        """Bytes received since the last ping."""
        self.due = math.inf
        """Its deadline, on the monotonic clock."""
        self.queue: deque[bytes] = deque()
        """Messages, or the rest of one, that its socket hasn't taken yet."""
        self._descriptor = self.socket.fileno()
        self._partly_sent = False
        self._watched = False
        self._text = ""
        self._selector = selector
        extension = InboundDeflate(deflates=accepted.deflates, max_bytes=MAX_MESSAGE_BYTES)
        self._protocol = Connection(ConnectionType.SERVER, [extension])
        selector.register(self.socket, selectors.EVENT_READ, self)

    @property
    def closed(self) -> bool:
        """Whether both sides sent their close frames and nothing is left to send."""
        return self._protocol.state is ConnectionState.CLOSED and not self.queue

    def send(self, data: bytes) -> None:
        """Send a whole message; what the socket doesn't take at once is queued."""
        if not self.queue:
            sent = send(self._descriptor, data)
            if sent == len(data):
                return
            self._partly_sent = sent > 0
            data = data[sent:]
        self.queue.append(data)
        self._watch_writability()

    def flush(self) -> None:
        """Send queued messages, as far as the socket takes them now."""
        while self.queue:
            data = self.queue[0]
            sent = send(self._descriptor, data)
            if sent < len(data):
                self.queue[0] = data[sent:]
                self._partly_sent = self._partly_sent or sent > 0
                break
            self.queue.popleft()
            self._partly_sent = False
        self._watch_writability()

    def frame(self, event: Event) -> bytes:
        """Frame a control message.

        Raises:
            ProtocolError: The state of the connection doesn't allow it.
        """
        return self._protocol.send(event)

    def clear_queue(self) -> None:
        """Drop queued messages, except for one that was partly sent."""
        while len(self.queue) > self._partly_sent:
            self.queue.pop()

    def begin_close(self, code: int, reason: str | None) -> None:
        """Send a close frame."""
        self.closing = True
        self.send(self.frame(CloseConnection(code, reason)))

    def receive(self) -> Iterator[Event]:
        """Read what the client sent; fragments of text messages are joined.

        Raises:
            OSError: The connection is lost; a ConnectionResetError when it was closed without a close frame.
        """
        data = self.socket.recv(RECEIVE_BYTES)
        if not data:
            raise ConnectionResetError
        self.unanswered_pings = 0
        self.received_bytes += len(data)
        if self.ended:
            return
        self._protocol.receive_data(data)
        for event in self._protocol.events():
            if not isinstance(event, TextMessage):
                yield event
                continue
            self._text += event.data
            if event.message_finished:
                yield TextMessage(self._text)
                self._text = ""

    def drop(self) -> None:
        """Cut the connection."""
        self.dropped = True
        self._descriptor = -1  # the number may become another connection's
        self._selector.unregister(self.socket)
        self.socket.close()

    def _watch_writability(self) -> None:
        """Have the selector report when the socket takes data again, as long as messages are queued."""
        if self._watched != bool(self.queue):
            self._watched = not self._watched
            mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._watched else 0)
            self._selector.modify(self.socket, mask, self)
