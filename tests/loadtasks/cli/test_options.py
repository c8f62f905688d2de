"""What options and the environment make of a command's context, and what is said where they are wrong."""

from pathlib import Path

import click
import pytest

from loadtasks.cli.main import cli
from loadtasks.settings import Settings, hint
from loadtasks.workspace import Workspace
from tests.thing import call, check_refused


def test_an_option_goes_before_its_variable(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADTASKS_SCENARIOS", "/no/such/folder")
    check_refused(call("plan"), 2, "/no/such/folder")
    assert call("plan", "--scenarios", str(workspace.scenarios)).exit_code == 0


def test_out_may_stand_before_the_command_and_after_it(workspace: Workspace, tmp_path: Path) -> None:
    for name, arguments in {"a": ("runs",), "b": ("baseline",)}.items():
        assert call("--out", str(tmp_path / name), *arguments).exit_code == 0
        assert (tmp_path / name / "results.db").is_file()
    check_refused(call("--out", str(tmp_path / "c"), "run", "nothing", "--out", str(tmp_path / "d")), 2, "nothing")
    assert [(tmp_path / name).exists() for name in ("c", "d")] == [False, True]


def test_a_variable_that_makes_no_sense_is_exit_2(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADTASKS_MIN_EFFECT", "nan")
    check_refused(call("runs"), 2, "LOADTASKS_MIN_EFFECT=nan")


def test_every_option_of_a_setting_exists() -> None:
    options = {
        name
        for command in (cli, *cli.commands.values())
        for option in command.params
        if isinstance(option, click.Option)
        for name in option.opts
    }
    assert {hint(name).option for name in Settings.model_fields} - {""} <= options
