"""The hostile target: healthy pages, a path for each case, and connections that turn hostile when the load begins."""

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping

from tests.field.hostile.case import Case
from tests.field.hostile.tls_identity import server_context
from tests.field.hostile.wire import whole
from tests.servers import Handler, answering, read_request

_HEALTHY: Mapping[str, Handler] = {
    "/healthz": answering(whole(b"{}")),
    "/version": answering(whole(b'{"version": "1.2.3"}')),
    "/metrics": answering(whole(b"# TYPE requests_total counter\nrequests_total 1\n")),
}
_FINE = answering(whole(b'{"good": true}', "Content-Type: application/json"))
"""What every path responds that no case has."""


class HostileTarget:
    """A target of several cases by path, or of one that has it for itself."""

    def __init__(self, cases: Mapping[str, Case]) -> None:
        self._cases = cases
        alone = next(iter(cases.values())) if len(cases) == 1 else None
        self._pages = {**_HEALTHY, **(alone.pages if alone else {})}
        self._on_connection = alone.on_connection if alone else None
        self._tls = server_context() if alone and alone.tls else None
        self._load_begins = False

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection until one of both sides ends it."""
        if self._on_connection is not None and self._load_begins:
            self._on_connection(connection)
            return
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        with connection:
            while request := read_request(connection):
                path = request.split(b" ", 2)[1].split(b"?")[0].decode("latin-1")
                case = self._cases.get(path.removeprefix("/"))
                handle = self._pages.get(path) or (case.respond if case else None) or _FINE
                if not handle(connection, request):
                    return
                # The metrics are read right before the load.
                self._load_begins |= path == "/metrics"


@contextlib.contextmanager
def hostile_target(cases: Mapping[str, Case]) -> Iterator[str]:
    """Serve cases on a free port of 127.0.0.1; yields the URL."""
    target = HostileTarget(cases)

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError, ssl.SSLError, ValueError):
                target.serve(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        allow_reuse_address = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Connection) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        scheme = "https" if target._tls is not None else "http"
        try:
            yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
