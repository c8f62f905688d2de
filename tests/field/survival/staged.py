"""`python -m tests.field.survival.staged STAGE REACHED RELEASED WAIT_S ARGUMENT ...`: the product, stopped at a stage.

A STAGE of the form `write:N` kills the process (-9) just before it changes a file or folder of `var` for the N-th time.
At any other it writes a byte to the descriptor REACHED and waits for one from RELEASED. WAIT_S takes the place of the
time that it waits for a results database that is locked.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from loadtasks import steps
from loadtasks.cli.main import cli
from loadtasks.results import database, database_errors
from loadtasks.results.store import Store

_CHANGES = ("open", "os.rename", "os.remove", "os.symlink")
STAGES: dict[str, tuple[Any, str, int]] = {
    "open": (steps, "open_run", 1),
    "record": (Store, "open_run", 1),
    "measure": (steps, "measure", 2),
    "keep": (Store, "save_measurements", 2),
    "judge": (steps, "judge", 1),
    "compare": (steps, "compare", 1),
    "report": (steps, "write_report", 1),
    "message": (steps, "alert", 1),
}
"""By name: what is about to be called, and for the how many-th time."""


def main(stage: str, reached: str, released: str, wait_s: str, *arguments: str) -> None:
    """Run the command line, stopped once."""
    database.WAIT_S = database_errors.WAIT_S = float(wait_s)
    kind, _, count = stage.partition(":")
    if kind == "write":
        sys.addaudithook(_KillAtChange(os.environ["LOADTASKS_VAR"], int(count)))
    else:
        owner, name, number = STAGES[stage]
        setattr(owner, name, _stopped(getattr(owner, name), number, int(reached), int(released)))
    cli(arguments)


class _KillAtChange:
    """An audit hook that counts the changes of files and folders, and ends the process at one."""

    def __init__(self, folder: str, number: int) -> None:
        self._folder, self._left = folder, number

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _CHANGES or (event == "open" and not isinstance(arguments[2], int)):
            return
        if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return
        path = arguments[1] if event == "os.symlink" else arguments[0]
        if isinstance(path, str | os.PathLike) and self._is_own(os.fspath(path)):
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def _is_own(self, path: str | bytes) -> bool:
        return isinstance(path, str) and path.startswith(self._folder) and "data_docs" not in path


def _stopped(step: Callable[..., Any], number: int, reached: int, released: int) -> Callable[..., Any]:
    calls = 0

    def stopped(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            os.write(reached, b".")
            os.read(released, 1)
        return step(*arguments, **options)

    return stopped


if __name__ == "__main__":
    main(*sys.argv[1:])
