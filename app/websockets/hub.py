"""The thread that serves the WebSockets of all clients.

A connection is taken from gunicorn after the request for it was checked, so that an open WebSocket holds no thread of
its own. The thread writes without ever waiting for a client: what a socket doesn't take at once waits in that client's
own queue. One message is framed once for all of them.
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
from app.websockets.client import Client, Opening
from app.websockets.connection_limit import Seats
from app.websockets.deadlines import Agenda
from app.websockets.frames import PING, READY, Message
from app.websockets.token_checker import LATE, NO_TOKEN, UNCHECKED, Check, Doorman, Refusal, token_of

ALARM_BYTES = 4096
# Heartbeats begin at such distances, in parts of the interval, that they stay apart however many clients come at once.
GOLDEN_RATIO = 0.618034
UNANSWERED_MAX = 2
SAID_BYTES_MAX = 65536

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What is asked of clients.

    Attributes:
        queue: Messages that may wait for one client; one more and it is closed as too slow (1013).
        heartbeat_s: Seconds between two pings of one client; one that leaves two of them unanswered is cut.
        token_s: Seconds that a client has to tell its token in.
        close_s: Seconds that a client has to take and answer a close; after that its connection is cut.
        clients: WebSockets there may be.
        pending: How many of them may not have told their token yet.
    """

    queue: int = 256
    heartbeat_s: float = 30.0
    token_s: float = 5.0
    close_s: float = 2.0
    clients: int = 10_000
    pending: int = 256


class Hub:
    """Serves all WebSocket clients in one thread of its own.

    Args:
        check: Tells what a token allows, None for nothing; called in a thread of its own.
        limits: What is asked of clients.

    Attributes:
        seats: How many clients there may be; who attaches one takes a seat for it before.
    """

    def __init__(self, check: Check, limits: Limits) -> None:
        self.seats = Seats(limits.clients, limits.pending)
        self._limits = limits
        self._clients: set[Client] = set()
        self._listening: set[Client] = set()
        self._agenda = Agenda()
        self._attached = 0
        self._doorman = Doorman(check)
        self._selector = selectors.DefaultSelector()
        self._tasks: deque[Callable[[], None]] = deque()
        self._awake, self._alarm = socket.socketpair()
        self._awake.setblocking(False)
        self._alarm.setblocking(False)
        self._selector.register(self._awake, selectors.EVENT_READ, None)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="websockets", daemon=True)
        self._thread.start()

    def attach(self, opening: Opening) -> None:
        """Take on a client.

        One whose token was checked gets every message broadcast after this call; another one those after the message
        that says it is ready.
        """
        self._do(partial(self._attach, opening))

    def broadcast(self, message: str) -> None:
        """Send a message to every client; returns at once. Messages arrive in the order of the calls."""
        self._do(partial(self._broadcast, message))

    def close(self) -> None:
        """Close all connections (1001) and end; takes as long as clients take to answer, at most ``close_s``."""
        self._do(self._stop)
        self._thread.join(self._limits.close_s + 1)
        self._doorman.close()

    def _do(self, task: Callable[[], None]) -> None:
        self._tasks.append(task)
        # It blocks when it is full of alarms that the thread hasn't heard yet: one more would say nothing new.
        with suppress(BlockingIOError):
            self._alarm.send(b"\0")

    def _run(self) -> None:
        while not self._stopping or self._clients:
            for key, mask in self._selector.select(self._agenda.pause_s()):
                if key.data is None:
                    self._awake.recv(ALARM_BYTES)
                else:
                    self._guarded(self._serve, key.data, mask)
            # Not those that come meanwhile: clients are to be heard in between.
            for _ in range(len(self._tasks)):
                self._perform(self._tasks.popleft())
            for client in self._agenda.due():
                self._guarded(self._attend, client)
        self._selector.close()

    def _perform(self, task: Callable[[], None]) -> None:
        """Do what another thread asked for; whatever goes wrong, the thread goes on."""
        try:
            task()
        except Exception:
            log.exception("something that the WebSockets were to do went wrong")

    def _guarded(self, step: Callable[..., None], client: Client, *arguments: object) -> None:
        """Do something with one client; whatever goes wrong costs that client only."""
        try:
            step(client, *arguments)
        except Exception as error:
            self._fail(client, error)

    def _fail(self, client: Client, error: Exception) -> None:
        if not isinstance(error, OSError | ProtocolError):
            log.error("a WebSocket client was dropped for an error of ours", exc_info=error)
        self._drop(client)

    def _attach(self, opening: Opening) -> None:
        pending = not opening.token
        try:
            client = Client(opening, self._selector)
        except OSError:
            opening.connection.close()
            self.seats.give_back(pending=pending)
            return
        self._clients.add(client)
        if pending:
            self._agenda.put(client, time.monotonic() + self._limits.token_s)
        else:
            self._admit(client)
        self._guarded(Client.send, client, opening.greeting)
        if self._stopping:
            self._guarded(self._go_away, client)

    def _admit(self, client: Client) -> None:
        self._listening.add(client)
        self._attached += 1
        first_s = self._limits.heartbeat_s * (self._attached * GOLDEN_RATIO % 1)
        self._agenda.put(client, time.monotonic() + first_s)

    def _broadcast(self, text: str) -> None:
        message = Message(text)
        told = deflated = 0
        for client in list(self._listening):
            try:
                if client.deflates:
                    deflated += 1
                    self._tell(client, message.deflated)
                else:
                    self._tell(client, message.plain)
            except Exception as error:
                self._fail(client, error)
            told += client in self._listening
        metrics.EVENTS.inc()
        metrics.DELIVERIES.inc(told)
        metrics.DEFLATED.inc(deflated)

    def _tell(self, client: Client, data: bytes) -> None:
        """Send something that one may be too slow for."""
        if len(client.waiting) < self._limits.queue:
            client.send(data)
            return
        client.forget()
        metrics.SLOW.inc()
        self._bid_farewell(client, CloseReason.TRY_AGAIN_LATER, "too slow")

    def _attend(self, client: Client) -> None:
        """Do what is due: the end of a close that takes too long, a token that is late, or a heartbeat."""
        if client.closing:
            self._drop(client)
        elif client.pending:
            # Whoever told it waits for our check, however long that takes.
            if not client.checking:
                self._bid_farewell(client, *LATE)
        elif client.unanswered >= UNANSWERED_MAX:
            metrics.SILENT.inc()
            self._drop(client)
        else:
            client.unanswered += 1
            client.said = 0
            self._agenda.put(client, time.monotonic() + self._limits.heartbeat_s)
            self._tell(client, PING)
            self._have_checked(client)

    def _have_checked(self, client: Client) -> None:
        if not client.checking:
            client.checking = True
            self._doorman.ask(client.token, lambda refusal: self._do(partial(self._judge, client, refusal)))

    def _judge(self, client: Client, refusal: Refusal | None) -> None:
        """Take what the doorman says of a client."""
        client.checking = False
        if client.closing or client.dropped:
            return
        if refusal is None:
            if client.pending:
                client.pending = False
                self.seats.confirm()
                self._admit(client)
                self._guarded(Client.send, client, READY)
        elif client.pending or refusal is not UNCHECKED:
            self._guarded(self._bid_farewell, client, *refusal)

    def _stop(self) -> None:
        self._stopping = True
        for client in list(self._clients):
            if not client.closing:
                self._guarded(self._go_away, client)

    def _go_away(self, client: Client) -> None:
        self._bid_farewell(client, CloseReason.GOING_AWAY, "the service stops")

    def _bid_farewell(self, client: Client, code: int, reason: str | None) -> None:
        self._listening.discard(client)
        self._agenda.put(client, time.monotonic() + self._limits.close_s)
        client.farewell(code, reason)

    def _serve(self, client: Client, mask: int) -> None:
        if client.dropped:
            return
        if mask & selectors.EVENT_READ:
            for event in client.receive():
                self._take(client, event)
        if mask & selectors.EVENT_WRITE:
            client.flush()
        if client.parted:
            self._drop(client)
        elif client.said > SAID_BYTES_MAX and not client.closing:
            self._bid_farewell(client, CloseReason.POLICY_VIOLATION, "too much was said")

    def _take(self, client: Client, event: Event) -> None:
        if isinstance(event, CloseConnection):
            client.ended = True
            if not client.closing:
                too_big = event.code is CloseReason.MESSAGE_TOO_BIG
                self._bid_farewell(client, event.code, "the message is too large" if too_big else event.reason)
        elif client.closing:
            return
        elif isinstance(event, Ping):
            self._tell(client, client.frame(event.response()))
        elif isinstance(event, TextMessage | BytesMessage) and client.pending and not client.checking:
            client.token = token_of(event.data) if isinstance(event, TextMessage) else ""
            if client.token:
                self._have_checked(client)
            else:
                self._bid_farewell(client, *NO_TOKEN)

    def _drop(self, client: Client) -> None:
        if not client.dropped:
            self._clients.discard(client)
            self._listening.discard(client)
            self._agenda.remove(client)
            self.seats.give_back(pending=client.pending)
            client.drop()
