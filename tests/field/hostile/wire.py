"""Bytes that hostile servers send, and how."""

import contextlib
import socket
import struct
import time
from collections.abc import Iterable, Iterator

from tests.servers import Handler

MIB = 1024 * 1024
_DRIP_S = 0.05
_PIECE = 256 * 1024


def head(*lines: str, status: str = "200 OK") -> bytes:
    """The head of a response with these header lines."""
    return "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *lines, "")).encode("latin-1")


def whole(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    """A whole response."""
    return head(f"Content-Length: {len(body)}", *lines, status=status) + body


def sending(data: bytes, *, keep: bool = True) -> Handler:
    """A handler that sends the same bytes each time, and then takes the next request or closes the connection."""

    def handle(connection: socket.socket, _request: bytes) -> bool:
        connection.sendall(data)
        return keep

    return handle


def stalling(data: bytes) -> Handler:
    """A handler that sends the same bytes each time, and then nothing more for ever."""

    def handle(connection: socket.socket, _request: bytes) -> bool:
        connection.sendall(data)
        return wait_for_end(connection)

    return handle


def dripping(first: bytes, drops: bytes) -> Handler:
    """A handler that sends something, and then a byte of the drops every 50 ms, over and over."""

    def handle(connection: socket.socket, _request: bytes) -> bool:
        connection.sendall(first)
        while True:
            for drop in drops:
                connection.sendall(bytes((drop,)))
                time.sleep(_DRIP_S)

    return handle


def flooding(first: bytes, piece: bytes) -> Handler:
    """A handler that sends something, and then a piece over and over, as fast as it is taken, until the client goes."""
    block = piece * max(1, _PIECE // len(piece))

    def handle(connection: socket.socket, _request: bytes) -> bool:
        connection.sendall(first)
        while True:
            connection.sendall(block)

    return handle


def sending_all(pieces: Iterable[bytes]) -> Handler:
    """A handler that sends pieces one after the other; they are iterated over for each request."""

    def handle(connection: socket.socket, _request: bytes) -> bool:
        for piece in pieces:
            connection.sendall(piece)
        return True

    return handle


class Repeated:
    """A first piece, one that is repeated up to a number of bytes, and a last one; never whole in memory."""

    def __init__(self, first: bytes, piece: bytes, size: int, last: bytes = b"") -> None:
        self._first, self._piece, self._last = first, piece * max(1, _PIECE // len(piece)), last
        self._size = size

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        left = self._size
        while left > 0:
            yield self._piece[:left]
            left -= len(self._piece)
        yield self._last


def wait_for_end(connection: socket.socket) -> bool:
    """Read until the client closes its side."""
    while connection.recv(65536):
        pass
    return False


def reset(connection: socket.socket) -> bool:
    """End a connection with a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        connection.close()
    return False
