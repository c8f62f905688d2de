"""Loads during an outage of their target, from the server to the report: none of them looks healthy."""

import asyncio
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from pathlib import Path

import pytest

from loadtasks.measurement.model import Measurement
from loadtasks.results.document import ScenarioResult, read_document
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.judgement import Verdict
from loadtasks.workspace import Workspace
from tests.servers import ok
from tests.thing import call
from tests.workspaces import own_workspace

STARTS_AFTER = 5
"""Requests for a path, before which its outage doesn't begin: more than are sent before the load."""
AFTER_S, LASTS_S = 0.4, 1.4
SCENARIOS = """
# Workers think a while, so that a busy machine doesn't saturate the generator: it would repeat the scenario.
endpoint: thing
scenarios:
  closed: {request: {path: /refuse/1}, warmup_requests: 0, load: {workers: 4, duration_s: 2, think_time_s: 0.01}}
  open: {request: {path: /refuse/2}, warmup_requests: 0, load: {rate: 100, duration_s: 2}}
  errors: {request: {path: /error}, warmup_requests: 0, load: {workers: 2, duration_s: 2, think_time_s: 0.01}}
  hanging:
    request: {path: /hang}
    timeout_s: 0.3
    warmup_requests: 0
    load: {workers: 4, duration_s: 2, think_time_s: 0.01}
  slow: {request: {path: /slow}, warmup_requests: 0, load: {workers: 2, duration_s: 2}}
  sparse: {request: {path: /fine}, warmup_requests: 0, load: {rate: 1, duration_s: 2}}
  thinking: {request: {path: /fine}, warmup_requests: 0, load: {workers: 2, duration_s: 2, think_time_s: 1.5}}
  mixed:
    parts:
      errors: {scenario: thing.errors}
      hanging: {scenario: thing.hanging}
      slow: {scenario: thing.slow}
      sparse: {scenario: thing.sparse}
      thinking: {scenario: thing.thinking}
"""
SUITE = """{"name": "thing", "expectations": [
  {"type": "expect_column_values_to_be_between", "kwargs": {"column": "success_rate", "min_value": 0.5}}]}"""


class InterruptedServer:
    """A server that stops to serve a path for a time, soon after its first requests, in the way that the path says."""

    def __init__(self) -> None:
        self.port = 0
        self._seen: Counter[str] = Counter()
        self._down: set[str] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self._listen())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, what: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _end(self) -> None:
        await self._close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _interrupt(self, path: str) -> None:
        await asyncio.sleep(AFTER_S)
        self._down.add(path)
        if path.startswith("/refuse"):
            await self._close()
        await asyncio.sleep(LASTS_S)
        self._down.discard(path)
        if path.startswith("/refuse"):
            await self._listen()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
                await self._respond(path, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _respond(self, path: str, writer: asyncio.StreamWriter) -> None:
        self._seen[path] += 1
        if self._seen[path] == STARTS_AFTER and path not in ("/fine", "/slow"):
            self._interruption = self._loop.create_task(self._interrupt(path))
        if path == "/slow":
            await asyncio.sleep(0.7)
        if path in self._down and path == "/hang":
            await asyncio.sleep(60)
        broken = path in self._down and path == "/error"
        writer.write(ok(status="500 Internal Server Error" if broken else "200 OK"))
        await writer.drain()


@pytest.fixture
def server() -> Iterator[InterruptedServer]:
    made = InterruptedServer()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    return own_workspace(tmp_path, monkeypatch, SCENARIOS, SUITE)


def codes(result: ScenarioResult, part: str = "") -> set[FindingCode]:
    return {finding.code for finding in result.findings if finding.part == part}


def missed(result: ScenarioResult, part: str = "") -> set[str]:
    """The metrics whose targets were missed."""
    return {finding.metric for finding in result.findings if finding.part == part and finding.misses_target}


def share(measurement: Measurement) -> float:
    assert measurement.availability is not None
    return measurement.availability.share


def test_a_closed_and_an_open_load_of_a_target_that_is_down_for_most_of_the_time_fail(
    workspace: Workspace, server: InterruptedServer
) -> None:
    result = call("run", "thing.closed", "thing.open", "--target", server.url)
    assert result.exit_code == 1, result.output
    closed, opened = read_document(workspace.reports / "latest" / "results.json").scenarios
    for found in (closed, opened):
        assert found.verdict is Verdict.FAIL
        assert FindingCode.TARGET_DOWN in codes(found)
        assert "availability" in missed(found)
        (measured,) = found.measurements
        availability = measured.availability
        assert availability is not None
        assert availability.share < 0.5, "it was down for 1.4 of 2 s"
        assert availability.longest_outage_s > 1.0
        assert 1.0 < availability.longest_refused_s <= availability.longest_outage_s
        assert availability.longest_gap_s >= availability.longest_outage_s - 0.05
        assert measured.duration_s == 2.0
    assert "success_rate" not in missed(closed), "a closed load sends next to nothing meanwhile"
    mail = next(workspace.outbox.glob("*.eml")).read_text()
    summary, page = ((workspace.reports / "latest" / name).read_text() for name in ("summary.md", "index.html"))
    for text in (result.output, summary, page, mail):
        assert "it took no connection for 1." in " ".join(text.replace("=\n", "").split())


def test_of_parts_under_load_at_once_those_fail_that_did_not_serve_however_they_failed(
    workspace: Workspace, server: InterruptedServer
) -> None:
    result = call("run", "thing.mixed", "--target", server.url)
    assert result.exit_code == 1, result.output
    (mixed,) = read_document(workspace.reports / "latest" / "results.json").scenarios
    whole, *parts = mixed.measurements
    by_part = {measured.part: measured for measured in parts}
    assert share(by_part["errors"]) < 0.55
    assert share(by_part["hanging"]) < 0.55
    assert "availability" in missed(mixed, "hanging")
    assert FindingCode.TARGET_NOT_SERVING in codes(mixed, "hanging")
    for healthy in ("slow", "sparse", "thinking"):
        assert share(by_part[healthy]) == 1.0
        assert missed(mixed, healthy) == set()
    assert whole.availability is not None
    assert "availability" not in missed(mixed), "its parts are judged"
    assert FindingCode.OUTAGE not in codes(mixed)
    assert by_part["slow"].stragglers >= 1
