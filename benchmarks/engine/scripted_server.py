"""An HTTP server whose latency is one of `scripts.SCRIPTS`; its argument is the script's name.

It prints its port, responds until SIGTERM, and prints as JSON how late its responses were. It has a core of its own and
never sleeps there, so that no timer and no wake-up delays a response that is due. Requests must arrive whole and one at
a time on a connection, as load generators send them.
"""

import gc
import heapq
import json
import signal
import sys
from select import EPOLLIN, epoll
from socket import IPPROTO_TCP, TCP_NODELAY, socket
from time import perf_counter

import numpy as np

from benchmarks.engine.scripts import SCRIPTS, Script

_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"
_BACKLOG = 1024


class ScriptedTarget:
    """Reads what arrives, and sends each response when the script says."""

    def __init__(self, script: Script) -> None:
        self.late_s: list[float] = []
        """How long after its scripted time each response was sent, in seconds."""
        self._script = script
        self._listener = socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(_BACKLOG)
        self._listener.setblocking(False)
        self._epoll = epoll()
        self._epoll.register(self._listener, EPOLLIN)
        self._connections: dict[int, socket] = {}
        self._due: list[tuple[float, int, socket]] = []
        self._received = 0
        self._first = 0.0
        self._ended = False

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = self._listener.getsockname()[1]
        return port

    def end(self) -> None:
        """Stop serving."""
        self._ended = True

    def serve(self) -> None:
        """Serve until `end`."""
        while not self._ended:
            for descriptor, _ in self._epoll.poll(0):
                connection = self._connections.get(descriptor)
                if connection is None:
                    self._accept()
                else:
                    self._read(connection, perf_counter())
            while self._due and self._due[0][0] <= perf_counter():
                self._respond(*heapq.heappop(self._due))

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)
        connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self._connections[connection.fileno()] = connection
        self._epoll.register(connection, EPOLLIN)

    def _read(self, connection: socket, arrival: float) -> None:
        try:
            request = connection.recv(65536)
        except ConnectionError:
            request = b""
        if not request:
            self._forget(connection)
            return
        if request.count(b"\r\n\r\n") != 1 or not request.endswith(b"\r\n\r\n"):
            raise ValueError(f"not one whole request without a body: {request!r}")
        if not self._received:
            self._first = arrival
        due = self._first + self._script.respond_at(self._received, arrival - self._first)
        heapq.heappush(self._due, (due, self._received, connection))
        self._received += 1

    def _respond(self, due: float, _number: int, connection: socket) -> None:
        try:
            connection.send(_RESPONSE)
        except OSError:
            return  # its client is gone; the connection is removed when it is read
        self.late_s.append(perf_counter() - due)

    def _forget(self, connection: socket) -> None:
        del self._connections[connection.fileno()]
        connection.close()


def main() -> None:
    """Serve, and print how late the responses were."""
    server = ScriptedTarget(SCRIPTS[sys.argv[1]])
    signal.signal(signal.SIGTERM, lambda *_: server.end())
    gc.disable()
    print(server.port, flush=True)
    server.serve()
    late = np.array(server.late_s or [0.0])
    print(json.dumps({"late_p50_s": np.quantile(late, 0.5), "late_p99_s": np.quantile(late, 0.99)}))


if __name__ == "__main__":
    main()
