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

from app.websockets.deflate import Inflation
from app.websockets.sending import send

# What is taken from one client before it is the others' turn.
RECEIVE_BYTES = 4096
# Small, so that a slow client shows in its queue, which counts, soon.
SEND_BUFFER_BYTES = 65536
MESSAGE_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Opening:
    """A connection whose handshake was accepted.

    Attributes:
        connection: It.
        greeting: The answer to the handshake, which is still to be sent.
        deflates: Whether compression was negotiated.
        token: The token that was checked already; empty when the first message is to bring one.
    """

    connection: socket.socket
    greeting: bytes
    deflates: bool = False
    token: str = ""


class Client:
    """One connection, which is never waited for.

    Attributes:
        socket: It, not blocking.
        deflates: Whether it takes compressed messages.
        token: What it authenticated by; empty until then.
        pending: Whether it still has to tell its token.
        checking: Whether its token is being checked.
        closing: Whether its end was begun, by either side.
        ended: Whether it said its last word, or one that can't be understood.
        dropped: Whether it is gone.
        unanswered: Pings since it last said anything.
        said: Bytes that it said since the last ping.
        due: When it is to be attended to, on the monotonic clock.
        waiting: Bytes that it hasn't taken yet, message by message.
    """

    __slots__ = (
        "_begun", "_descriptor", "_protocol", "_selector", "_text", "_watched", "checking", "closing", "deflates",
        "dropped", "due", "ended", "pending", "said", "socket", "token", "unanswered", "waiting",
    )  # fmt: skip

    def __init__(self, opening: Opening, selector: selectors.BaseSelector) -> None:
        self.socket = opening.connection
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.deflates = opening.deflates
        self.token = opening.token
        self.pending = not opening.token
        self.checking = self.closing = self.ended = self.dropped = False
        self.unanswered = self.said = 0
        self.due = math.inf
        self.waiting: deque[bytes] = deque()
        self._descriptor = self.socket.fileno()
        self._begun = False
        self._watched = False
        self._text = ""
        self._selector = selector
        extension = Inflation(deflates=opening.deflates, size_max=MESSAGE_BYTES_MAX)
        self._protocol = Connection(ConnectionType.SERVER, [extension])
        selector.register(self.socket, selectors.EVENT_READ, self)

    @property
    def parted(self) -> bool:
        """Whether both sides said goodbye and nothing is left to be sent."""
        return self._protocol.state is ConnectionState.CLOSED and not self.waiting

    def send(self, data: bytes) -> None:
        """Send bytes, a whole message; what isn't taken at once waits."""
        if not self.waiting:
            sent = send(self._descriptor, data)
            if sent == len(data):
                return
            self._begun = sent > 0
            data = data[sent:]
        self.waiting.append(data)
        self._watch()

    def flush(self) -> None:
        """Send what waits, as far as it is taken now."""
        while self.waiting:
            data = self.waiting[0]
            sent = send(self._descriptor, data)
            if sent < len(data):
                self.waiting[0] = data[sent:]
                self._begun = self._begun or sent > 0
                break
            self.waiting.popleft()
            self._begun = False
        self._watch()

    def frame(self, event: Event) -> bytes:
        """Frame something else than a message.

        Raises:
            ProtocolError: It can't be said any more.
        """
        return self._protocol.send(event)

    def forget(self) -> None:
        """Don't send what waits, except for a message that was begun."""
        while len(self.waiting) > self._begun:
            self.waiting.pop()

    def farewell(self, code: int, reason: str | None) -> None:
        """Begin the end by a close frame."""
        self.closing = True
        self.send(self.frame(CloseConnection(code, reason)))

    def receive(self) -> Iterator[Event]:
        """Read what it said; text messages are whole.

        Raises:
            OSError: The connection is gone; a ConnectionResetError when it was closed without a close frame.
        """
        data = self.socket.recv(RECEIVE_BYTES)
        if not data:
            raise ConnectionResetError
        self.unanswered = 0
        self.said += len(data)
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
        self._descriptor = -1  # another connection's, from now on
        self._selector.unregister(self.socket)
        self.socket.close()

    def _watch(self) -> None:
        """Hear of it when the client takes bytes again, as long as some wait for it."""
        if self._watched != bool(self.waiting):
            self._watched = not self._watched
            mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._watched else 0)
            self._selector.modify(self.socket, mask, self)
