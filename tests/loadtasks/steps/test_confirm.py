"""Scenarios repeated within a run: against a server that is slow, was slow once, or stops."""

import math
import socket
from pathlib import Path

import pytest

from loadtasks import steps
from loadtasks.errors import TargetUnavailableError
from loadtasks.measurement.health import Calibration
from loadtasks.report.repetitions import render_repetitions_due
from loadtasks.results.document import read_document
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.store import Store
from loadtasks.steps import RunContext
from loadtasks.verdict.history.comparison import BaselineComparison
from loadtasks.workspace import Workspace
from tests.earlier_runs import EarlierRuns
from tests.servers import ScriptedServer
from tests.thing import ThingApi, call
from tests.workspaces import context_of, own_workspace

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


@pytest.fixture
def api() -> ThingApi:
    slow = ThingApi()
    slow.delay_s = SLOW_S
    return slow


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    return own_workspace(tmp_path, monkeypatch, SCENARIO, SUITE)


@pytest.fixture
def context(workspace: Workspace, server: ScriptedServer) -> RunContext:
    return context_of(target=server.url)


@pytest.fixture
def earlier(context: RunContext) -> EarlierRuns:
    """A baseline of runs that were faster than the server is."""
    steps.open_run(context, run_id="pattern", trigger="manual")
    with Store.open(context.workspace.results_url) as store:
        able = Calibration(ceiling_per_s=50_000, jitter_p99_s=0.001)  # else each run calibrates
        store.save_calibration("pattern", socket.gethostname(), able)
        run = store.run("pattern")
    (measurement,) = steps.measure(context, "pattern", THING)
    earlier = EarlierRuns(context, run, measurement)
    earlier.keep_baseline(USUAL_S)
    return earlier


def kept(context: RunContext, run_id: str) -> list[tuple[bool, bool]]:
    """For each repetition: whether it is the reported one, and whether it can be trusted."""
    with Store.open(context.workspace.results_url) as store:
        return [(repetition.reported, repetition.trusted) for repetition in store.repetitions(run_id, THING)]


def confirmed(context: RunContext, run_id: str) -> list[str]:
    with Store.open(context.workspace.results_url) as store:
        return list(store.confirmations(run_id))


def test_a_scenario_that_stays_slow_is_repeated_three_times(
    workspace: Workspace, server: ScriptedServer, earlier: EarlierRuns
) -> None:
    earlier.forget(earlier.until_suspected(SLOW_S))  # the coming run takes its place
    result = call("run", "--target", server.url)
    (line,) = render_repetitions_due({THING: RepetitionReason.SUSPECT})
    assert f"{line}\n1/1 {THING}: 10 requests" in result.output
    (scenario,) = read_document(workspace.reports / "latest" / "results.json").scenarios
    assert len(scenario.repetitions) == 4
    times_s = [repetition.p50_s or 0.0 for repetition in scenario.repetitions]
    assert all(time_s >= SLOW_S for time_s in times_s)
    (reported,) = [repetition for repetition in scenario.repetitions if repetition.reported]
    assert (reported.started_at, reported.p50_s) == (
        scenario.measurements[0].started_at,
        scenario.measurements[0].p50_s,
    )
    (finding,) = [finding for finding in scenario.findings if finding.code is FindingCode.CONFIRMATION]
    assert len(finding.parameters.repetitions) == 4


def test_a_scenario_that_was_slow_once_is_repeated_until_it_is_no_longer_suspected(
    context: RunContext, server: ScriptedServer, api: ThingApi, earlier: EarlierRuns
) -> None:
    run_id, api.delay_s = earlier.until_suspected(SLOW_S), USUAL_S / 2
    (measurement,) = steps.confirm(context, run_id, THING)
    assert measurement.p50_s is not None
    assert measurement.p50_s < SLOW_S
    first, *further = kept(context, run_id)
    assert first == (False, True)
    assert 1 <= len(further) <= 2
    assert sorted(further)[-1] == (True, True)
    assert confirmed(context, run_id) == [THING]
    assert steps.repetitions_due(context, run_id) == {}
    sent = len(server.requests)
    assert steps.confirm(context, run_id, THING) == [measurement]
    assert len(server.requests) == sent, "a step that is retried finds its work done"


def test_a_retried_step_continues_where_the_first_try_ended(
    context: RunContext, api: ThingApi, earlier: EarlierRuns
) -> None:
    run_id, api.dies_after = earlier.until_suspected(SLOW_S), 15
    with pytest.raises(TargetUnavailableError):
        steps.confirm(context, run_id, THING)
    first, second, third = kept(context, run_id)
    assert {first, second} == {(True, True), (False, True)}
    assert third == (False, False), "the target stopped while it was measured"
    api.dies_after = math.inf
    steps.confirm(context, run_id, THING)
    assert [trusted for _, trusted in kept(context, run_id)] == [True, True, False, True]


def test_a_scenario_that_is_repeated_to_learn_is_repeated_once(
    context: RunContext, earlier: EarlierRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BaselineComparison, "repetition_reason", RepetitionReason.LEARNING)
    run_id = earlier.keep(USUAL_S)
    due = steps.repetitions_due(context, run_id)
    assert due == {THING: RepetitionReason.LEARNING}
    assert len(list(render_repetitions_due(due))) == 1
    steps.confirm(context, run_id, THING)
    assert kept(context, run_id) == [(True, True), (False, True)]
    assert confirmed(context, run_id) == []


def test_a_paired_run_repeats_nothing(
    context: RunContext, earlier: EarlierRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BaselineComparison, "repetition_reason", RepetitionReason.SUSPECT)
    run_id = earlier.keep(SLOW_S)
    with Store.open(context.workspace.results_url) as store:
        measurements = store.measurements(run_id)
        store.open_run(store.run(run_id).model_copy(update={"reference_url": "http://127.0.0.1:1"}))
        store.save_measurements(run_id, THING, measurements)
    assert steps.repetitions_due(context, run_id) == {}
