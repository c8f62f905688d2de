"""Scenarios and targets, shown without sending anything."""

import pytest

from loadtasks.workspace import Workspace
from tests.thing import call, check_refused


def test_targets_are_listed_with_their_file(workspace: Workspace) -> None:
    listed = call("targets").output
    assert "< 500 ms" in listed
    assert str(workspace.expectations / "thing.json") in listed


def test_a_plan_is_shown_and_nothing_is_sent(workspace: Workspace) -> None:
    (workspace.scenarios / "ramp.yaml").write_text(
        "endpoint: ramp\nrequest: {path: /r}\n"
        "scenarios: {up: {load: {start_rate: 2, stages: [{rate: 4, duration_s: 2}]}}}\n"
    )
    shown = call("plan", "ramp.up", "thing.alone").output
    assert "ramp.up: from 2 requests/s to 4/s in 2 s; 6 in all" in shown
    assert "thing.alone: 5 requests, one after another; 5 in all" in shown
    assert call("plan", "nothing").exit_code == 2


@pytest.mark.parametrize("factor", ["0", "-1", "nan", "inf"])
def test_a_load_factor_that_makes_no_sense_is_exit_2(workspace: Workspace, factor: str) -> None:
    check_refused(call("plan", f"--load-factor={factor}"), 2, factor)


def test_a_folder_that_is_missing_is_exit_2(workspace: Workspace) -> None:
    check_refused(call("plan", "--scenarios", "/no/scenarios"), 2, "/no/scenarios", "--scenarios")
    check_refused(call("targets", "--expectations", "/no/targets"), 2, "/no/targets", "--expectations")
