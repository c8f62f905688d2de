"""Stored runs listed, deleted and pruned: what is asked, and what is said."""

from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from loadtasks.cli.main import cli
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.regression import AUTOMATIC, MetricChange, Move, Regression, RegressionState
from loadtasks.results.store import Store
from loadtasks.workspace import Workspace
from tests.measurements import SERVICE, measurement, run
from tests.thing import call, check_refused

DASHBOARD = "dashboard.concurrent"
NOW = datetime.now(UTC)


@pytest.fixture
def runs(workspace: Workspace) -> Workspace:
    """Three runs that ended and one that did not, 200 days old but for the newest; the first one is the baseline."""
    with Store.open(workspace.results_url) as store:
        for name, days in (("first", 200), ("second", 199), ("third", 1)):
            store.open_run(run(name, started_at=NOW - timedelta(days=days), scenarios=[DASHBOARD]))
            store.save_measurements(name, DASHBOARD, [measurement(DASHBOARD)])
            store.save_verdicts(name, [ScenarioVerdict(scenario=DASHBOARD, verdict=Verdict.PASS)])
            store.close_run(name, Verdict.PASS, NOW)
            store.approvals.approve_first(name)
        store.open_run(run("killed", started_at=NOW - timedelta(days=198), scenarios=[DASHBOARD]))
    return workspace


def kept(workspace: Workspace) -> list[str]:
    with Store.open(workspace.results_url) as store:
        return store.run_ids()


@pytest.mark.parametrize(("answer", "goes"), [("y", True), ("n", False), ("\n", False), ("", False)])
def test_nothing_goes_unless_the_question_is_answered_with_yes(runs: Workspace, answer: str, goes: bool) -> None:
    deleted = CliRunner().invoke(cli, ["runs", "delete", "second", "third"], input=answer)
    assert "Delete runs second of 127.0.0.1:8000 (started " in deleted.output
    assert (deleted.exit_code, "second" not in kept(runs), "third" not in kept(runs)) == (2 * (not goes), goes, goes)
    if not goes:
        assert "nothing was deleted" in deleted.stderr
        pruned = CliRunner().invoke(cli, ["prune", "--older-than", "26w"], input=answer)
        assert (pruned.exit_code, "nothing was pruned" in pruned.stderr) == (2, True)


def test_one_that_has_not_ended_is_deleted_only_when_that_is_said(runs: Workspace) -> None:
    check_refused(call("runs", "delete", "killed", "--yes"), 2, "run killed has not ended", "--unfinished")
    assert call("runs", "delete", "killed", "--yes", "--unfinished").exit_code == 0
    assert kept(runs) == ["third", "second", "first"]


def test_what_is_kept_and_why_is_said(runs: Workspace) -> None:
    with Store.open(runs.results_url) as store:
        store.open_run(run("fourth", started_at=NOW, scenarios=[DASHBOARD]))
    pruned = call("prune", "--older-than", "180d", "--yes")
    assert pruned.exit_code == 0, pruned.output
    for part in (
        "1 older run that is a baseline run",
        "1 older run that has not ended (`runs delete RUN --unfinished`",
        "Pruned 1 run;",
    ):
        assert part in pruned.output
    assert kept(runs) == ["fourth", "killed", "third", "second", "first"]


def test_where_even_the_newest_runs_would_be_old_nothing_is_pruned_without_being_asked(runs: Workspace) -> None:
    refused = call("prune", "--older-than", "180d", "--yes")
    check_refused(refused, 2, "nothing was pruned", "set the clock right")
    assert kept(runs) == ["killed", "third", "second", "first"]


def test_the_old_command_is_gone_and_history_takes_a_scenario(runs: Workspace) -> None:
    assert call("remove", "first").exit_code == 2
    assert call("history").exit_code == 2
    assert "first" in call("history", DASHBOARD).output


def test_a_regression_that_began_in_a_deleted_run_says_how_it_can_be_accepted(runs: Workspace) -> None:
    found = Regression(
        id=0,
        service=SERVICE,
        scenario=DASHBOARD,
        part="",
        first_run="third",
        found_run="third",
        version_before=None,
        version_after=None,
        changes=[MetricChange(metric="p50_s", before=0.1, ratio=1.2, low=1.15, high=1.25)],
        moves=[Move(state=RegressionState.OPEN, at=NOW, who=AUTOMATIC, why="found", run_id="third")],
    )
    with Store.open(runs.results_url) as store:
        store.remove_run("killed")
        (saved,) = store.regressions.save("third", [found])
    assert call("regressions", "acknowledge", str(saved.id)).exit_code == 0
    assert call("runs", "delete", "third", "--yes").exit_code == 0
    accepted = call("regressions", "accept", str(saved.id))
    check_refused(accepted, 2, "run third, which was deleted", f"baseline approve RUN {DASHBOARD}")
    assert call("baseline", "approve", "second", DASHBOARD).exit_code == 0
    assert call("regressions", "dismiss", str(saved.id)).exit_code == 0
