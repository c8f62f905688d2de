"""The command line as a whole."""

import subprocess
import sys

import pytest

from loadtasks import __version__
from loadtasks.cli.main import cli
from loadtasks.results.store import Store
from loadtasks.workspace import Workspace
from tests.thing import call, check_refused


def test_help_lists_the_commands_in_the_order_of_the_flow() -> None:
    listed = [line.split()[0] for line in call("--help").output.partition("Commands:")[2].splitlines() if line.strip()]
    assert listed == list(cli.commands)
    assert listed[0] == "run"


def test_every_command_explains_itself() -> None:
    for name in cli.commands:
        assert call(name, "--help").exit_code == 0


def test_it_calls_itself_as_it_was_called() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "loadtasks", "--version"], capture_output=True, text=True, check=True
    ).stdout
    assert shown == f"python -m loadtasks, version {__version__}\n"


def test_a_wrong_option_is_exit_2() -> None:
    assert call("run", "--no-such-option").exit_code == 2


def test_a_name_that_no_file_can_have_is_refused() -> None:
    check_refused(call("keep", "x" * 100_000), 2, "no file can have a name as long as this")


def test_what_nobody_foresaw_is_exit_4_with_one_sentence(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError(f"division of {workspace.var}")

    assert call("runs").exit_code == 0
    monkeypatch.setenv("LOADTASKS_TOKEN", "t0ken")
    monkeypatch.setattr(Store, "runs", broken)
    (workspace.var / "broken").mkdir()
    check_refused(call("runs"), 4, "ZeroDivisionError", "the traceback is in", str(workspace.var / "broken"))
    (path,) = (workspace.var / "broken").iterdir()
    assert "in broken" in path.read_text()


def test_a_setting_that_makes_no_sense_is_exit_2_all_the_same(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADTASKS_ROUNDS", "few")
    check_refused(call("runs"), 2, "LOADTASKS_ROUNDS=few")


def test_an_interrupt_where_there_is_nothing_to_conclude_is_exit_130(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "runs", interrupted)
    assert call("runs").exit_code == 130
