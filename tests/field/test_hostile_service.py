"""A service in which every endpoint is difficult in another way, exercised in one run: each verdict is right."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple

import pytest

from loadtasks.results.document import ScenarioResult, read_document
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.judgement import Verdict
from loadtasks.workspace import Workspace
from tests.servers import FaultyServer
from tests.thing import call
from tests.workspaces import own_workspace

SLOW_S, DEADLINE_S, OUTAGE_FROM_S, OUTAGE_S, LOAD_S = 1.0, 0.7, 0.8, 1.0, 3.0
WARM = 20
"""More requests than preflight and warm-up send."""
KEY = "k3y-of-this-test"
SCENARIOS = f"""
endpoint: service
scenarios:
  missing: {{load: {{workers: 2, requests: 10}}, request: {{path: /missing}}}}
  keyed: {{load: {{workers: 2, requests: 10}}, request: {{path: /keyed, headers: {{X-API-Key: {KEY}}}}}}}
  slow: {{load: {{workers: 1, requests: 2}}, warmup_requests: 0, request: {{path: /slow}}}}
  endless:
    load: {{workers: 1, requests: 2}}
    warmup_requests: 0
    timeout_s: {DEADLINE_S}
    request: {{path: /endless}}
  forbidden: {{load: {{workers: 2, requests: 10}}, request: {{path: /forbidden, checks: {{status: 403}}}}}}
  hasty: {{load: {{workers: 2, requests: 20}}, request: {{path: /hasty}}}}
  crashing: {{load: {{workers: 4, duration_s: {LOAD_S}}}, request: {{path: /crashing}}}}
"""
SUITE = json.dumps(
    {
        "name": "service",
        "expectations": [
            {
                "type": "expect_column_values_to_be_between",
                "kwargs": {"column": "success_rate", "min_value": 0.95},
                "severity": "critical",
            }
        ],
    }
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class HostileService(FaultyServer):
    """Responds by path. `/crashing` makes the whole service refuse connections for a while, once."""

    def __init__(self) -> None:
        super().__init__([])
        self._crashing_count = 0
        self._routes: dict[str, Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]] = {
            "/missing": self._missing,
            "/keyed": self._keyed,
            "/slow": self._slow,
            "/endless": self._endless,
            "/forbidden": self._forbidden,
            "/hasty": self._hasty,
            "/crashing": self._crashing,
        }
        self._writers: set[asyncio.StreamWriter] = set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                await self._routes.get(path, self._fine)(head, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass  # the client has gone, or the service is stopped
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _fine(self, _head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)

    async def _missing(self, _head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    async def _keyed(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        status = b"200 OK" if f"x-api-key: {KEY}".encode() in head.lower() else b"401 Unauthorized"
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status)

    async def _slow(self, _head: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(SLOW_S)
        writer.write(OK)

    async def _endless(self, _head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1\r\n.\r\n")
            await asyncio.sleep(0.02)

    async def _forbidden(self, _head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    async def _hasty(self, _head: bytes, writer: asyncio.StreamWriter) -> None:
        """Keep the connection as far as anybody can see, and close it."""
        writer.write(OK)
        await writer.drain()
        writer.close()

    async def _crashing(self, _head: bytes, writer: asyncio.StreamWriter) -> None:
        self._crashing_count += 1
        if self._crashing_count == WARM:
            self._loop.call_later(OUTAGE_FROM_S, self._crash)
        writer.write(OK)

    def _crash(self) -> None:
        self.refuse(OUTAGE_S)
        for writer in self._writers:
            writer.transport.abort()


@pytest.fixture(scope="module")
def service() -> Iterator[HostileService]:
    running = HostileService()
    yield running
    running.stop()


class HostileRun(NamedTuple):
    """One run against the service."""

    exit_code: int
    output: str
    scenarios: dict[str, ScenarioResult]
    workspace: Workspace


@pytest.fixture(scope="module")
def run(service: HostileService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileRun]:
    with pytest.MonkeyPatch.context() as patch:
        workspace = own_workspace(tmp_path_factory.mktemp("hostile"), patch, SCENARIOS, "{}")
        suite = workspace.expectations / "thing.json"
        suite.rename(suite.with_name("service.json")).write_text(SUITE)
        result = call("run", "--target", service.url)
        document = read_document(workspace.reports / "latest" / "results.json")
        by_name = {scenario.scenario: scenario for scenario in document.scenarios}
        yield HostileRun(result.exit_code, result.output, by_name, workspace)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("missing", Verdict.FAIL),
        ("keyed", Verdict.PASS),
        ("slow", Verdict.PASS),
        ("endless", Verdict.FAIL),
        ("forbidden", Verdict.PASS),
        ("hasty", Verdict.PASS),
        ("crashing", Verdict.FAIL),
    ],
)
def test_each_verdict_is_right(run: HostileRun, name: str, verdict: Verdict) -> None:
    assert run.scenarios[f"service.{name}"].verdict is verdict, run.output


def test_the_run_fails_and_is_reported_with_an_alert(run: HostileRun) -> None:
    assert run.exit_code == 1
    assert len(list((run.workspace.var / "outbox").glob("*.eml"))) == 1


def test_every_request_of_the_hasty_endpoint_succeeds_and_the_stale_connections_are_mentioned(run: HostileRun) -> None:
    scenario = run.scenarios["service.hasty"]
    (measurement,) = scenario.measurements
    assert measurement.success_rate == 1
    assert measurement.stale_connections > 0
    assert FindingCode.STALE_CONNECTIONS in {finding.code for finding in scenario.findings}


def test_the_outage_is_what_is_missed_though_nearly_all_requests_succeed(run: HostileRun) -> None:
    scenario = run.scenarios["service.crashing"]
    (measurement,) = scenario.measurements
    assert measurement.success_rate is not None
    assert measurement.success_rate > 0.95
    missed = [finding.metric for finding in scenario.findings if finding.code is FindingCode.TARGET_MISSED]
    assert missed == ["availability"]
