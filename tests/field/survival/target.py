"""The API under test: quick and healthy, but for requests with the token `sick`, some of which fail their check."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers import ok, scripted
from tests.workspaces import PROJECT

SICK = "sick-token"
"""The token of the disturbed runs: the scenario `thing.second` misses its target, so that there is something to tell
people, and an exit code other than 0 to keep."""
_DELAY_S = 0.005
SCENARIOS = """
endpoint: thing
scenarios:
  first: {load: {workers: 2, duration_s: 0.3}, warmup_requests: 0, request: {path: /first}}
  second:
    load: {workers: 2, duration_s: 0.3}
    warmup_requests: 0
    request: {path: /second, checks: {json: {good: {equals: true}}}}
  third: {load: {rate: 100, duration_s: 0.3}, warmup_requests: 0, request: {path: /third}}
"""
NAMES = ("thing.first", "thing.second", "thing.third")
SUITE = """
{"name": "thing", "expectations": [
  {"type": "expect_column_values_to_be_between", "kwargs": {"column": "p95_s", "max_value": 5}}
]}
"""


@contextmanager
def target() -> Iterator[str]:
    """The API, in a process of its own on a free port, so that nobody else's work delays it. Yields its URL."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def _respond(connection: socket.socket, request: bytes) -> bool:
    time.sleep(_DELAY_S)
    bad = request.startswith(b"GET /second") and SICK.encode() in request
    connection.sendall(ok(b'{"good": false}' if bad else b'{"good": true}'))
    return True


if __name__ == "__main__":
    with scripted(_respond) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stdin.read()  # until whoever started it ends
