"""A target that sends given Server-Timing headers in turn."""

import itertools
import socket
import threading
from collections.abc import Sequence

from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.load import ClosedLoad
from loadtasks.scenarios.model import HttpScenario, Request
from tests.servers import ok, scripted


def run_with_headers(headers: Sequence[str], requests: int, processes: int = 1) -> Measurement:
    """What a small load measures of it; nothing is sent to warm up."""
    turns, lock = itertools.cycle(headers), threading.Lock()

    def handle(connection: socket.socket, request: bytes) -> bool:
        with lock:
            header = next(turns)
        connection.sendall(ok(b"{}", f"Server-Timing: {header}"))
        return True

    scenario = HttpScenario(
        name="thing.test",
        endpoint="thing",
        requests=(Request(path="/thing"),),
        load=ClosedLoad(workers=2, requests=requests),
        warmup_requests=0,
    )
    with scripted(handle) as server:
        return run_scenario(scenario, Target(server.url), processes=processes)[0]
