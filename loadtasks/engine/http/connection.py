"""One HTTP/1.1 connection of the load engine: a request at a time, never pipelined.

States:

    CONNECTING ──connection_made──► IDLE ──send──► WAITING ──first byte──► READING
                                     ▲                                        │
                                     └─── response complete, kept alive ──────┘
    any ──connection lost, malformed response, `abort`, or a response that ends the connection──► CLOSED

Each exchange ends with one call of `on_response`; where it failed, its `failure` says why. The clock stops when the
last byte of the body arrives, before anything is parsed or checked.
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from time import perf_counter
from typing import cast

import httptools

from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.response_heads import KnownHeads
from loadtasks.engine.net.connector import ConnectError, Connector
from loadtasks.engine.recording.failure import RequestFailure
from loadtasks.measurement.errors import ErrorCode

MAX_BODY = 64 * 1024 * 1024
"""Bytes of a response's body; a larger one is a failure."""
_SWITCHING_PROTOCOLS = 101
_OK = 200
_BODILESS = (204, 304)


class ConnectionState(Enum):
    """The state of a connection, which changes as the module's docstring shows."""

    CONNECTING = "connecting"
    IDLE = "idle"
    WAITING = "waiting"
    READING = "reading"
    CLOSED = "closed"


class _UnexpectedBytesError(Exception):
    """Bytes arrived that belong to no request."""


class HttpConnection(asyncio.Protocol):
    """A keep-alive connection."""

    def __init__(self, on_response: Callable[[Exchange], None]) -> None:
        self.state = ConnectionState.CONNECTING
        self.exchange: Exchange | None = None
        """The exchange under way, or the last one."""
        self._on_response = on_response
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._kept_headers: frozenset[bytes] = frozenset()
        self._heads = KnownHeads()
        self._headers_complete = False
        self._whole = False
        self._keep_alive = False

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return self.state in (ConnectionState.WAITING, ConnectionState.READING)

    def waited_s(self, now: float) -> float:
        """Seconds that the request under way has waited for its complete response; 0 when none is under way."""
        return now - self.exchange.sent if self.busy and self.exchange is not None else 0.0

    async def connect(self, connector: Connector) -> float:
        """Connect to the connector's target. Returns the seconds that it took.

        Raises:
            ConnectError: as `Connector.connect`, and where the target closed the connection at once.
        """
        seconds = await connector.connect(self)
        if self.state is not ConnectionState.IDLE:
            raise ConnectError(ErrorCode.CUT, "the connection was closed as soon as it was established")
        return seconds

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
        self.state = ConnectionState.WAITING
        exchange.sent = perf_counter()
        self._transport.write(exchange.data)

    def abort(self, code: ErrorCode, text: str) -> None:
        """End the connection at once; a request under way fails, for this reason."""
        if self._transport is not None:
            self._transport.abort()
        self._fail(code, text, perf_counter())

    def close(self) -> None:
        """Close the connection without calling `on_response`."""
        self.state = ConnectionState.CLOSED
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is established, TLS included."""
        self._transport = cast(asyncio.Transport, transport)
        self.state = ConnectionState.IDLE

    def data_received(self, data: bytes) -> None:
        """Bytes arrived."""
        now = perf_counter()
        exchange = self.exchange
        if exchange is None or not self.busy:
            self.close()  # bytes that no request is for: what follows them could not be distinguished
            return
        exchange.end = now
        if self.state is ConnectionState.READING:
            self._parse(data, exchange)
            return
        exchange.first_byte = now
        head = self._heads.find(data)
        if head is None:
            self.state = ConnectionState.READING
            self._parse(data, exchange, first=True)
        else:
            exchange.take(head, data)
            self._end_exchange(exchange, keep_alive=True)

    def _parse(self, data: bytes, exchange: Exchange, *, first: bool = False) -> None:
        unexpected = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.abort(ErrorCode.MALFORMED, "the response switches protocols, which the request did not ask for")
            return
        except httptools.HttpParserError as error:
            if not self._whole:
                self.abort(ErrorCode.MALFORMED, f"not an HTTP/1.1 response: {error}; it begins {data[:2000]!r}")
                return
            unexpected = True
        if self._whole and exchange.encoded.request.method == "HEAD" and not data.endswith(b"\n"):
            unexpected = True  # a head ends its last line; the parser may have begun with a chunk's size
        if exchange.body_size > MAX_BODY:
            self.abort(ErrorCode.TOO_LARGE, f"the body is larger than {MAX_BODY >> 20} MiB")
        elif self._whole:
            keep_alive = not unexpected and self._kept_alive(exchange)
            if first and keep_alive and exchange.checker.status_problem(exchange.status) is None:
                self._heads.learn(data, exchange.status, exchange.headers, exchange.body_size)
            self._end_exchange(exchange, keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        exchange = self.exchange
        if exchange is None or not self.busy:
            self.state = ConnectionState.CLOSED
        elif exc is None and self._headers_complete and _ends_with_connection(exchange):
            self._end_exchange(exchange, keep_alive=False)
        else:
            when = f"after {exchange.body_size} bytes of the body" if self._headers_complete else "before a response"
            self._fail(
                ErrorCode.CUT, f"the connection was closed {when}" + (f" ({exc})" if exc else ""), perf_counter()
            )

    # What httptools calls while it parses. What one of these raises ends the feed with an HttpParserError.

    def on_message_begin(self) -> None:
        """A response begins. After a complete one it belongs to no request, and must not be taken for this one's."""
        if self._whole:
            raise _UnexpectedBytesError

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; repeated ones are joined (RFC 9110, section 5.3)."""
        lower = name.lower()
        if lower not in self._kept_headers:
            return
        assert self.exchange is not None  # noqa: S101 - the parser is fed only during an exchange
        headers = self.exchange.headers
        key, text = lower.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text

    def on_headers_complete(self) -> None:
        """The head of the response is complete."""
        assert self.exchange is not None  # noqa: S101 - the parser is fed only during an exchange
        self.exchange.status = status = self._parser.get_status_code()
        # The response to a HEAD request ends here, whatever its Content-Length; the parser doesn't know that.
        final = status >= _OK
        if final and self.exchange.checker.status_problem(status) is not None:
            self.exchange.keeps_body = True  # it may say what went wrong
        self._headers_complete = final
        self._whole = final and self.exchange.encoded.request.method == "HEAD"

    def on_body(self, body: bytes) -> None:
        """A piece of the body; bytes after the response to a HEAD request are not part of one."""
        assert self.exchange is not None  # noqa: S101 - the parser is fed only during an exchange
        if self._whole:
            raise _UnexpectedBytesError
        self.exchange.body_size += len(body)
        if self.exchange.keeps_body and self.exchange.body_size <= MAX_BODY:
            self.exchange.body_parts.append(body)

    def on_chunk_header(self) -> None:
        """A chunk's size is known; after the response to a HEAD request there is none."""
        if self._whole:
            raise _UnexpectedBytesError

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
            self.state = ConnectionState.IDLE
        else:
            self.close()
        self._on_response(exchange)

    def _fail(self, code: ErrorCode, text: str, now: float) -> None:
        was_busy, self.state = self.busy, ConnectionState.CLOSED
        if was_busy and self.exchange is not None:
            self.exchange.end = now
            self.exchange.failure = RequestFailure(code, text)
            self._on_response(self.exchange)


def _ends_with_connection(exchange: Exchange) -> bool:
    """Whether the body is delimited by the connection's end (RFC 9112, section 6.3)."""
    if exchange.status in _BODILESS:
        return False
    headers = exchange.headers
    return "content-length" not in headers and "chunked" not in headers.get("transfer-encoding", "").lower()
