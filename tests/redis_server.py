"""A real Redis, started for the tests on a free port; it keeps nothing on disk."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis, RedisError

_PATIENCE_S = 30


class RedisServer:
    """A server that tests may stop and start again; its port stays."""

    def __init__(self, command: str) -> None:
        self._command = command
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        # The server ends with the tests, also when they are killed and clean up nothing.
        command = ["setpriv", "--pdeathsig=KILL", self._command, *options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                with Redis.from_url(self.url) as client:
                    client.ping()
            except RedisError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail("Redis did not start")
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Stop it at once, as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(_PATIENCE_S)
            self._process = None

    def client(self) -> "Redis":
        """A client of its own for a test that looks into it."""
        return Redis.from_url(self.url)


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """A running, empty server; without one here the test is skipped, or fails in CI."""
    command = shutil.which("redis-server")
    if command is None:
        reason = "no Redis server here (Debian: apt-get install redis-server)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    server = RedisServer(command)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A running, empty server."""
    with running_redis() as server:
        yield server
