"""Lightweight WebSocket clients that only record when data arrives, and decode it afterwards.

The load engine offers no compression, and its measurements include its own work. Compared with it, these clients show
the server's share.
"""

import asyncio
import zlib
from time import perf_counter
from typing import cast
from urllib.parse import urlsplit

from loadtasks.engine.net.target import Target

PATH = "/api/v1/events"
MAX_ONE_BYTE_LENGTH = 125
COMPRESSED, TEXT, PING = 0xC1, 0x81, 0x89
OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
CREATED = b"HTTP/1.1 201 "


class Listener(asyncio.Protocol):
    """One lightweight client."""

    def __init__(self, target: Target, *, deflate: bool) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.arrivals: list[tuple[float, bytes]] = []
        """When data arrived, and the data."""
        self._request = (
            f"GET {PATH} HTTP/1.1\r\nHost: {urlsplit(target.url).netloc}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {target.token}\r\n{OFFER if deflate else ''}\r\n"
        ).encode()
        self._response = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Request the upgrade."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Record the data and when it arrived."""
        if self.opened.done():
            self.arrivals.append((perf_counter(), data))
            if data[0] == PING:
                # A pong, masked by zeros.
                self._transport.write(bytes([0x8A, 0x80 | data[1], 0, 0, 0, 0]) + data[2 : 2 + data[1]])
            return
        self._response += data
        if self._response.endswith(b"\r\n\r\n"):
            status = self._response.partition(b"\r\n")[0].decode()
            if "101" in status:
                self.opened.set_result(None)
            else:
                self.opened.set_exception(SystemExit(f"a listener got the response {status}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail if the connection is lost during the handshake."""
        if not self.opened.done():
            self.opened.set_exception(SystemExit("a listener's connection was closed during the handshake"))

    def messages(self) -> list[tuple[float, str]]:
        """The messages, with the times at which they arrived."""
        found = []
        buffer = b""
        for at, data in self.arrivals:
            buffer += data
            while (length := _whole(buffer)) is not None:
                header = 2 if length <= MAX_ONE_BYTE_LENGTH else 4
                kind, payload, buffer = buffer[0], buffer[header : header + length], buffer[header + length :]
                if kind == COMPRESSED:
                    payload = _inflated(payload)
                if kind in (COMPRESSED, TEXT):
                    found.append((at, payload.decode()))
        return found

    def close(self) -> None:
        """Cut the connection."""
        self._transport.abort()


def _inflated(payload: bytes) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(payload + b"\0\0\xff\xff")


def _whole(buffer: bytes) -> int | None:
    """The length of the first frame's payload; None while it is incomplete. The server's frames are below 64 KiB."""
    if len(buffer) < 2:  # noqa: PLR2004 - a header's minimum length
        return None
    length = buffer[1] if buffer[1] <= MAX_ONE_BYTE_LENGTH else int.from_bytes(buffer[2:4], "big")
    header = 2 if buffer[1] <= MAX_ONE_BYTE_LENGTH else 4
    return length if len(buffer) >= header + length else None


class Publisher(asyncio.Protocol):
    """Starts sessions, which publishes events."""

    def __init__(self, target: Target) -> None:
        self._head = (
            f"POST /api/v1/optimization/sessions HTTP/1.1\r\nHost: {urlsplit(target.url).netloc}\r\n"
            f"Authorization: Bearer {target.token}\r\nContent-Type: application/json\r\n"
        )
        self.problem = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Check that the session was started."""
        if data.startswith(b"HTTP/1.1 ") and not data.startswith(CREATED):
            self.problem = data.partition(b"\r\n")[0].decode()

    def publish(self) -> float:
        """Start a session.

        Returns:
            When the request was sent.
        """
        body = b'{"model":"resnet-50","technique":"quantization"}'
        self._transport.write(f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return perf_counter()

    def close(self) -> None:
        """Cut the connection."""
        self._transport.abort()


async def deliveries(target: Target, *, clients: int, events: int, rate: float, deflate: bool) -> list[float]:
    """Open clients, publish events, and measure the deliveries.

    Returns:
        The time of every delivery in seconds.

    Raises:
        SystemExit: A request was refused, or an event was missed or came twice.
    """
    loop = asyncio.get_running_loop()
    address = urlsplit(target.url)
    listeners = []
    for _ in range(clients):
        _, listener = await loop.create_connection(
            lambda: Listener(target, deflate=deflate), address.hostname, address.port
        )
        await listener.opened
        listeners.append(listener)
    _, publisher = await loop.create_connection(lambda: Publisher(target), address.hostname, address.port)
    began, sent_at = loop.time(), []
    for number in range(events):
        await asyncio.sleep(began + number / rate - loop.time())
        sent_at.append(publisher.publish())
    await asyncio.sleep(2)
    if publisher.problem:
        raise SystemExit(f"a session was not started: {publisher.problem}")
    found = []
    first = listeners[0].messages()
    for listener in listeners:
        received = listener.messages()
        if [text for _, text in received] != [text for _, text in first] or len(received) != events:
            raise SystemExit(f"a listener received {len(received)} of {events} events, or other ones than the first")
        found += [at - sent for (at, _), sent in zip(received, sent_at, strict=True)]
        listener.close()
    publisher.close()
    return found
