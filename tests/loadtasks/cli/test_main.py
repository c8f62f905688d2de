"""The command line as a whole."""

import subprocess
import sys

from loadtasks import __version__
from loadtasks.cli.main import cli
from tests.thing import call


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
