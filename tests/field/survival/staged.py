"""`python -m tests.field.survival.staged STAGE REACHED RELEASED WAIT_S ARGUMENT ...`: the product, stopped at a stage.

There it writes a byte to the descriptor REACHED and waits for one from RELEASED. WAIT_S takes the place of the time
that it waits for a results database that is locked.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from loadtasks import steps
from loadtasks.cli.main import cli
from loadtasks.results import database, database_errors
from loadtasks.results.store import Store

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
    owner, name, number = STAGES[stage]
    setattr(owner, name, _stopped(getattr(owner, name), number, int(reached), int(released)))
    cli(arguments)


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
