"""Scenarios repeated within a run: against a server that is slow, was slow once, or stops."""

import math
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loadtasks import steps
from loadtasks.engine import run_scenario as run_scenario_module
from loadtasks.engine.generator.health import health
from loadtasks.engine.run_paired import PairedMeasurements, PairedRun
from loadtasks.errors import TargetUnavailableError
from loadtasks.measurement.health import Calibration, Health, Saturation, SaturationCode, Statistic
from loadtasks.report.repetitions import render_repetitions_due
from loadtasks.results.document import ScenarioResult, read_document
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.validity import InvalidRepeated
from loadtasks.results.judgement import Verdict
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.store import Store
from loadtasks.steps import RunContext
from loadtasks.verdict.history.baselines import MAX_REPETITIONS
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
    return context_of(target=server.url, health_path="/healthz")


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
        return list(store.repeated(run_id, RepetitionReason.SUSPECT))


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
    context: RunContext, server: ScriptedServer, api: ThingApi, earlier: EarlierRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "great_expectations", None)  # its import fails: repeating does without
    run_id, api.delay_s = earlier.until_suspected(SLOW_S), USUAL_S / 2
    (measurement,) = steps.confirm(context, run_id, THING)
    assert measurement.p50_s is not None
    assert measurement.p50_s < SLOW_S
    first, *further = kept(context, run_id)
    assert first == (False, True)
    assert 1 <= len(further) < MAX_REPETITIONS
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


@pytest.fixture
def saturated(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the generator is saturated, measurement by measurement; it is healthy once the list is used up."""
    script: list[bool] = []
    lag = Saturation(code=SaturationCode.LOOP_LAG, observed=0.2, limit=0.1, statistic=Statistic.P99)

    def scripted_health(*given: Any) -> Health:
        seen = health(*given)
        return seen.model_copy(update={"saturation": [lag] if script and script.pop(0) else []})

    monkeypatch.setattr(run_scenario_module, "health", scripted_health)
    return script


def repeated(workspace: Workspace) -> tuple[ScenarioResult, list[InvalidRepeated]]:
    """The scenario of the newest run, and what its findings say about invalid measurements."""
    (scenario,) = read_document(workspace.reports / "latest" / "results.json").scenarios
    found = [finding.parameters for finding in scenario.findings if finding.code is FindingCode.INVALID_REPEATED]
    return scenario, found


@pytest.mark.parametrize(
    ("script", "verdict", "trusted"),
    [
        ([False], Verdict.PASS, [True]),
        ([True], Verdict.PASS, [False, True]),
        ([True, True], Verdict.PASS, [False, False, True]),
        ([True, True, True], Verdict.INVALID, [False, False, False]),
    ],
)
def test_an_invalid_scenario_is_repeated_at_once_and_at_the_end_of_the_run(
    workspace: Workspace,
    server: ScriptedServer,
    saturated: list[bool],
    script: list[bool],
    verdict: Verdict,
    trusted: list[bool],
) -> None:
    saturated[:] = script
    result = call("run", "--target", server.url)
    assert result.exit_code == verdict.exit_code
    scenario, found = repeated(workspace)
    assert scenario.verdict is verdict
    assert [repetition.trusted for repetition in scenario.repetitions] == (trusted if len(trusted) > 1 else [])
    again = len(trusted) > 1
    assert [(one.repetitions, list(one.invalid)) for one in found] == (
        [(len(trusted), [number for number, valid in enumerate(trusted, 1) if not valid])] if again else []
    )
    assert ("Repeating thing.steady, which was invalid" in result.output) == (len(trusted) > 2)
    if verdict.good and again:
        (reported,) = [number for number, one in enumerate(scenario.repetitions, 1) if one.reported]
        assert trusted[reported - 1]
        assert found[0].reported == reported


def test_a_scenario_that_is_valid_at_last_is_confirmed_as_if_nothing_had_been(
    workspace: Workspace, server: ScriptedServer, earlier: EarlierRuns, saturated: list[bool]
) -> None:
    earlier.forget(earlier.until_suspected(SLOW_S))
    saturated[:] = [True, True]
    call("run", "--target", server.url)
    scenario, (found,) = repeated(workspace)
    assert [repetition.trusted for repetition in scenario.repetitions] == [False, False, True, True, True, True]
    assert found.invalid == (1, 2)
    assert FindingCode.CONFIRMATION in {finding.code for finding in scenario.findings}


def test_a_paired_scenario_that_was_invalid_is_measured_anew_in_its_place(
    workspace: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lag = Saturation(code=SaturationCode.LOOP_LAG, observed=0.2, limit=0.1, statistic=Statistic.P99)
    driven: list[int] = []

    measured = PairedRun.measured

    def scripted(run: PairedRun, *given: Any) -> PairedMeasurements:
        paired = measured(run, *given)
        driven.append(1)
        busy = [lag] if len(driven) == 1 else []
        unhealthy = [
            measurement.model_copy(update={"health": measurement.health.model_copy(update={"saturation": busy})})
            for measurement in paired.candidate
        ]
        return replace(paired, candidate=unhealthy)

    monkeypatch.setattr(PairedRun, "measured", scripted)
    monkeypatch.setenv("LOADTASKS_ROUNDS", "10")
    result = call("run", "--target", server.url, "--reference", server.url)
    assert result.exit_code == 0, result.output
    scenario, _ = repeated(workspace)
    assert (len(driven), scenario.repetitions) == (2, [])


@pytest.mark.parametrize(("method", "repetitions"), [("DELETE", 0), ("POST", 0), ("PUT", 2), ("GET", 2)])
def test_a_scenario_that_uses_up_its_rows_is_never_repeated(
    workspace: Workspace, server: ScriptedServer, saturated: list[bool], method: str, repetitions: int
) -> None:
    (workspace.scenarios / "ids.csv").write_text("id\n" + "\n".join(map(str, range(10))) + "\n")
    fed = SCENARIO.replace("{path: /thing}", f"{{method: {method}, path: '/thing?id={{{{id}}}}'}}")
    (workspace.scenarios / "thing.yaml").write_text(fed + "feeder: {file: ids.csv}\n")
    saturated[:] = [True]
    call("run", "--target", server.url)
    scenario, _ = repeated(workspace)
    assert len(scenario.repetitions) == repetitions
    assert scenario.verdict is (Verdict.PASS if repetitions else Verdict.INVALID)
