"""Servers that tests start themselves on a free port: scripted sockets, and the API under gunicorn."""

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Handler = Callable[[socket.socket, bytes], bool]
"""Given the connection and one whole request, answers as it likes; True keeps the connection for the next."""


def ok(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def read_request(connection: socket.socket) -> bytes:
    """One request off a socket, head and body as sent; empty when the client has gone."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@dataclass
class ScriptedServer:
    """A server that does just what its handler says, and keeps every request as it came."""

    port: int
    scheme: str = "http"
    host: str = "127.0.0.1"
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@contextlib.contextmanager
def scripted(
    handler: Handler, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[ScriptedServer]:
    """Run a scripted server on a free port of a loopback address, over TLS where a context is given."""

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            known.connections += 1
            with contextlib.suppress(OSError), _encrypted(self.request, tls) as connection:
                while request := read_request(connection):
                    known.requests.append(request)
                    if not handler(connection, request):
                        return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True
        request_queue_size = 128
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    with Server((host, 0), Connection) as server:
        known = ScriptedServer(server.server_address[1], "http" if tls is None else "https", host)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield known
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def _encrypted(connection: socket.socket, tls: ssl.SSLContext | None) -> Iterator[socket.socket]:
    if tls is None:
        yield connection
    else:
        with tls.wrap_socket(connection, server_side=True) as encrypted:
            yield encrypted


def answering(data: bytes, *, keep: bool = True) -> Handler:
    """A handler that answers every request with the same bytes."""

    def handle(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(data)
        return keep

    return handle


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
