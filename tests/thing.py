"""A scripted API with one endpoint, `thing`; its scenarios, its target, and the command line run against it."""

import json
import math
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from loadtasks.cli.main import cli
from loadtasks.workspace import Workspace
from tests.servers import ScriptedServer, ok, scripted
from tests.workspaces import own_workspace

SCENARIOS = """
endpoint: thing
request: {path: /thing, checks: {json: {good: {equals: true}}}}
scenarios:
  concurrent: {load: {workers: 2, requests: 20}}
  alone: {load: {workers: 1, requests: 5}, warmup_requests: 1}
"""
SUITE = {
    "name": "thing",
    "expectations": [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "p95_s", "max_value": 0.5, "strict_max": True},
        }
    ],
}


class ThingApi:
    """A target whose responses a test may change."""

    delay_s = 0.0
    status = "200 OK"
    things = 0
    """Requests for a thing that it counts, roughly, in its metrics."""
    dies_after: float = math.inf
    """How many requests for a thing it responds to; from then on it closes every connection."""

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        self.dies_after -= request.startswith(b"GET /thing")
        if self.dies_after < 0:
            return False
        if request.startswith(b"GET /version"):
            connection.sendall(ok(b'{"version": "1.2.3"}'))
        elif request.startswith(b"GET /metrics"):
            connection.sendall(ok(b"# TYPE things_total counter\nthings_total %d\n" % self.things))
        elif request.startswith(b"GET /thing"):
            self.things += 1
            time.sleep(self.delay_s)
            connection.sendall(ok(b'{"good": true}', status=self.status))
        else:
            connection.sendall(ok())
        return True


@pytest.fixture
def api() -> ThingApi:
    return ThingApi()


@pytest.fixture
def server(api: ThingApi) -> Iterator[ScriptedServer]:
    with scripted(api) as running:
        yield running


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    return own_workspace(tmp_path, monkeypatch, SCENARIOS, json.dumps(SUITE))


def call(*arguments: str) -> Result:
    """The command line with these arguments."""
    result = CliRunner().invoke(cli, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def check_refused(result: Result, code: int, *parts: str) -> None:
    """One sentence on stderr that names the parts, the exit code, and no traceback."""
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    sentence = result.stderr.strip()
    assert sentence.startswith("Error: ")
    assert "\n" not in sentence
    for part in parts:
        assert part in sentence
