"""WebSockets: one thread that serves the connections of all clients.

A connection is taken from gunicorn after the request for it was checked, so that an open WebSocket holds no thread of
its own. The thread writes without ever waiting for a client: what a socket doesn't take at once waits in that client's
own queue. One message is framed once for all of them.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Ping
from wsproto.frame_protocol import CloseReason, FrameProtocol
from wsproto.utilities import ProtocolError, generate_accept_token

from app import metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CLOSE_S = 2.0
RECEIVE_BYTES = 65536
# Small, so that a slow client shows in its queue, which counts, soon.
SEND_BUFFER_BYTES = 65536
VERSION = "13"

log = logging.getLogger(__name__)


def take_over(environ: WSGIEnvironment) -> socket.socket:
    """Take the connection of a request from gunicorn.

    gunicorn ends its part by shutting its socket down and closing it. That socket is therefore exchanged for one end
    of a pair that nobody else holds, while the connection goes on under a descriptor of ours.
    """
    theirs: socket.socket = environ["gunicorn.socket"]
    ours = theirs.dup()
    left, right = socket.socketpair()
    os.dup2(left.fileno(), theirs.fileno(), inheritable=False)
    left.close()
    right.close()
    return ours


def handshake(key: str, headers: dict[str, str]) -> bytes:
    """Make the answer that turns a connection into a WebSocket.

    Args:
        key: The request's ``Sec-WebSocket-Key``.
        headers: Further headers.
    """
    accept = generate_accept_token(key.encode("latin-1")).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Accept: {accept}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Client:
    """One connection.

    Attributes:
        socket: It, not blocking.
        protocol: What was said on it so far.
        waiting: Bytes that it hasn't taken yet, message by message.
        begun: Whether a part of the first of them was sent.
        watched: Whether the selector tells when it takes bytes.
        deadline: When it is cut, on the monotonic clock; None as long as it isn't being closed.
        ended: Whether it said its last word, or one that can't be understood.
    """

    __slots__ = ("begun", "deadline", "ended", "protocol", "socket", "waiting", "watched")

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self.protocol = Connection(ConnectionType.SERVER)
        self.waiting: deque[bytes] = deque()
        self.begun = False
        self.watched = False
        self.deadline: float | None = None
        self.ended = False


class Hub:
    """Serves all WebSocket clients in one thread of its own.

    Args:
        queue_limit: Messages that may wait for one client; one more and it is closed as too slow (1013).
        close_s: Seconds that a client has to take and answer a close; after that its connection is cut.
    """

    def __init__(self, queue_limit: int, close_s: float = CLOSE_S) -> None:
        self._queue_limit = queue_limit
        self._close_s = close_s
        self._clients: set[Client] = set()
        self._selector = selectors.DefaultSelector()
        self._tasks: deque[Callable[[], None]] = deque()
        self._awake, self._alarm = socket.socketpair()
        self._awake.setblocking(False)
        self._alarm.setblocking(False)
        self._selector.register(self._awake, selectors.EVENT_READ, None)
        self._framing = FrameProtocol(client=False, extensions=[])
        self._framing_lock = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="websockets", daemon=True)
        self._thread.start()

    def attach(self, connection: socket.socket, greeting: bytes) -> None:
        """Take on a client. It gets the greeting (the handshake) and every message broadcast after this call."""
        self._do(partial(self._attach, Client(connection), greeting))

    def broadcast(self, message: str) -> None:
        """Send a message to every client; returns at once. Messages arrive in the order of the calls."""
        with self._framing_lock:
            frame = bytes(self._framing.send_data(message))
            self._do(partial(self._broadcast, frame))

    def close(self) -> None:
        """Close all connections (1001) and end; takes as long as clients take to answer, at most ``close_s``."""
        self._do(self._stop)
        self._thread.join(self._close_s + 1)

    def _do(self, task: Callable[[], None]) -> None:
        self._tasks.append(task)
        # It blocks when it is full of alarms that the thread hasn't heard yet: one more would say nothing new.
        with suppress(BlockingIOError):
            self._alarm.send(b"\0")

    def _run(self) -> None:
        while not self._stopping or self._clients:
            for key, mask in self._selector.select(self._pause_s()):
                if key.data is None:
                    self._awake.recv(RECEIVE_BYTES)
                else:
                    self._guarded(partial(self._serve, mask=mask), key.data)
            while self._tasks:
                self._tasks.popleft()()
            now = time.monotonic()
            for client in [c for c in self._clients if c.deadline is not None and c.deadline <= now]:
                self._drop(client)
        self._selector.close()

    def _pause_s(self) -> float | None:
        deadlines = [client.deadline for client in self._clients if client.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _guarded(self, step: Callable[[Client], None], client: Client) -> None:
        """Do something with one client; whatever goes wrong costs that client only."""
        try:
            step(client)
        except (OSError, ProtocolError):
            self._drop(client)
        except Exception:
            log.exception("a WebSocket client was dropped for an error of ours")
            self._drop(client)

    def _attach(self, client: Client, greeting: bytes) -> None:
        self._clients.add(client)
        metrics.WEBSOCKETS.inc()
        self._selector.register(client.socket, selectors.EVENT_READ, client)
        self._guarded(partial(self._send, data=greeting), client)
        if self._stopping:
            self._guarded(self._go_away, client)

    def _broadcast(self, frame: bytes) -> None:
        listening = [client for client in self._clients if client.deadline is None]
        metrics.EVENTS.inc()
        for client in listening:
            self._guarded(partial(self._send_or_refuse, data=frame), client)
        metrics.DELIVERIES.inc(sum(client.deadline is None and client in self._clients for client in listening))

    def _stop(self) -> None:
        self._stopping = True
        for client in list(self._clients):
            if client.deadline is None:
                self._guarded(self._go_away, client)

    def _go_away(self, client: Client) -> None:
        self._bid_farewell(client, CloseReason.GOING_AWAY, "the service stops")

    def _send_or_refuse(self, client: Client, data: bytes) -> None:
        if len(client.waiting) < self._queue_limit:
            self._send(client, data)
            return
        while len(client.waiting) > client.begun:
            client.waiting.pop()
        metrics.SLOW.inc()
        self._bid_farewell(client, CloseReason.TRY_AGAIN_LATER, "too slow")

    def _bid_farewell(self, client: Client, code: CloseReason, reason: str) -> None:
        client.deadline = time.monotonic() + self._close_s
        self._send(client, client.protocol.send(CloseConnection(code, reason)))

    def _send(self, client: Client, data: bytes) -> None:
        client.waiting.append(data)
        if len(client.waiting) == 1:
            self._flush(client)
            self._watch(client)

    def _flush(self, client: Client) -> None:
        try:
            while client.waiting:
                data = client.waiting[0]
                sent = client.socket.send(data)
                if sent < len(data):
                    client.waiting[0] = data[sent:]
                    client.begun = True
                    break
                client.waiting.popleft()
                client.begun = False
        except BlockingIOError:
            pass

    def _watch(self, client: Client) -> None:
        """Hear of it when the client takes bytes again, as long as some wait for it."""
        if client.watched != bool(client.waiting):
            client.watched = not client.watched
            mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.watched else 0)
            self._selector.modify(client.socket, mask, client)

    def _serve(self, client: Client, mask: int) -> None:
        if mask & selectors.EVENT_READ:
            self._receive(client)
        if mask & selectors.EVENT_WRITE and client in self._clients:
            self._flush(client)
            self._watch(client)
        if client.ended and not client.waiting:
            self._drop(client)

    def _receive(self, client: Client) -> None:
        data = client.socket.recv(RECEIVE_BYTES)
        if not data:
            self._drop(client)
            return
        if client.ended:
            return
        client.protocol.receive_data(data)
        for event in client.protocol.events():
            if isinstance(event, Ping) and client.deadline is None:
                self._send_or_refuse(client, client.protocol.send(event.response()))
            elif isinstance(event, CloseConnection):
                client.ended = True
                if client.deadline is None:
                    client.deadline = time.monotonic() + self._close_s
                    self._send(client, client.protocol.send(event.response()))
                break

    def _drop(self, client: Client) -> None:
        if client in self._clients:
            self._clients.discard(client)
            metrics.WEBSOCKETS.dec()
            self._selector.unregister(client.socket)
            client.socket.close()
