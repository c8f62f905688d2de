"""One HTTP/1.1 connection of the load engine: a request at a time, never pipelined.

States:

    CONNECTING ──connection_made──► IDLE ──send──► WAITING ──first byte──► READING
                                     ▲              │  ▲                      │
                                     │        stale │  │ connected anew       │
                                     │              ▼  │                      │
                                     │            RESENDING                   │
                                     └─── response complete, kept alive ──────┘
    any ──connection lost, malformed response, `abort`, or a response that ends the connection──► CLOSED

A connection is stale that was idle and is lost before a byte of the response: where the request may be sent twice, it
is sent once more over a fresh one, which this object then stands for (`stale`). Its clock runs on from the first
sending.

Each exchange ends with one call of `on_response`; where it failed, its `failure` says why. Where `on_response` itself
fails on a response it is called once more, with that as the `failure`, unless the exchange was recorded by then. The
clock stops when the last byte of the body arrives, before anything is parsed or checked.
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from time import perf_counter
from typing import cast

import httptools

from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.obs_fold import Unfolding, may_be_folded
from loadtasks.engine.http.response_body import MAX_CHECKED, MAX_QUOTED
from loadtasks.engine.http.response_framing import (
    MAX_BODY,
    MAX_HEAD,
    RefusedBytesError,
    add_header,
    ends_with_connection,
    own_mistake,
)
from loadtasks.engine.http.response_heads import KnownHeads
from loadtasks.engine.http.stale import NOT_SENT_AGAIN, IdleWatch, is_closed_by_peer
from loadtasks.engine.internal_errors import internal_failure, start, surface
from loadtasks.engine.net.connector import ConnectError, Connector
from loadtasks.engine.net.turns import LARGE_READ, take_turns
from loadtasks.engine.recording.failure import RequestFailure
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.errors import ErrorCode

_INTERIM, _SWITCHING_PROTOCOLS, _OK = 100, 101, 200


class ConnectionState(Enum):
    """The state of a connection, which changes as the module's docstring shows."""

    CONNECTING = "connecting"
    IDLE = "idle"
    WAITING = "waiting"
    RESENDING = "resending"
    READING = "reading"
    CLOSED = "closed"


_RECEIVING = (ConnectionState.WAITING, ConnectionState.READING)
_BUSY = (*_RECEIVING, ConnectionState.RESENDING)


class HttpConnection(asyncio.Protocol):
    """A keep-alive connection."""

    def __init__(
        self, connector: Connector, on_response: Callable[[Exchange], None], recorder: Callable[[], Recorder]
    ) -> None:
        """Prepare to connect.

        Args:
            connector: opens the connection, and a fresh one in place of a stale one.
            on_response: called with each exchange that has ended.
            recorder: gives the recorder to which times to connect and stale connections go at that time.
        """
        self.state = ConnectionState.CONNECTING
        self.exchange: Exchange | None = None
        """The exchange under way, or the last one."""
        self._connector = connector
        self._on_response = on_response
        self._recorder = recorder
        self._transport: asyncio.Transport | None = None
        self._was_idle = False
        self._idle_watch: IdleWatch | None = None
        self._resending: asyncio.Task[None] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._unfolding = Unfolding()
        self._kept_headers: frozenset[bytes] = frozenset()
        self._heads = KnownHeads()
        self._headers_complete = False
        self._whole = False
        self._keep_alive = False
        self._max_body = self._max_kept = MAX_BODY
        self._unframed = 0
        """Bytes since the response began, or since the last piece of its body."""

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return self.state in _BUSY

    def waited_s(self, now: float) -> float:
        """Seconds that the request under way has waited for its complete response; 0 when none is under way."""
        return now - self.exchange.sent if self.busy and self.exchange is not None else 0.0

    async def connect(self) -> None:
        """Connect to the connector's target, and record the time that it took.

        Raises:
            ConnectError: as `Connector.connect`, and where the target closed the connection at once.
        """
        connected = await self._connector.connect(self)
        if self.state is ConnectionState.CLOSED or self._transport is None or self._transport.is_closing():
            raise ConnectError(ErrorCode.CUT, "the connection was closed as soon as it was established")
        self._recorder().phase("connect", connected.seconds)

    def stay_idle(self) -> None:
        """Wait for a request: the target may close it meanwhile, also if it has not served one yet."""
        self._was_idle = True

    def can_send(self, exchange: Exchange) -> bool:
        """Whether the connection is idle, and nothing shows that the target has closed it.

        For a request that may not be sent again this looks at the socket: its end may have arrived and not be read yet.
        """
        if self.state is not ConnectionState.IDLE or self._transport is None or self._transport.is_closing():
            return False
        if exchange.encoded.may_be_sent_again or not self._was_idle:
            return True
        if self._idle_watch is None:
            self._idle_watch = IdleWatch(self._transport)
        return self._idle_watch.is_quiet()

    def send(self, exchange: Exchange) -> None:
        """Write a request.

        Raises:
            RuntimeError: the connection is not idle.
        """
        if self._transport is None or self.state is not ConnectionState.IDLE:
            raise RuntimeError(f"a connection that is {self.state.value} can't send")
        self.exchange = exchange
        self._kept_headers, self._heads = exchange.checker.kept_headers, exchange.checker.heads
        self._headers_complete = self._whole = False
        self._unframed = 0
        self.state = ConnectionState.WAITING
        exchange.sent = perf_counter()
        self._transport.write(exchange.data)

    def abort(self, code: ErrorCode, text: str) -> None:
        """End the connection at once; a request under way fails, for this reason."""
        self._drop_transport()
        self._fail(RequestFailure(code, text), perf_counter())

    def close(self) -> None:
        """Close the connection without calling `on_response`."""
        self.state = ConnectionState.CLOSED
        self._drop_transport()

    def _drop_transport(self) -> None:
        if self._resending is not None:
            self._resending.cancel()
            self._resending = None
        if self._transport is not None:
            self._transport.abort()

    def _resend(self, exchange: Exchange) -> None:
        """Send the request under way once more, over a fresh connection."""
        self._recorder().connections.stale += 1
        self.state = ConnectionState.RESENDING
        self._transport, self._was_idle, self._idle_watch = None, False, None
        self._parser = httptools.HttpResponseParser(self)
        self._resending = start(self._connect_and_resend(exchange))

    async def _connect_and_resend(self, exchange: Exchange) -> None:
        try:
            await self.connect()
        except ConnectError as error:
            self._resending = None
            self.abort(error.code, str(error))
            return
        self._resending = None
        assert self._transport is not None  # noqa: S101 - it is connected
        self.state = ConnectionState.WAITING
        self._transport.write(exchange.data)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is established, TLS included."""
        self._transport = cast(asyncio.Transport, transport)
        if self.state is ConnectionState.CONNECTING:
            self.state = ConnectionState.IDLE
        elif self.state is ConnectionState.CLOSED:
            self._transport.abort()  # it was closed meanwhile

    def data_received(self, data: bytes) -> None:
        """Bytes arrived."""
        now = perf_counter()
        exchange = self.exchange
        if exchange is None or self.state not in _RECEIVING:
            self._refuse_unrequested()
            return
        exchange.end = now
        try:
            if self.state is ConnectionState.READING:
                if len(data) >= LARGE_READ and self._transport is not None:
                    take_turns(self._transport)
                self._parse(data, exchange)
                return
            exchange.first_byte = now
            head = self._heads.find(data)
            if head is None:
                self.state = ConnectionState.READING
                self._parse(data, exchange, first=True)
                return
            exchange.take(head, data)
        except Exception as error:
            self._drop_transport()
            self._fail(internal_failure(error), now)
            return
        self._end_exchange(exchange, keep_alive=True)

    def eof_received(self) -> None:
        """The target has closed the connection: an idle one is not used again."""
        if self.state is ConnectionState.IDLE:
            self.state = ConnectionState.CLOSED

    def _refuse_unrequested(self) -> None:
        """Bytes arrived that no request is for: the connection ends, since what follows could not be distinguished."""
        if self.state is not ConnectionState.RESENDING:
            self.close()
        elif self._transport is not None:
            self._transport.abort()  # `connect` finds it closed

    def _feed(self, data: bytes) -> None:
        while data and not self._headers_complete:
            head, data = self._unfolding.take(data)
            self._parser.feed_data(head)
        if data:
            self._parser.feed_data(data)

    def _parse(self, data: bytes, exchange: Exchange, *, first: bool = False) -> None:
        unexpected = False
        self._unframed += len(data)
        try:
            if first and not may_be_folded(data):
                self._parser.feed_data(data)
            else:
                self._feed(data)
        except httptools.HttpParserUpgrade:
            self.abort(ErrorCode.MALFORMED, "the response switches protocols, which the request did not ask for")
            return
        except httptools.HttpParserError as error:
            mistake = own_mistake(error)
            if mistake is not None:
                raise mistake from None
            if not self._whole:
                why = str(error.__context__ or "") or str(error)
                self.abort(ErrorCode.MALFORMED, f"not an HTTP/1.1 response: {why}; it begins {data[:2000]!r}")
                return
            unexpected = True
        if self._whole and exchange.encoded.request.method == "HEAD" and not data.endswith(b"\n"):
            unexpected = True  # a head ends its last line; the parser may have begun with a chunk's size
        too_large = self._too_large(exchange)
        if too_large:
            exchange.body_parts = []
            self.abort(ErrorCode.TOO_LARGE, too_large)
        elif self._whole:
            keep_alive = not unexpected and self._kept_alive(exchange)
            if first and keep_alive and exchange.checker.status_problem(exchange.status) is None:
                self._heads.learn(data, exchange.status, exchange.headers, exchange.body_size)
            self._end_exchange(exchange, keep_alive)

    def _too_large(self, exchange: Exchange) -> str:
        """What of the response is too large, as a clause; empty where nothing is."""
        if exchange.body_size > self._max_body:
            of_checks = ", the most that checks read" if self._max_body < MAX_BODY else ""
            return f"the body is larger than {self._max_body >> 20} MiB{of_checks}"
        if not self._whole and self._unframed > MAX_HEAD:
            what = "what stands between the pieces of the body" if self._headers_complete else "the head"
            return f"{what} is larger than {MAX_HEAD >> 10} KiB"
        return ""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        exchange = self.exchange
        if exchange is None or not self.busy:
            self.state = ConnectionState.CLOSED
        elif self.state is ConnectionState.RESENDING:
            self._transport = None  # `connect` finds that it is gone
        elif self.state is ConnectionState.WAITING and self._was_idle and is_closed_by_peer(exc):
            if exchange.encoded.may_be_sent_again:
                self._resend(exchange)
            else:
                self._fail(RequestFailure(ErrorCode.STALE, NOT_SENT_AGAIN), perf_counter())
        elif exc is None and self._headers_complete and ends_with_connection(exchange.status, exchange.headers):
            self._end_exchange(exchange, keep_alive=False)
        else:
            when = f"after {exchange.body_size} bytes of the body" if self._headers_complete else "before a response"
            text = f"the connection was closed {when}" + (f" ({exc})" if exc else "")
            self._fail(RequestFailure(ErrorCode.CUT, text), perf_counter())

    # What httptools calls while it parses. What one of these raises ends the feed with an HttpParserError.

    def on_message_begin(self) -> None:
        """A response begins. After a complete one it belongs to no request, and must not be taken for this one's."""
        if self._whole:
            raise RefusedBytesError

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; repeated ones are joined (RFC 9110, section 5.3)."""
        lower = name.lower()
        if lower not in self._kept_headers:
            return
        assert self.exchange is not None  # noqa: S101 - the parser is fed only during an exchange
        add_header(self.exchange.headers, lower.decode("latin-1"), value)

    def on_headers_complete(self) -> None:
        """The head of the response is complete."""
        assert self.exchange is not None  # noqa: S101 - the parser is fed only during an exchange
        status = self._parser.get_status_code()
        if status < _INTERIM:
            raise RefusedBytesError(f"its status is {status}")
        self.exchange.status = status
        # The response to a HEAD request ends here, whatever its Content-Length; the parser doesn't know that.
        final = status >= _OK
        if final and self.exchange.checker.status_problem(status) is not None:
            self.exchange.keeps_body = True  # it may say what went wrong
            self._max_body, self._max_kept = MAX_BODY, 2 * MAX_QUOTED
        else:
            self._max_body = self._max_kept = MAX_CHECKED if self.exchange.keeps_body else MAX_BODY
        self._headers_complete = final
        self._whole = final and self.exchange.encoded.request.method == "HEAD"

    def on_body(self, body: bytes) -> None:
        """A piece of the body; bytes after the response to a HEAD request are not part of one."""
        assert self.exchange is not None  # noqa: S101 - the parser is fed only during an exchange
        if self._whole:
            raise RefusedBytesError
        if self.exchange.keeps_body and self.exchange.body_size < self._max_kept:
            self.exchange.body_parts.append(body)
        self.exchange.body_size += len(body)
        self._unframed = 0

    def on_chunk_header(self) -> None:
        """A chunk's size is known; after the response to a HEAD request there is none."""
        if self._whole:
            raise RefusedBytesError
        self._unframed = 0

    def on_message_complete(self) -> None:
        """A response is complete; an interim one (1xx) is followed by the final one."""
        assert self.exchange is not None  # noqa: S101 - the parser is fed only during an exchange
        if self.exchange.status >= _OK:
            self._whole = True
            self._keep_alive = bool(self._parser.should_keep_alive())  # the parser knows only until it is fed again
        elif self.exchange.status != _SWITCHING_PROTOCOLS:
            self.exchange.discard_interim()

    def _kept_alive(self, exchange: Exchange) -> bool:
        if exchange.encoded.request.method == "HEAD":
            persists = self._parser.get_http_version() != "1.0"
            self._parser = httptools.HttpResponseParser(self)  # the old one waits for a body
            connection = exchange.headers.get("connection", "").lower()
            return "close" not in connection if persists else "keep-alive" in connection
        return self._keep_alive

    def _end_exchange(self, exchange: Exchange, keep_alive: bool) -> None:
        if keep_alive:
            self.state, self._was_idle = ConnectionState.IDLE, True
        else:
            self.close()
        self._hand_over(exchange)

    def _fail(self, failure: RequestFailure, now: float) -> None:
        was_busy, self.state = self.busy, ConnectionState.CLOSED
        if was_busy and self.exchange is not None:
            self.exchange.end = now
            self.exchange.failure = failure
            self._hand_over(self.exchange)

    def _hand_over(self, exchange: Exchange) -> None:
        """Give an exchange that has ended to `on_response`: the one place where responses leave the connection."""
        try:
            self._on_response(exchange)
        except Exception as error:
            if exchange.recorded:
                surface(error)
                return
            exchange.failure = internal_failure(error)
            try:
                self._on_response(exchange)
            except Exception as again:
                surface(again)
