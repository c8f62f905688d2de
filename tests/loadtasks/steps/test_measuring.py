"""Measuring scenarios: retried, interrupted by the target, a process or the database, and what is kept then."""

import os
import subprocess

import pytest

from loadtasks import steps
from loadtasks.engine.generator.processes import ProcessError
from loadtasks.engine.generator.progress import Progress
from loadtasks.errors import TargetUnavailableError
from loadtasks.results.document import ScenarioResult
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.judgement import Verdict
from loadtasks.results.store import Store
from loadtasks.steps import RunContext
from loadtasks.workspace import Workspace
from tests.servers import ScriptedServer, scripted
from tests.thing import SCENARIOS, ThingApi
from tests.workspaces import context_of

ALONE = "thing.alone"
CONCURRENT = "thing.concurrent"


@pytest.fixture
def context(workspace: Workspace, server: ScriptedServer) -> RunContext:
    return context_of(target=server.url)


def open_run(context: RunContext, scenario: str, **options: float) -> str:
    return steps.open_run(context, run_id="run", trigger="manual", scenarios=[scenario], **options).id


def judged(context: RunContext, run_id: str) -> dict[str, ScenarioResult]:
    steps.judge(context, run_id)
    assert steps.compare(context, run_id) is Verdict.INVALID
    assert steps.conclude(context, run_id) is Verdict.INVALID
    return {result.scenario: result for result in steps.document(context, run_id).scenarios}


def test_a_target_that_stops_between_scenarios_leaves_the_rest_invalid(workspace: Workspace, api: ThingApi) -> None:
    with scripted(api) as server:
        context = context_of(target=server.url)
        run = steps.open_run(context, run_id="run", trigger="manual")
        steps.measure(context, run.id, CONCURRENT)
    with pytest.raises(TargetUnavailableError):
        steps.measure(context, run.id, ALONE)
    results = judged(context, run.id)
    assert results[CONCURRENT].verdict is Verdict.PASS
    assert results[ALONE].verdict is Verdict.INVALID
    assert [finding.code for finding in results[ALONE].findings] == [FindingCode.TARGET_NOT_RESPONDING]


def test_a_target_that_stops_during_a_scenario_makes_its_measurement_invalid_and_kept(
    context: RunContext, api: ThingApi
) -> None:
    run_id = open_run(context, ALONE)
    api.dies_after = 3
    with pytest.raises(TargetUnavailableError, match=ALONE):
        steps.measure(context, run_id, ALONE)
    result = judged(context, run_id)[ALONE]
    assert result.verdict is Verdict.INVALID
    assert result.findings[0].code is FindingCode.TARGET_STOPPED_RESPONDING
    assert result.measurements[0].counts.scheduled == 5


def test_a_scenario_whose_process_is_killed_is_invalid_for_that_reason(
    workspace: Workspace, server: ScriptedServer
) -> None:
    context = context_of(target=server.url, processes=2)
    run_id = open_run(context, CONCURRENT)

    def kill_one(_: Progress) -> None:
        subprocess.run(["pkill", "-KILL", "-P", str(os.getpid()), "-f", "loadtasks.engine.generator.child"], check=True)

    (workspace.scenarios / "thing.yaml").write_text(SCENARIOS.replace("requests: 20", "duration_s: 20"))
    with pytest.raises(ProcessError, match="SIGKILL"):
        steps.measure(context, run_id, CONCURRENT, kill_one)
    result = judged(context, run_id)[CONCURRENT]
    assert result.findings[0].code is FindingCode.GENERATOR_PROCESS_DIED
    assert "SIGKILL" in result.findings[0].parameters.detail
    assert result.measurements == []


def test_a_retried_step_replaces_its_own_measurement(context: RunContext) -> None:
    run_id = open_run(context, ALONE)
    for _ in range(2):
        steps.measure(context, run_id, ALONE)
    with Store.open(context.workspace.results_url) as store:
        assert len(store.measurements(run_id)) == 1


def test_the_load_factor_is_the_runs(context: RunContext) -> None:
    run_id = open_run(context, ALONE, load_factor=3)
    (measurement,) = steps.measure(context, run_id, ALONE)
    assert measurement.counts.scheduled == 15
