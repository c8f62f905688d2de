"""The thread that serves the WebSockets of all clients.

A connection is taken from gunicorn after its request was checked, so an open WebSocket needs no thread of its own. The
hub's thread never blocks on a client: what a socket doesn't take at once is queued for that client. A message is framed
once for all clients.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import ProtocolError

from app.observability import metrics
from app.websockets.client import AcceptedConnection, WebSocketClient
from app.websockets.connection_slots import ConnectionSlots
from app.websockets.deadlines import Deadlines
from app.websockets.messages import PING, READY, OutboundMessage
from app.websockets.token_checker import LATE, NO_TOKEN, UNVERIFIED, Refusal, TokenChecker, Verify, token_from

WAKE_UP_BYTES = 4096
# First heartbeats are spread over the interval by multiples of the golden ratio, which stay apart for any number of
# clients (Knuth, The Art of Computer Programming, volume 3, section 6.4).
GOLDEN_RATIO = 0.618034
MAX_UNANSWERED_PINGS = 2
MAX_RECEIVED_BYTES = 65536

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WebSocketLimits:
    """Limits for WebSocket clients."""

    queue: int = 256
    """Messages that may be queued for one client; one more, and it is closed as too slow (1013)."""
    heartbeat_s: float = 30.0
    """Seconds between two pings of a client; a client that leaves two of them unanswered is cut."""
    token_s: float = 5.0
    """Seconds within which a client has to send its token."""
    close_s: float = 2.0
    """Seconds within which a client has to answer a close frame; then its connection is cut."""
    clients: int = 10_000
    """WebSockets that may be open."""
    pending: int = 256
    """How many of them may be without a token."""


class WebSocketHub:
    """Serves all WebSocket clients in a thread of its own.

    Args:
        verify: Returns what a token permits, None when it is invalid; called in another thread of the hub.
        limits: Limits for clients.
    """

    def __init__(self, verify: Verify, limits: WebSocketLimits) -> None:
        self.slots = ConnectionSlots(limits.clients, limits.pending)
        """The slots of open WebSockets; callers acquire one before they attach a connection."""
        self._limits = limits
        self._clients: set[WebSocketClient] = set()
        self._subscribers: set[WebSocketClient] = set()
        self._deadlines = Deadlines()
        self._subscribed_count = 0
        self._token_checker = TokenChecker(verify)
        self._selector = selectors.DefaultSelector()
        self._tasks: deque[Callable[[], None]] = deque()
        self._wake_up_reader, self._wake_up_writer = socket.socketpair()
        self._wake_up_reader.setblocking(False)
        self._wake_up_writer.setblocking(False)
        self._selector.register(self._wake_up_reader, selectors.EVENT_READ, None)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="websockets", daemon=True)
        self._thread.start()

    def attach(self, accepted: AcceptedConnection) -> None:
        """Serve a new client.

        A client whose token was verified gets every message broadcast after this call, another one those after its
        ready message.
        """
        self._submit(partial(self._attach, accepted))

    def broadcast(self, message: str) -> None:
        """Send a message to every client, without waiting. Messages arrive in the order of the calls."""
        self._submit(partial(self._broadcast, message))

    def close(self) -> None:
        """Close all connections (1001) and end; this waits for clients' close frames, at most `close_s`."""
        self._submit(self._stop)
        self._thread.join(self._limits.close_s + 1)
        self._token_checker.close()

    def _submit(self, task: Callable[[], None]) -> None:
        """Have the hub's thread run a task."""
        self._tasks.append(task)
        # The socket is full only of wake-ups that the thread hasn't read yet, so another one isn't needed.
        with suppress(BlockingIOError):
            self._wake_up_writer.send(b"\0")

    def _run(self) -> None:
        while not self._stopping or self._clients:
            for key, mask in self._selector.select(self._deadlines.remaining_s()):
                if key.data is None:
                    self._wake_up_reader.recv(WAKE_UP_BYTES)
                else:
                    self._guarded(self._serve, key.data, mask)
            # Not the tasks that arrive meanwhile: clients are read in between.
            for _ in range(len(self._tasks)):
                self._run_task(self._tasks.popleft())
            for client in self._deadlines.take_due():
                self._guarded(self._handle_deadline, client)
        self._selector.close()

    def _run_task(self, task: Callable[[], None]) -> None:
        """Run another thread's task; an error in it doesn't end the hub's thread."""
        try:
            task()
        except Exception:
            log.exception("a task of the WebSocket hub failed unexpectedly")

    def _guarded(self, step: Callable[..., None], client: WebSocketClient, *arguments: object) -> None:
        """Run a step for one client; an error in it drops that client only."""
        try:
            step(client, *arguments)
        except Exception as error:
            self._handle_error(client, error)

    def _handle_error(self, client: WebSocketClient, error: Exception) -> None:
        if not isinstance(error, OSError | ProtocolError):
            log.error("a WebSocket client was dropped after an unexpected error", exc_info=error)
        self._drop(client)

    def _attach(self, accepted: AcceptedConnection) -> None:
        pending = not accepted.token
        try:
            client = WebSocketClient(accepted, self._selector)
        except OSError:
            accepted.connection.close()
            self.slots.release(pending=pending)
            return
        self._clients.add(client)
        if pending:
            self._deadlines.set(client, time.monotonic() + self._limits.token_s)
        else:
            self._subscribe(client)
        self._guarded(WebSocketClient.send, client, accepted.handshake_response)
        if self._stopping:
            self._guarded(self._close_going_away, client)

    def _subscribe(self, client: WebSocketClient) -> None:
        self._subscribers.add(client)
        self._subscribed_count += 1
        first_s = self._limits.heartbeat_s * (self._subscribed_count * GOLDEN_RATIO % 1)
        self._deadlines.set(client, time.monotonic() + first_s)

    def _broadcast(self, text: str) -> None:
        message = OutboundMessage(text)
        delivered = deflated = 0
        for client in list(self._subscribers):
            try:
                if client.deflates:
                    deflated += 1
                    self._send(client, message.deflated)
                else:
                    self._send(client, message.plain)
            except Exception as error:
                self._handle_error(client, error)
            delivered += client in self._subscribers
        metrics.EVENTS.inc()
        metrics.DELIVERIES.inc(delivered)
        metrics.DEFLATED.inc(deflated)

    def _send(self, client: WebSocketClient, data: bytes) -> None:
        """Send or queue a message; a client whose queue is full is closed as too slow."""
        if len(client.queue) < self._limits.queue:
            client.send(data)
            return
        client.clear_queue()
        metrics.SLOW.inc()
        self._close_client(client, CloseReason.TRY_AGAIN_LATER, "too slow")

    def _handle_deadline(self, client: WebSocketClient) -> None:
        """Cut a client whose close took too long, close one whose token is late, or send a heartbeat."""
        if client.closing:
            self._drop(client)
        elif client.pending:
            # A client that sent its token isn't late, however long our check takes.
            if not client.checking:
                self._close_client(client, *LATE)
        elif client.unanswered_pings >= MAX_UNANSWERED_PINGS:
            metrics.SILENT.inc()
            self._drop(client)
        else:
            client.unanswered_pings += 1
            client.received_bytes = 0
            self._deadlines.set(client, time.monotonic() + self._limits.heartbeat_s)
            self._send(client, PING)
            self._check_token(client)

    def _check_token(self, client: WebSocketClient) -> None:
        if not client.checking:
            client.checking = True
            self._token_checker.check(
                client.token, lambda refusal: self._submit(partial(self._apply_check, client, refusal))
            )

    def _apply_check(self, client: WebSocketClient, refusal: Refusal | None) -> None:
        """Subscribe or close a client after the check of its token."""
        client.checking = False
        if client.closing or client.dropped:
            return
        if refusal is None:
            if client.pending:
                client.pending = False
                self.slots.authenticated()
                self._subscribe(client)
                self._guarded(WebSocketClient.send, client, READY)
        elif client.pending or refusal is not UNVERIFIED:
            self._guarded(self._close_client, client, *refusal)

    def _stop(self) -> None:
        self._stopping = True
        for client in list(self._clients):
            if not client.closing:
                self._guarded(self._close_going_away, client)

    def _close_going_away(self, client: WebSocketClient) -> None:
        self._close_client(client, CloseReason.GOING_AWAY, "the service stops")

    def _close_client(self, client: WebSocketClient, code: int, reason: str | None) -> None:
        self._subscribers.discard(client)
        self._deadlines.set(client, time.monotonic() + self._limits.close_s)
        client.begin_close(code, reason)

    def _serve(self, client: WebSocketClient, mask: int) -> None:
        """Read from and write to a client whose socket is ready."""
        if client.dropped:
            return
        if mask & selectors.EVENT_READ:
            for event in client.receive():
                self._handle_event(client, event)
        if mask & selectors.EVENT_WRITE:
            client.flush()
        if client.closed:
            self._drop(client)
        elif client.received_bytes > MAX_RECEIVED_BYTES and not client.closing:
            self._close_client(client, CloseReason.POLICY_VIOLATION, "too much data between two heartbeats")

    def _handle_event(self, client: WebSocketClient, event: Event) -> None:
        if isinstance(event, CloseConnection):
            client.ended = True
            if not client.closing:
                too_big = event.code is CloseReason.MESSAGE_TOO_BIG
                self._close_client(client, event.code, "the message is too large" if too_big else event.reason)
        elif client.closing:
            return
        elif isinstance(event, Ping):
            self._send(client, client.frame(event.response()))
        elif isinstance(event, TextMessage | BytesMessage) and client.pending and not client.checking:
            client.token = token_from(event.data) if isinstance(event, TextMessage) else ""
            if client.token:
                self._check_token(client)
            else:
                self._close_client(client, *NO_TOKEN)

    def _drop(self, client: WebSocketClient) -> None:
        if not client.dropped:
            self._clients.discard(client)
            self._subscribers.discard(client)
            self._deadlines.remove(client)
            self.slots.release(pending=client.pending)
            client.drop()
