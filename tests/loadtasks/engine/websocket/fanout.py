"""A bare WebSocket server: whoever upgrades is a listener, and every POST is an event that all of them get.

It does as little as a server can, so that what is measured over it is little more than the generator's own doing. In a
test it runs in a thread, and the test says what each listener gets; run as a program it is a process of its own.
"""

import asyncio
import base64
import contextlib
import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import uvloop

from tests.servers import ok

ROOT = Path(__file__).parents[4]
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MAX_IN_TWO_BYTES = 65536
CLOSE, PING, PONG = 8, 9, 10


def frame(payload: bytes, *, opcode: int = 1, fin: bool = True, rsv: int = 0) -> bytes:
    """A server's frame (RFC 6455, section 5.2)."""
    length = len(payload)
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if length < 126:
        head += bytes([length])
    elif length < MAX_IN_TWO_BYTES:
        head += b"\x7e" + length.to_bytes(2, "big")
    else:
        head += b"\x7f" + length.to_bytes(8, "big")
    return head + payload


def close_frame(code: int, reason: str = "") -> bytes:
    return frame(code.to_bytes(2, "big") + reason.encode(), opcode=CLOSE)


def event_frame(event: int) -> bytes:
    return frame(b'{"type":"created","thing":{"id":%d},"text":"%s"}' % (event, b"x" * 300))


def everyone_gets_everything(event: int, listener: int) -> bytes:
    return event_frame(event)


def created(event: int) -> bytes:
    return ok(b'{"id": %d}' % event, status="201 Created")


def accept(key: bytes) -> bytes:
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


def client_frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Short whole frames as clients send them, masked."""
    while data:
        opcode, length, mask = data[0] & 0xF, data[1] & 0x7F, data[2:6]
        yield opcode, bytes(byte ^ mask[n % 4] for n, byte in enumerate(data[6 : 6 + length]))
        data = data[6 + length :]


class Fanout:
    """How the server behaves, and what it saw."""

    def __init__(self) -> None:
        self.gets: Callable[[int, int], bytes] = everyone_gets_everything
        """What a listener is sent for an event, both numbered from 1; the bytes as they are."""
        self.greeting = b""
        """What each listener is sent at once with the response to its upgrade."""
        self.upgrades_after_s: Callable[[int], float] = lambda listener: 0.0
        """From the request to the response."""
        self.responses_close = True
        self.fans_out_after_s = 0.0
        """From the publishing request to its event."""
        self.responses_after_s: Callable[[int], float] = lambda event: 0.0
        """By event, seconds from its publishing to the response."""
        self.responses: Callable[[int], bytes] = created
        """By event, the response to its publishing."""
        self.listeners: dict[int, Connection] = {}
        """Those that are connected, by number, from 1 in the order of their upgrades."""
        self.requested = 0
        """Requests for an upgrade."""
        self.upgrades = 0
        self.published = 0
        self.said: list[tuple[int, bytes]] = []
        """Frames that listeners sent, each an opcode and what it carried."""
        self.most_opening = 0
        """Connections that were accepted and had no upgrade yet, at their most."""
        self.opening = 0


class Connection(asyncio.Protocol):
    def __init__(self, server: Fanout) -> None:
        self.server = server
        self.received = b""
        self.number = 0
        """As a listener."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.server.opening += 1
        self.server.most_opening = max(self.server.most_opening, self.server.opening)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.number:
            self.listen()
            return
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return
        headers = {
            name.lower(): value for name, _, value in (line.partition(b": ") for line in head.split(b"\r\n")[1:])
        }
        if b"sec-websocket-key" in headers:
            key = headers[b"sec-websocket-key"]
            self.server.requested += 1
            after_s = self.server.upgrades_after_s(self.server.requested)
            asyncio.get_running_loop().call_later(after_s, self.upgrade, key)
        elif len(body) >= int(headers.get(b"content-length", b"0")):
            self.received = b""
            asyncio.get_running_loop().call_later(self.server.fans_out_after_s, self.publish)

    def upgrade(self, key: bytes) -> None:
        self.server.opening -= 1
        self.server.upgrades += 1
        self.number, self.received = self.server.upgrades, b""
        self.server.listeners[self.number] = self
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept(key) + b"\r\n\r\n" + self.server.greeting
        )

    def listen(self) -> None:
        for opcode, payload in client_frames(self.received):
            self.server.said.append((opcode, payload))
            if opcode == CLOSE and self.server.responses_close:
                self.transport.write(frame(payload, opcode=CLOSE))
                self.transport.close()
        self.received = b""

    def publish(self) -> None:
        self.server.published += 1
        event = self.server.published
        for number, listener in list(self.server.listeners.items()):
            if data := self.server.gets(event, number):
                listener.transport.write(data)
        asyncio.get_running_loop().call_later(self.server.responses_after_s(event), self.respond, event)

    def respond(self, event: int) -> None:
        self.transport.write(self.server.responses(event))

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.opening -= not self.number
        self.server.listeners.pop(self.number, None)


async def serve(server: Fanout, started: Callable[[int], None], stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: Connection(server), "127.0.0.1", 0, backlog=128) as listening:
        started(listening.sockets[0].getsockname()[1])
        await stop.wait()
        for listener in list(server.listeners.values()):
            listener.transport.abort()


@contextlib.contextmanager
def in_thread(server: Fanout) -> Iterator[str]:
    """Run it in a thread; gives its address."""
    ports: list[int] = []
    running, stop, loop = threading.Event(), asyncio.Event(), uvloop.new_event_loop()

    def started(port: int) -> None:
        ports.append(port)
        running.set()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(server, started, stop),))
    thread.start()
    running.wait()
    try:
        yield f"http://127.0.0.1:{ports[0]}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@contextlib.contextmanager
def in_process(*before: str) -> Iterator[str]:
    """Run it as a program, `before` in front of its command; gives its address."""
    command = [*before, sys.executable, "-m", "tests.loadtasks.engine.websocket.fanout"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


if __name__ == "__main__":
    uvloop.run(serve(Fanout(), lambda port: print(port, flush=True), asyncio.Event()))  # noqa: T201 - its address
