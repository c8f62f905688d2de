"""Servers that tests start themselves on a free port: scripted sockets, and the API under gunicorn."""

import asyncio
import contextlib
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

Handler = Callable[[socket.socket, bytes], bool]
"""Given the connection and one whole request, answers as it likes; True keeps the connection for the next."""


def ok(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    """A whole HTTP response."""
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
    handler: Handler, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> Iterator[ScriptedServer]:
    """Run a scripted server on a port (a free one) of a loopback address, over TLS where a context is given."""

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

    with Server((host, port), Connection) as server:
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


def dripping(head: bytes, drop: bytes) -> Handler:
    """A handler that sends something, then a drop again and again, and never ends; the client does."""

    def handle(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(head)
        while True:
            connection.sendall(drop)
            time.sleep(0.02)

    return handle


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Act = Callable[["FaultyServer", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What a faulty server does about one request. The connection stays for the next unless the act closes it."""


class FaultyServer:
    """A server that does something else about each request, by a script; on an event loop in a thread of its own.

    The n-th request that it reads, over whatever connection, gets the n-th act of the script, which begins again at its
    end. `done` has the numbers in the script of the acts begun, in order.
    """

    def __init__(self, script: Sequence[Act]) -> None:
        self.done: list[int] = []
        self.port = 0
        self._script = script
        self._loop = asyncio.new_event_loop()
        self._listener: socket.socket | None = None
        self._refusing: asyncio.TimerHandle | None = None
        self._taken: set[asyncio.Task[object]] = set()
        self._listen()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def refuse(self, seconds: float) -> None:
        """Refuse new connections for a while; to be called by an act."""
        if self._listener is not None:
            self._stop_listening()
            self._refusing = self._loop.call_later(seconds, self._listen)

    def stop(self) -> None:
        """Close everything."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # Not asyncio's own server: what it has accepted when it is closed, it neither serves nor closes.

    def _listen(self) -> None:
        self._listener = listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        listener.setblocking(False)
        self.port = int(listener.getsockname()[1])
        self._loop.add_reader(listener, self._accept, listener)

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            connection, _ = listener.accept()
            protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader(loop=self._loop), self._serve, self._loop)
            task = self._loop.create_task(self._loop.connect_accepted_socket(lambda: protocol, connection))
            self._taken.add(task)
            task.add_done_callback(self._taken.discard)

    async def _end(self) -> None:
        self._stop_listening()
        if self._refusing is not None:
            self._refusing.cancel()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                await reader.readuntil(b"\r\n\r\n")
                act = len(self.done) % len(self._script)
                self.done.append(act)
                await self._script[act](self, reader, writer)
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass  # the client has gone, or the server is stopped
        finally:
            writer.close()


@contextlib.contextmanager
def faulty(script: Sequence[Act]) -> Iterator[FaultyServer]:
    """Run a faulty server on a free port of 127.0.0.1, against clients whose requests have no bodies."""
    server = FaultyServer(script)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def hanging_up() -> Iterator[str]:
    """Run a server on a free port of 127.0.0.1 that closes every connection as soon as it stands; yields its URL."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):  # the listener is shut down
                while True:
                    listener.accept()[0].close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


class NoNetwork(asyncio.Transport):
    """A transport that writes nowhere; as with a real one, nothing arrives once it was aborted."""

    aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.aborted

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted
