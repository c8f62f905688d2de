"""What looks worse than its past is measured again the same night, against a server that is slow, or was so once."""

import math
import re
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from loadtasks import steps
from loadtasks.cli import cli
from loadtasks.engine.measurement import Calibration, Measurement
from loadtasks.engine.target import Target
from loadtasks.errors import TargetUnavailableError
from loadtasks.results.document import read_document
from loadtasks.results.judgement import FindingKind, ScenarioVerdict, Verdict
from loadtasks.results.store import Store
from loadtasks.verdict.history import NEEDED
from loadtasks.verdict.look import Again, Look
from loadtasks.workspace import Workspace
from tests.measurements import histogram
from tests.servers import ScriptedServer, ok, scripted

THING = "thing.steady"
SCENARIO = """
endpoint: thing
request: {path: /thing}
scenarios:
  steady: {load: {workers: 2, requests: 10}, warmup_requests: 0}
"""
SUITE = """{"name": "thing", "expectations": [
{"type": "expect_column_values_to_be_between", "kwargs": {"column": "success_rate", "min_value": 0.9}}]}
"""
USUAL_S, SLOW_S = 0.02, 0.04
QUIET, PATIENCE = NEEDED + 1, 10


class Api:
    """A target that answers as late as a test wants."""

    delay_s = SLOW_S
    dies_after: float = math.inf
    """So many requests; from then on every connection is closed without an answer."""

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        self.dies_after -= request.startswith(b"GET /thing")
        if self.dies_after < 0:
            return False
        if request.startswith(b"GET /thing"):
            time.sleep(self.delay_s)
        connection.sendall(ok())
        return True


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def server(api: Api) -> Iterator[ScriptedServer]:
    with scripted(api) as running:
        yield running


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name in ("TARGET", "TOKEN", "RESULTS_URL", "HEALTH_PATH", "METRICS_PATH", "PROCESSES", "REFERENCE"):
        monkeypatch.delenv(f"LOADTASKS_{name}", raising=False)
    for name, folder in (("VAR", "var"), ("SCENARIOS", "scenarios"), ("EXPECTATIONS", "expectations")):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(f"LOADTASKS_{name}", str(tmp_path / folder))
    (tmp_path / "scenarios" / "thing.yaml").write_text(SCENARIO)
    (tmp_path / "expectations" / "thing.json").write_text(SUITE)
    return Workspace.from_environ()


class Past:
    """Nights that were kept before this one, as if the server had been measured in them."""

    def __init__(self, workspace: Workspace, target: Target) -> None:
        self._workspace = workspace
        self._random = np.random.default_rng(5)
        self._number = 0
        steps.open_run(workspace, target, run_id="pattern", trigger="manual")
        with Store.open(workspace.results_url) as store:
            able = Calibration(ceiling_per_s=50_000, jitter_p99_s=0.001)
            store.save_calibration("pattern", socket.gethostname(), able)
            self._run = store.run("pattern")
        (self._measurement,) = steps.measure(workspace, "pattern", THING, target)
        for _ in range(QUIET):
            self._judge(self.keep(USUAL_S))

    def keep(self, time_s: float) -> str:
        """One night whose requests took so long."""
        run_id = f"night-{self._number:03d}"
        times_s = time_s * self._random.lognormal(0, 0.02) * self._random.lognormal(0, 0.05, 10)
        with Store.open(self._workspace.results_url) as store:
            begins = self._run.started_at - timedelta(days=100 - self._number)
            store.open_run(self._run.model_copy(update={"id": run_id, "started_at": begins}))
            store.save_measurements(run_id, THING, [self._showing(times_s.tolist())])
        self._number += 1
        return run_id

    def until_suspected(self) -> str:
        """Slow nights until one of them is to be measured again: that one."""
        for _ in range(PATIENCE):
            run_id = self.keep(SLOW_S)
            if steps.suspects(self._workspace, run_id):
                return run_id
            self._judge(run_id)
        raise AssertionError("slow nights that nobody suspects")

    def forget(self, run_id: str) -> None:
        """Make a night one that measured nothing."""
        with Store.open(self._workspace.results_url) as store:
            store.save_failure(run_id, THING, "forgotten")

    def _judge(self, run_id: str) -> None:
        with Store.open(self._workspace.results_url) as store:
            store.save_verdicts(run_id, [ScenarioVerdict(scenario=THING, verdict=Verdict.PASS)])

    def _showing(self, times_s: list[float]) -> Measurement:
        elapsed_s = sum(times_s) / 2
        shown = {"response": histogram(times_s), "service": histogram(times_s), "elapsed_s": elapsed_s}
        return self._measurement.model_copy(update=shown)


@pytest.fixture
def past(workspace: Workspace, server: ScriptedServer) -> Past:
    return Past(workspace, Target(server.url))


def remark(workspace: Workspace, run_id: str) -> str:
    """What is told of the attempts, every time being `T`."""
    with Store.open(workspace.results_url) as store:
        return re.sub(r"[\d.]+ (ms|µs|s)\b", "T", store.remarks(run_id)[THING])


def standing(workspace: Workspace, run_id: str) -> list[tuple[bool, bool]]:
    """Of each attempt whether it counts and can be trusted."""
    with Store.open(workspace.results_url) as store:
        return [(each.counts, each.trusted) for each in store.attempts(run_id, THING)]


def test_what_stays_slow_is_measured_three_times_more_and_all_of_it_is_told(
    workspace: Workspace, server: ScriptedServer, past: Past
) -> None:
    past.forget(past.until_suspected())  # the coming night stands in its place
    result = CliRunner().invoke(cli, ["run", "--target", server.url])
    assert f"Measured again: {THING} (looks worse than its past)\n1/1 {THING}: 10 requests" in result.output
    document = read_document(workspace.reports / "latest" / "results.json")
    (scenario,) = document.scenarios
    assert len(scenario.attempts) == 4
    times_s = [each.p50_s or 0.0 for each in scenario.attempts]
    assert all(each >= SLOW_S for each in times_s)
    assert [each.counts for each in scenario.attempts].count(True) == 1
    (counting,) = [each for each in scenario.attempts if each.counts]
    assert (counting.started_at, counting.p50_s) == (
        scenario.measurements[0].started_at,
        scenario.measurements[0].p50_s,
    )
    told = [each.sentence for each in scenario.findings if each.kind is FindingKind.HISTORY]
    assert any(each.startswith("measured 4 times, since it looked worse than its past: p50 ") for each in told)
    assert remark(workspace, document.run.id) == (
        "measured 4 times, since it looked worse than its past: p50 T, p95 T; then p50 T, p95 T; then p50 T, p95 T; "
        "then p50 T, p95 T; the second mildest counts, and all are evidence"
    )


def test_what_was_slow_once_is_measured_until_nobody_suspects_it(
    workspace: Workspace, server: ScriptedServer, api: Api, past: Past
) -> None:
    run_id, api.delay_s = past.until_suspected(), USUAL_S / 2
    (kept,) = steps.measure_again(workspace, run_id, THING, Target(server.url))
    assert kept.p50_s is not None
    assert kept.p50_s < SLOW_S
    assert standing(workspace, run_id) == [(False, True), (True, True)]
    assert remark(workspace, run_id) == (
        "measured twice, since it looked worse than its past: p50 T, p95 T; then p50 T, p95 T; the milder one counts, "
        "and both are evidence"
    )
    assert steps.suspects(workspace, run_id) == {}
    sent = len(server.requests)
    assert steps.measure_again(workspace, run_id, THING, Target(server.url)) == [kept]
    assert len(server.requests) == sent, "a step that is tried again finds its work done"


def test_a_step_that_is_tried_again_goes_on_where_it_ended(
    workspace: Workspace, server: ScriptedServer, api: Api, past: Past
) -> None:
    run_id, api.dies_after = past.until_suspected(), 15
    with pytest.raises(TargetUnavailableError):
        steps.measure_again(workspace, run_id, THING, Target(server.url))
    first, second, third = standing(workspace, run_id)
    assert {first, second} == {(True, True), (False, True)}
    assert third == (False, False), "the target ended while it was measured"
    api.dies_after = math.inf
    steps.measure_again(workspace, run_id, THING, Target(server.url))
    assert [trusted for _, trusted in standing(workspace, run_id)] == [True, True, False, True]
    told = remark(workspace, run_id)
    assert re.search(r"then p50 \S+, p95 \S+, [\d.]+ % good \(not to be trusted\); then", told), told
    assert told.endswith("; of those that can be trusted the middle one counts, and all are evidence")


def test_what_is_measured_to_learn_is_measured_once_more(
    workspace: Workspace, server: ScriptedServer, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Look, "again", Again.LEARNING)
    run_id = past.keep(USUAL_S)
    wanted = steps.suspects(workspace, run_id)
    assert steps.announced(wanted) == f"{THING} (to learn how far two measurements of one night differ)"
    steps.measure_again(workspace, run_id, THING, Target(server.url))
    assert standing(workspace, run_id) == [(True, True), (False, True)]
    assert remark(workspace, run_id).startswith(
        "measured twice, to learn how far two measurements of one night differ: p50 T, p95 T; then p50 T, p95 T; the"
    )


def test_beside_a_reference_nothing_is_measured_again(
    workspace: Workspace, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Look, "again", Again.SUSPECT)
    run_id = past.keep(SLOW_S)
    with Store.open(workspace.results_url) as store:
        kept = store.measurements(run_id)
        store.open_run(store.run(run_id).model_copy(update={"reference_url": "http://127.0.0.1:1"}))
        store.save_measurements(run_id, THING, kept)
    assert steps.suspects(workspace, run_id) == {}
