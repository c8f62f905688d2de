"""Measurements that end without a word: killed, taken for dead while still at work, begun while the target restarts."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from loadtasks import steps
from loadtasks.errors import TargetUnavailableError
from loadtasks.results.beginnings import Beginning
from loadtasks.results.document import ScenarioResult
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.judgement import Verdict
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.store import Store
from loadtasks.steps import NotMeasuredAgainError, RunContext, exercise
from loadtasks.workspace import Workspace
from tests.servers import ScriptedServer, scripted
from tests.thing import ThingApi, api, call, server, workspace
from tests.workspaces import PROJECT, context_of, remove_suites

__all__ = ["api", "server", "workspace"]

FIRST, SECOND, THIRD = "thing.first", "thing.second", "thing.third"
LOADS = {
    "first": "{workers: 1, requests: 5}",
    "second": "{workers: 1, duration_s: 60}",
    "third": "{workers: 1, requests: 5}",
}
SHORT = LOADS | {"second": "{workers: 1, requests: 5}"}


def write(workspace: Workspace, loads: dict[str, str], request: str = "{path: /thing}", rest: str = "") -> None:
    lines = [f"  {name}: {{load: {load}, warmup_requests: 0}}" for name, load in loads.items()]
    text = f"endpoint: thing\nrequest: {request}\n{rest}scenarios:\n" + "\n".join(lines) + "\n"
    (workspace.scenarios / "thing.yaml").write_text(text)


def judged(context: RunContext, run_id: str) -> dict[str, ScenarioResult]:
    steps.judge(context, run_id)
    steps.compare(context, run_id)
    return {result.scenario: result for result in steps.document(context, run_id).scenarios}


def codes(result: ScenarioResult) -> list[FindingCode]:
    return [finding.code for finding in result.findings]


def rows(workspace: Workspace) -> str:
    """A feeder whose rows are deleted: what a scenario of it did can't be done again."""
    (workspace.scenarios / "ids.csv").write_text("id\n" + "\n".join(map(str, range(10))) + "\n")
    return "feeder: {file: ids.csv}\n"


DELETING = "{method: DELETE, path: '/thing?id={{id}}'}"


@pytest.fixture
def context(workspace: Workspace, server: ScriptedServer) -> RunContext:
    return context_of(target=server.url)


def killed_run(workspace: Workspace, server: ScriptedServer) -> str:
    """A run whose process was killed amid its second scenario of three."""
    write(workspace, LOADS)
    remove_suites(workspace.expectations)
    process = subprocess.Popen(
        [sys.executable, "-m", "loadtasks", "run", "--target", server.url],
        cwd=PROJECT,
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while len(server.requests) < 50:
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with Store.open(workspace.results_url) as store:
        return store.run_ids()[0]


def test_a_run_whose_process_was_killed_says_what_died_and_what_never_began(
    context: RunContext, workspace: Workspace, server: ScriptedServer
) -> None:
    run_id = killed_run(workspace, server)
    results = judged(context, run_id)
    assert results[FIRST].verdict is Verdict.PASS
    assert codes(results[SECOND]) == [FindingCode.MEASUREMENT_DIED]
    assert results[SECOND].findings[0].parameters.host == socket.gethostname()
    assert codes(results[THIRD]) == [FindingCode.NOT_MEASURED]
    shown = call("report", run_id).output
    assert "died" in shown
    assert "unreachable" not in shown
    assert "respond" not in shown

    # What is measured at the end of the run is as if it had been measured first.
    write(workspace, SHORT)
    due = steps.repetitions_due(context, run_id)
    assert due == dict.fromkeys([SECOND, THIRD], RepetitionReason.MISSING)
    for scenario in due:
        steps.confirm(context, run_id, scenario)
    assert steps.repetitions_due(context, run_id) == {}
    results = judged(context, run_id)
    assert {scenario: result.verdict for scenario, result in results.items()} == dict.fromkeys(results, Verdict.PASS)
    assert [len(result.measurements) for result in results.values()] == [1, 1, 1]
    assert [result.repetitions for result in results.values()] == [[], [], []]


def begin(context: RunContext, run_id: str, scenario: str, *, repeatable: bool = True) -> None:
    """What a process leaves that is killed amid its load."""
    with Store.open(context.workspace.results_url) as store:
        store.begin(run_id, scenario, Beginning.now(repeatable=repeatable))


def open_run(context: RunContext) -> str:
    return steps.open_run(context, run_id="run", trigger="manual").id


def test_a_retried_task_measures_what_had_died_and_replaces_what_was_kept(
    context: RunContext, workspace: Workspace
) -> None:
    write(workspace, SHORT)
    run_id = open_run(context)
    begin(context, run_id, FIRST)
    for _ in range(2):
        steps.measure(context, run_id, FIRST)
        results = judged(context, run_id)
        assert results[FIRST].verdict is Verdict.PASS
        assert len(results[FIRST].measurements) == 1
    begin(context, run_id, FIRST)  # cleared, begun and killed: what was measured before stands
    assert judged(context, run_id)[FIRST].verdict is Verdict.PASS


def test_the_reason_of_an_earlier_try_does_not_stand_for_a_later_one_that_died(
    context: RunContext, workspace: Workspace, api: ThingApi
) -> None:
    write(workspace, SHORT)
    run_id = open_run(context)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(exercise, "run_scenario", interrupted)
        with pytest.raises(KeyboardInterrupt):
            steps.measure(context, run_id, FIRST)
    assert codes(judged(context, run_id)[FIRST]) == [FindingCode.INTERRUPTED]
    begin(context, run_id, FIRST)
    assert codes(judged(context, run_id)[FIRST]) == [FindingCode.MEASUREMENT_DIED]
    assert steps.repetitions_due(context, run_id)[FIRST] is RepetitionReason.MISSING


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


class TimeLimit(BaseException):
    """As Airflow's: no handler of ordinary errors catches it."""


def test_what_reached_a_time_limit_is_not_the_engines_failure_and_not_measured_again(
    context: RunContext, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_long(*_: object, **__: object) -> None:
        raise TimeLimit

    write(workspace, SHORT)
    run_id = open_run(context)
    monkeypatch.setattr(exercise, "run_scenario", too_long)
    with pytest.raises(TimeLimit):
        steps.measure(context, run_id, FIRST)
    assert codes(judged(context, run_id)[FIRST]) == [FindingCode.MEASUREMENT_STOPPED]
    assert FIRST not in steps.repetitions_due(context, run_id)


def test_what_uses_up_its_rows_is_measured_only_where_it_never_began(
    context: RunContext, workspace: Workspace, server: ScriptedServer
) -> None:
    write(workspace, SHORT, DELETING, rows(workspace))
    run_id = open_run(context)
    begin(context, run_id, FIRST, repeatable=False)
    assert list(steps.repetitions_due(context, run_id)) == [SECOND, THIRD]
    sent = len(server.requests)
    with pytest.raises(NotMeasuredAgainError, match="uses up rows"):
        steps.measure(context, run_id, FIRST)  # its task is retried
    assert not [request for request in server.requests[sent:] if request.startswith(b"DELETE")]
    steps.confirm(context, run_id, SECOND)
    (died,) = judged(context, run_id)[FIRST].findings
    assert died.code is FindingCode.MEASUREMENT_DIED
    assert "not measured again" in call("report", run_id).output
    assert judged(context, run_id)[SECOND].verdict is Verdict.PASS


@contextmanager
def another_try(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While the load of a scenario is sent, another try of its task begins."""
    drive = exercise.run_scenario

    def disturbed(*arguments: object, **options: object) -> object:
        begin(context, "run", FIRST)
        return drive(*arguments, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(exercise, "run_scenario", disturbed)
        yield


@pytest.mark.parametrize("ends", ["first", "last"])
def test_two_tries_at_once_are_not_judged_and_the_scenario_is_measured_anew(
    context: RunContext, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    write(workspace, {"first": SHORT["first"]})
    run_id = open_run(context)
    with Store.open(context.workspace.results_url) as store:
        if ends == "last":
            steps.measure(context, run_id, FIRST)
            measured = store.measurements(run_id)
        with another_try(context, monkeypatch), pytest.raises(NotMeasuredAgainError, match="another task began"):
            steps.measure(context, run_id, FIRST)
        if ends == "last":  # the other one's stands, though it is not judged
            assert store.measurements(run_id) == measured
    assert codes(judged(context, run_id)[FIRST])[0] is FindingCode.MEASURED_CONCURRENTLY
    assert steps.repetitions_due(context, run_id) == {FIRST: RepetitionReason.MISSING}
    steps.confirm(context, run_id, FIRST)
    result = judged(context, run_id)[FIRST]
    assert (result.verdict, len(result.measurements), result.repetitions) == (Verdict.PASS, 1, [])


def test_what_a_restarting_target_kept_from_beginning_is_measured_at_the_end_of_the_run(
    workspace: Workspace, api: ThingApi
) -> None:
    write(workspace, SHORT)
    with scripted(api) as first:
        context = context_of(target=first.url)
        run_id = open_run(context)
        steps.measure(context, run_id, FIRST)
    with pytest.raises(TargetUnavailableError):
        steps.measure(context, run_id, SECOND)
    assert steps.repetitions_due(context, run_id) == {THIRD: RepetitionReason.MISSING}, "it is still down"
    assert codes(judged(context, run_id)[SECOND]) == [FindingCode.TARGET_NOT_RESPONDING]
    with scripted(api, port=first.port):
        due = steps.repetitions_due(context, run_id)
        assert list(due) == [SECOND, THIRD]
        for scenario in due:
            steps.confirm(context, run_id, scenario)
    results = judged(context, run_id)
    assert {result.verdict for result in results.values()} == {Verdict.PASS}


def test_a_target_that_is_down_for_a_scenario_costs_nothing_on_the_command_line(
    workspace: Workspace, api: ThingApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(workspace, SHORT)
    asked: list[str] = []
    probe = exercise.usual_page_is_silent

    def restarting(target: object) -> object:
        asked.append("probe")
        if len(asked) == 3:  # before the second scenario, after two probes of the first
            raise TargetUnavailableError("the target refuses connections")
        return probe(target)  # type: ignore[arg-type]

    monkeypatch.setattr(exercise, "usual_page_is_silent", restarting)
    with scripted(api) as target:
        result = call("run", "--target", target.url)
    assert result.exit_code == 0, result.output
    assert "thing.second: not measured: the target refuses connections" in result.output
    assert "Measuring thing.second now, of which nothing was kept" in result.output
    assert result.output.count("thing.second: 5 requests") == 1
