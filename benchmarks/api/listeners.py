"""WebSocket clients that do as little as clients can: they note when messages come, and read them afterwards.

The load engine offers no compression, and times itself along; beside it these tell what is the server's.
"""

import asyncio
import zlib
from time import perf_counter
from typing import cast
from urllib.parse import urlsplit

from loadtasks.engine.net.target import Target

PATH = "/api/v1/events"
MOST_IN_ONE_BYTE = 125
COMPRESSED, TEXT, PING = 0xC1, 0x81, 0x89
OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
CREATED = b"HTTP/1.1 201 "


class Listener(asyncio.Protocol):
    """One client."""

    def __init__(self, target: Target, *, deflate: bool) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.arrivals: list[tuple[float, bytes]] = []
        """When data came, and what."""
        self._request = (
            f"GET {PATH} HTTP/1.1\r\nHost: {urlsplit(target.url).netloc}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {target.token}\r\n{OFFER if deflate else ''}\r\n"
        ).encode()
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note what came."""
        if self.opened.done():
            self.arrivals.append((perf_counter(), data))
            if data[0] == PING:
                # Masked by zeros.
                self._transport.write(bytes([0x8A, 0x80 | data[1], 0, 0, 0, 0]) + data[2 : 2 + data[1]])
            return
        self._answer += data
        if self._answer.endswith(b"\r\n\r\n"):
            status = self._answer.partition(b"\r\n")[0].decode()
            if "101" in status:
                self.opened.set_result(None)
            else:
                self.opened.set_exception(SystemExit(f"a listener was answered {status}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """It ended."""
        if not self.opened.done():
            self.opened.set_exception(SystemExit("a listener was hung up on"))

    def messages(self) -> list[tuple[float, str]]:
        """The messages, each with the time when it was there."""
        found = []
        buffer = b""
        for at, data in self.arrivals:
            buffer += data
            while (length := _whole(buffer)) is not None:
                header = 2 if length <= MOST_IN_ONE_BYTE else 4
                kind, payload, buffer = buffer[0], buffer[header : header + length], buffer[header + length :]
                if kind == COMPRESSED:
                    payload = _inflated(payload)
                if kind in (COMPRESSED, TEXT):
                    found.append((at, payload.decode()))
        return found

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()


def _inflated(payload: bytes) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(payload + b"\0\0\xff\xff")


def _whole(buffer: bytes) -> int | None:
    """The length of the first frame's payload, None as long as it isn't there; the server's are below 64 KiB."""
    if len(buffer) < 2:  # noqa: PLR2004 - a header's least length
        return None
    length = buffer[1] if buffer[1] <= MOST_IN_ONE_BYTE else int.from_bytes(buffer[2:4], "big")
    header = 2 if buffer[1] <= MOST_IN_ONE_BYTE else 4
    return length if len(buffer) >= header + length else None


class Publisher(asyncio.Protocol):
    """Starts sessions, one after the other."""

    def __init__(self, target: Target) -> None:
        self._head = (
            f"POST /api/v1/optimization/sessions HTTP/1.1\r\nHost: {urlsplit(target.url).netloc}\r\n"
            f"Authorization: Bearer {target.token}\r\nContent-Type: application/json\r\n"
        )
        self.problem = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """See that it was started."""
        if data.startswith(b"HTTP/1.1 ") and not data.startswith(CREATED):
            self.problem = data.partition(b"\r\n")[0].decode()

    def publish(self) -> float:
        """Start one; gives the time at which the request left."""
        body = b'{"model":"resnet-50","technique":"quantization"}'
        self._transport.write(f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return perf_counter()

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()


async def deliveries(target: Target, *, clients: int, events: int, rate: float, deflate: bool) -> list[float]:
    """Open clients, publish, and tell how long each delivery took, in seconds.

    Raises:
        SystemExit: something was refused, missed, or came twice.
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
    began, left = loop.time(), []
    for number in range(events):
        await asyncio.sleep(began + number / rate - loop.time())
        left.append(publisher.publish())
    await asyncio.sleep(2)
    if publisher.problem:
        raise SystemExit(f"a session was not started: {publisher.problem}")
    found = []
    first = listeners[0].messages()
    for listener in listeners:
        heard = listener.messages()
        if [text for _, text in heard] != [text for _, text in first] or len(heard) != events:
            raise SystemExit(f"a listener heard {len(heard)} of {events} events, or others than the first did")
        found += [at - sent for (at, _), sent in zip(heard, left, strict=True)]
        listener.close()
    publisher.close()
    return found
