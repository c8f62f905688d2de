"""Real HTTP receivers of notifications for tests, which keep what they get, or refuse it."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme


@dataclass
class NotifyReceiver:
    """What a webhook, a chat or a pager is sent to."""

    port: int = 0
    status: int = 200
    """What it responds."""
    requests: list[tuple[str, Any]] = field(default_factory=list)
    """Path and JSON of each request that it took."""

    @property
    def url(self) -> str:
        """As a webhook of Apprise, whose last part is a token."""
        return f"json://127.0.0.1:{self.port}/t0ken-of-the-hook"


@contextmanager
def notify_receiver(*, encrypted: bool = False) -> Iterator[NotifyReceiver]:
    """A receiver on a free port; encrypted with a certificate that nobody knows."""
    receiver = NotifyReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if receiver.status < 300:
                receiver.requests.append((self.path, json.loads(content)))
            self.send_response(receiver.status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_port
    if encrypted:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    serving.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
