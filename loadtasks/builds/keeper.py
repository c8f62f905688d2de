"""The process that keeps a reference running between two others: one starts it, the other stops it.

    python -m loadtasks.builds.keeper < ORDER

Airflow's tasks are processes that end, and a build ends with the process that holds it. This one holds it: from when
the build is healthy until the state file is removed, the build ends by itself, or the time is over. A keeper that is
killed takes its build along, as every process does that holds one.
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from loadtasks.builds.build import Build, HowToStart
from loadtasks.builds.startup import started_reference
from loadtasks.builds.variables import of_keeper
from loadtasks.engine.net.target import Target
from loadtasks.errors import BadInputError, LoadTasksError
from loadtasks.redaction.redactor import Redactor
from loadtasks.whole_file import write_whole

_STATE, _LOCK = "state.json", "lock"
_PAUSE_S = 0.2
_MARGIN_S = 30.0
"""How long a keeper may take to begin, and to end its build, beyond what the build itself may take."""
_ENDING_S = 120.0


@dataclass(frozen=True)
class KeeperOrder:
    """What a keeper starts, and for how long."""

    folder: str
    """Its own: state, lock and log."""
    command: str
    """Of the shell; `{port}` in it, and `PORT` in its environment, are the port on which the build has to listen."""
    working_folder: str
    """Where the command runs."""
    health_path: str | None
    timeout_s: float
    """How long the build may take until it is healthy."""
    max_s: float
    """After so long the build is ended, whether somebody stops it or not."""
    secrets: tuple[str, ...] = ()
    """What its log must not show where it is quoted."""


def keep_running(order: KeeperOrder) -> str:
    """Start a keeper, and with it the build, in place of one that another attempt has left. Returns its address.

    Raises:
        BadInputError: the build can't be started, or is not healthy in time.
    """
    folder = Path(order.folder)
    end_keeper(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "keeper.log").open("ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "loadtasks.builds.keeper"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,  # Airflow waits for the end of what its task has written to
            stderr=log,
            env=of_keeper(),
            start_new_session=True,
        )
    if keeper.stdin is None:
        raise RuntimeError("a process that was started with a pipe has none")
    with suppress(BrokenPipeError), keeper.stdin:
        keeper.stdin.write(json.dumps(asdict(order)).encode())
    until_s = time.monotonic() + order.timeout_s + _MARGIN_S
    while time.monotonic() < until_s:
        if (state := _state(folder)) is not None:
            if failure := state.get("failure"):
                sentence, *tail = failure.splitlines()
                raise BadInputError(" ".join([sentence, *tail[-1:]]))
            return state["url"]
        if keeper.poll() is not None and _state(folder) is None:
            raise BadInputError(f"the process that keeps the reference ended at once; {log.name} says why.")
        time.sleep(_PAUSE_S)
    end_keeper(folder)
    raise BadInputError(f"the reference was not up after {order.timeout_s:g} s; the logs in {folder} say why.")


def end_keeper(folder: Path) -> bool:
    """Let a keeper end its build and itself, and wait for that. Returns whether there was one.

    Raises:
        BadInputError: it has not ended in time.
    """
    (folder / _STATE).unlink(missing_ok=True)
    until_s = time.monotonic() + _ENDING_S
    there_was = False
    while _is_locked(folder):
        there_was = True
        (folder / _STATE).unlink(missing_ok=True)  # it may have written it just now
        if time.monotonic() > until_s:
            raise BadInputError(f"the process that keeps the reference has not ended; {folder} has its log.")
        time.sleep(_PAUSE_S)
    return there_was


def main() -> int:
    """Keep a build until it is to end. Returns the exit code."""
    given = json.load(sys.stdin)
    order = KeeperOrder(**given | {"secrets": tuple(given["secrets"])})
    folder = Path(order.folder)
    until_s = time.monotonic() + order.max_s
    with (folder / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        build = Build("reference", order.command, folder=Path(order.working_folder))
        how = HowToStart(folder, timeout_s=order.timeout_s)
        try:
            with started_reference(
                build, how, lambda url: Target(url, health_path=order.health_path), Redactor(order.secrets)
            ) as (target, held):
                _write(folder, url=target.url, pid=os.getpid())
                while (folder / _STATE).exists() and held.failure is None and time.monotonic() < until_s:
                    time.sleep(_PAUSE_S)
                    held.look()
        except LoadTasksError as error:
            _write(folder, failure=str(error))
            return int(error.exit_code)
    return 0


def _write(folder: Path, **state: object) -> None:
    write_whole(folder / _STATE, json.dumps(state).encode())


def _state(folder: Path) -> dict[str, str] | None:
    try:
        found: dict[str, str] = json.loads((folder / _STATE).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found


def _is_locked(folder: Path) -> bool:
    """Whether a keeper is at work in a folder."""
    try:
        with (folder / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
