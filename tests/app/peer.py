"""A WebSocket client that a test controls frame by frame."""

from __future__ import annotations

import socket
import zlib
from urllib.parse import urlsplit

from app.websockets.client import AcceptedConnection
from app.websockets.handshake import handshake_response
from app.websockets.hub import WebSocketHub
from tests.app.service import Service

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"
TAIL = b"\0\0\xff\xff"


def deflated(payload: bytes) -> bytes:
    """A message as RFC 7692, section 7.2.1 has it."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


class Peer:
    """One connection, after its handshake."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(10)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            assert byte, head
            head += byte
        self.head = head.decode()
        """The response to the handshake."""
        self.status = int(self.head.split()[1])

    @classmethod
    def open(cls, service: Service, *headers: str, token: str | None = None) -> Peer:
        """Connect to a service, with its token unless another or an empty one is given."""
        address = urlsplit(service.url)
        token = service.token if token is None else token
        lines = [
            "GET /api/v1/events HTTP/1.1", f"Host: {address.netloc}", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Version: 13", *headers,
            *([f"Authorization: Bearer {token}"] if token else []),
        ]  # fmt: skip
        connection = socket.create_connection((address.hostname, address.port))
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return cls(connection)

    @classmethod
    def attach(cls, hub: WebSocketHub, *, deflates: bool = False, token: str = "good") -> Peer:
        """Connect to a hub."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            ours = socket.create_connection(server.getsockname())
            theirs, _ = server.accept()
        assert hub.slots.acquire(pending=not token)
        hub.attach(AcceptedConnection(theirs, handshake_response("x", {}), deflates, token))
        return cls(ours)

    def send(self, opcode: int, payload: bytes = b"", *, fin: bool = True, compressed: bool = False) -> None:
        """Send one frame, masked by zeros."""
        head = bytes([fin << 7 | compressed << 6 | opcode])
        if len(payload) < 126:
            head += bytes([0x80 | len(payload)])
        elif len(payload) < 65536:
            head += b"\xfe" + len(payload).to_bytes(2, "big")
        else:
            head += b"\xff" + len(payload).to_bytes(8, "big")
        self.socket.sendall(head + bytes(4) + payload)

    def frame(self) -> tuple[int, bytes, bool]:
        """The next frame: its opcode, its payload (decompressed) and whether it was compressed.

        Raises:
            EOFError: The connection was closed.
        """
        first, length = self._take(2)
        if length > 125:
            length = int.from_bytes(self._take(2 if length == 126 else 8), "big")
        payload = self._take(length)
        if first & 0x40:
            payload = zlib.decompressobj(-zlib.MAX_WBITS).decompress(payload + TAIL)
        return first & 0xF, payload, bool(first & 0x40)

    def message(self) -> str:
        """The next text message; pings are answered."""
        while True:
            opcode, payload, _ = self.frame()
            if opcode == TEXT:
                return payload.decode()
            assert opcode == PING, (opcode, payload)
            self.send(PONG, payload)

    def end(self) -> tuple[int, str]:
        """Wait for the close: its code and reason; (0, "") when the connection is cut without one."""
        try:
            while True:
                opcode, payload, _ = self.frame()
                if opcode == CLOSE:
                    return int.from_bytes(payload[:2], "big"), payload[2:].decode()
        except (EOFError, ConnectionResetError):
            return 0, ""

    def close(self) -> None:
        self.socket.close()

    def _take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data
