"""Baselines and regressions, decided on the command line."""

from datetime import UTC, datetime

import pytest

from loadtasks.results.creep_record import CreepRecord
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.regression import AUTOMATIC, MetricChange, Move, Regression, RegressionState
from loadtasks.results.store import Store
from loadtasks.steps import current_user
from loadtasks.workspace import Workspace
from tests.loadtasks.report.sentences.examples_lifecycle import EXAMPLES
from tests.servers import ScriptedServer
from tests.stored_runs import DASHBOARD, ServiceLife, stored_regression
from tests.thing import call, check_refused
from tests.workspaces import context_of


def test_a_run_is_approved_as_baseline_and_a_regression_accepted(workspace: Workspace, server: ScriptedServer) -> None:
    assert call("run", "thing.alone", "--target", server.url).exit_code == 0
    approved = call("baseline", "approve", "latest", "--why", "TLS is on now")
    assert approved.exit_code == 0, approved.output
    assert "TLS is on now" in call("baseline").output
    assert call("regressions").output == "No regression.\n"
    run_id = (workspace.reports / "latest").resolve().name
    opened = Move(state=RegressionState.OPEN, at=datetime.now(UTC), who=AUTOMATIC, why="p50 +20 %")
    slower = MetricChange(metric="p50_s", before=0.1, ratio=1.2, low=1.15, high=1.25)
    found = Regression(
        id=0,
        service=f"127.0.0.1:{server.port}",
        scenario="thing.alone",
        part="",
        first_run=run_id,
        found_run=run_id,
        version_before=None,
        version_after="1.2.3",
        changes=[slower],
        moves=[opened],
    )
    with Store.open(workspace.results_url) as store:
        store.regressions.save(run_id, [found])
    assert "p50 +20 % (+15 % to +25 %)" in call("regressions").output
    assert call("regressions", "acknowledge", "1", "--why", "looking").output.endswith("is acknowledged.\n")
    assert call("regressions", "accept", "1", "--why", "TLS").exit_code == 0
    assert call("regressions").output == "No regression.\n"
    listed = " ".join(call("regressions", "--all").output.split())
    assert "TLS" in listed
    assert f"{current_user()} (command line)" in listed
    assert "TLS" in call("baseline").output
    check_refused(call("regressions", "fix", "1"), 2, "regression 1", "so it can't become fixed")


def test_what_was_accepted_automatically_and_what_crept_is_listed_and_the_former_reopened(
    workspace: Workspace,
) -> None:
    life = ServiceLife(context_of())
    first, found, last = (life.dashboard() for _ in range(3))
    with life.store as store:
        number = stored_regression(store, first, found)
        store.regressions.move(number, RegressionState.ACCEPTED, why=f"nobody answered until run {last}", run_id=last)
        drift = EXAMPLES[FindingCode.CREEP]
        store.save_creeps(
            last, [CreepRecord(run_id=last, scenario=DASHBOARD, part="", anchor_run=first, findings=(drift,))]
        )
    listed = call("regressions").output
    assert f"accepted automatically in run {last}" in listed
    assert "Creep, dashboard.concurrent: p50 crept up 6.2 %" in listed
    assert f"reported in run {last}." in listed
    reopened = call("regressions", "reopen", str(number), "--why", "it is a leak")
    assert reopened.output == f"Regression {number} (dashboard.concurrent) is open.\n"
    check_refused(call("regressions", "reopen", str(number)), 2, "only one that was accepted automatically")
    assert call("baseline", "approve", last, "--why", "all is well").exit_code == 0
    assert "Creep" not in call("regressions").output


def test_an_automatic_acceptance_stands_where_a_person_has_approved_a_run_since(workspace: Workspace) -> None:
    life = ServiceLife(context_of())
    first, last = life.dashboard(), life.dashboard()
    with life.store as store:
        number = stored_regression(store, first, first)
        store.regressions.move(number, RegressionState.ACCEPTED, why="nobody answered", run_id=last)
    assert call("baseline", "approve", last).exit_code == 0
    check_refused(call("regressions", "reopen", str(number)), 2, "can't be reopened", f"run {last}")


def test_a_back_test_of_too_few_runs_shows_no_alarm(workspace: Workspace, server: ScriptedServer) -> None:
    assert call("run", "thing.alone", "--target", server.url).exit_code == 0
    assert call("backtest", "--runs-per-false-alarm", "10").output == "No alarm.\n"


@pytest.mark.parametrize(
    "option", [("--runs-per-false-alarm", "0"), ("--runs-per-false-alarm", "inf"), ("--min-effect", "nan")]
)
def test_a_sensitivity_that_makes_no_sense_is_exit_2(workspace: Workspace, option: tuple[str, str]) -> None:
    check_refused(call("backtest", *option), 2, " ".join(option))
