"""The server's side of WebSockets, as wrong as somebody wants it."""

import base64
import hashlib
import re
import socket
from collections.abc import Callable

from tests.field.hostile.wire import head, wait_for_end
from tests.servers import Handler

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(rb"sec-websocket-key: *(\S+)", re.IGNORECASE)


def accept(request: bytes, *lines: str) -> bytes:
    """The response that accepts an upgrade, with more header lines."""
    found = _KEY.search(request)
    key = base64.b64encode(hashlib.sha1((found[1] if found else b"") + _GUID).digest()).decode()
    return head("Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {key}", *lines, status="101 Up")


def frame(
    payload: bytes = b"", opcode: int = TEXT, *, fin: bool = True, reserved: int = 0, length: int | None = None
) -> bytes:
    """A frame without mask; `length`: what it says of its length instead of the truth."""
    return frame_head(len(payload) if length is None else length, opcode, fin=fin, reserved=reserved) + payload


def frame_head(length: int, opcode: int = TEXT, *, fin: bool = True, reserved: int = 0) -> bytes:
    """The beginning of a frame without mask."""
    first = bytes((fin << 7 | reserved << 4 | opcode,))
    if length < 126:
        return first + bytes((length,))
    if length < 1 << 16:
        return first + b"\x7e" + length.to_bytes(2, "big")
    return first + b"\x7f" + length.to_bytes(8, "big")


def opened(then: Callable[[socket.socket], object]) -> Handler:
    """A handler that accepts the upgrade, does something, and then waits until the client goes."""

    def handle(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(accept(request))
        then(connection)
        return wait_for_end(connection)

    return handle


def saying(data: bytes) -> Handler:
    """A handler that accepts the upgrade and sends these bytes with it."""

    def handle(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(accept(request) + data)
        return wait_for_end(connection)

    return handle
