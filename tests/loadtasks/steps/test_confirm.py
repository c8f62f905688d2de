"""What looks worse than its past is measured again the same night, against a server that is slow, or was so once."""

import math
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from loadtasks import steps
from loadtasks.cli.main import cli
from loadtasks.engine.net.target import Target
from loadtasks.errors import TargetUnavailableError
from loadtasks.measurement.health import Calibration
from loadtasks.results.document import read_document
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.store import Store
from loadtasks.verdict.history.comparison import BaselineComparison
from loadtasks.workspace import Workspace
from tests.earlier_runs import EarlierRuns
from tests.servers import ScriptedServer, ok, scripted
from tests.workspaces import own_workspace

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
    return own_workspace(tmp_path, monkeypatch, SCENARIO, SUITE)


@pytest.fixture
def earlier(workspace: Workspace, server: ScriptedServer) -> EarlierRuns:
    """Quiet nights."""
    target = Target(server.url)
    steps.open_run(workspace, target, run_id="pattern", trigger="manual")
    with Store.open(workspace.results_url) as store:
        able = Calibration(ceiling_per_s=50_000, jitter_p99_s=0.001)  # else each night finds out
        store.save_calibration("pattern", socket.gethostname(), able)
        run = store.run("pattern")
    (measurement,) = steps.measure(workspace, "pattern", THING, target)
    earlier = EarlierRuns(workspace, run, measurement)
    earlier.keep_baseline(USUAL_S)
    return earlier


def remark(workspace: Workspace, run_id: str) -> str:
    """What is told of the repetitions, every time being `T`."""
    with Store.open(workspace.results_url) as store:
        return re.sub(r"[\d.]+ (ms|µs|s)\b", "T", store.remarks(run_id)[THING])


def standing(workspace: Workspace, run_id: str) -> list[tuple[bool, bool]]:
    """Of each repetition whether it counts and can be trusted."""
    with Store.open(workspace.results_url) as store:
        return [(repetition.reported, repetition.trusted) for repetition in store.repetitions(run_id, THING)]


def test_what_stays_slow_is_measured_three_times_more_and_all_of_it_is_told(
    workspace: Workspace, server: ScriptedServer, earlier: EarlierRuns
) -> None:
    earlier.forget(earlier.until_suspected(SLOW_S))  # the coming night stands in its place
    result = CliRunner().invoke(cli, ["run", "--target", server.url])
    assert f"Measured again: {THING} (looks worse than its past)\n1/1 {THING}: 10 requests" in result.output
    document = read_document(workspace.reports / "latest" / "results.json")
    (scenario,) = document.scenarios
    assert len(scenario.repetitions) == 4
    times_s = [repetition.p50_s or 0.0 for repetition in scenario.repetitions]
    assert all(time_s >= SLOW_S for time_s in times_s)
    assert [repetition.reported for repetition in scenario.repetitions].count(True) == 1
    (counting,) = [repetition for repetition in scenario.repetitions if repetition.reported]
    assert (counting.started_at, counting.p50_s) == (
        scenario.measurements[0].started_at,
        scenario.measurements[0].p50_s,
    )
    told = [finding.sentence for finding in scenario.findings if finding.kind is FindingKind.HISTORY]
    assert any(each.startswith("measured 4 times, since it looked worse than its past: p50 ") for each in told)
    assert remark(workspace, document.run.id) == (
        "measured 4 times, since it looked worse than its past: p50 T, p95 T; then p50 T, p95 T; then p50 T, p95 T; "
        "then p50 T, p95 T; the second mildest counts, and all are evidence"
    )


def test_what_was_slow_once_is_measured_until_nobody_suspects_it(
    workspace: Workspace, server: ScriptedServer, api: Api, earlier: EarlierRuns
) -> None:
    run_id, api.delay_s = earlier.until_suspected(SLOW_S), USUAL_S / 2
    (kept,) = steps.measure_again(workspace, run_id, THING, Target(server.url))
    assert kept.p50_s is not None
    assert kept.p50_s < SLOW_S
    first, *further = standing(workspace, run_id)
    assert first == (False, True)
    assert 1 <= len(further) <= 2
    assert sorted(further)[-1] == (True, True)
    assert re.fullmatch(
        "measured (twice|3 times), since it looked worse than its past: p50 T, p95 T(; then p50 T, p95 T)+; "
        "the (milder|middle) one counts, and (both|all) are evidence",
        remark(workspace, run_id),
    )
    assert steps.suspects(workspace, run_id) == {}
    sent = len(server.requests)
    assert steps.measure_again(workspace, run_id, THING, Target(server.url)) == [kept]
    assert len(server.requests) == sent, "a step that is tried again finds its work done"


def test_a_step_that_is_tried_again_goes_on_where_it_ended(
    workspace: Workspace, server: ScriptedServer, api: Api, earlier: EarlierRuns
) -> None:
    run_id, api.dies_after = earlier.until_suspected(SLOW_S), 15
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
    workspace: Workspace, server: ScriptedServer, earlier: EarlierRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BaselineComparison, "again", RepetitionReason.LEARNING)
    run_id = earlier.keep(USUAL_S)
    wanted = steps.suspects(workspace, run_id)
    assert steps.announced(wanted) == f"{THING} (to learn how far two measurements of one night differ)"
    steps.measure_again(workspace, run_id, THING, Target(server.url))
    assert standing(workspace, run_id) == [(True, True), (False, True)]
    with Store.open(workspace.results_url) as store:
        assert store.remarks(run_id) == {}, "there is nothing to look at"


def test_beside_a_reference_nothing_is_measured_again(
    workspace: Workspace, earlier: EarlierRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BaselineComparison, "again", RepetitionReason.SUSPECT)
    run_id = earlier.keep(SLOW_S)
    with Store.open(workspace.results_url) as store:
        kept = store.measurements(run_id)
        store.open_run(store.run(run_id).model_copy(update={"reference_url": "http://127.0.0.1:1"}))
        store.save_measurements(run_id, THING, kept)
    assert steps.suspects(workspace, run_id) == {}
