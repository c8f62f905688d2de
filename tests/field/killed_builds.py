"""compare-builds killed at random moments: what is left of the builds that it started?

    python -m tests.field.killed_builds                     20 moments with commands
    python -m tests.field.killed_builds --image IMAGE       5 moments with containers of an image, which needs Docker

The builds spread: they leave processes in the background and in sessions of their own, and one ignores SIGTERM. The
command gets SIGKILL or SIGTERM: every fourth time within its first second, else up to 6 s after its first build was
started. Prints a line for each, and ends with 1 where a process, a listening port or a container is left.
"""

# ruff: noqa: T201 - it writes to a terminal

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import psutil

from loadtasks.builds.containers import LABEL
from tests.loadtasks.builds.serving import server_command
from tests.workspaces import PROJECT

_SCENARIO = """
endpoint: thing
request: {path: /thing}
scenarios:
  one: {load: {workers: 1, requests: 20}}
"""
_MAX_CLEAN_S = 60.0
_FIRST_BUILD = 2
"""Processes, the command among them, once a build is being started."""
_VARIABLE = "KILLED_BUILDS"


def main() -> int:
    """Kill the command again and again. Returns 1 where something was left."""
    arguments = _arguments()
    chance = random.Random(arguments.seed)
    left_behind = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for made in ("scenarios", "expectations"):
            (folder / made).mkdir()
        (folder / "scenarios" / "thing.yaml").write_text(_SCENARIO)
        for number in range(1, arguments.number + 1):
            is_kill = chance.random() < 0.5
            line, left = _killed(folder, arguments.image, is_kill=is_kill, moment=_moment(number, chance))
            left_behind += bool(left)
            print(f"{number:2} {line}", flush=True)
    return 1 if left_behind else 0


def _moment(number: int, chance: random.Random) -> tuple[bool, float]:
    """When it is killed: whether its first build is waited for, and how many seconds after that, or after its start."""
    waits = number % 4 != 0
    return waits, chance.uniform(0.0, 6.0 if waits else 1.0)


def _killed(folder: Path, image: str | None, *, is_kill: bool, moment: tuple[bool, float]) -> tuple[str, list[str]]:
    mark, sent = uuid4().hex, signal.SIGKILL if is_kill else signal.SIGTERM
    environment = {**os.environ, _VARIABLE: mark, "LOADTASKS_VAR": str(folder / "var")}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "loadtasks", "compare-builds", "--time-budget=30", *_builds(folder, image)],
            cwd=folder,
            env=environment | {"PYTHONPATH": str(PROJECT)},
            stdout=output,
            stderr=output,
        )
        waits, after_s = moment
        while waits and len(_left(mark, image)) < _FIRST_BUILD and process.poll() is None:
            time.sleep(0.02)
        time.sleep(after_s)
        before = _left(mark, image)
        process.send_signal(sent)
        sent_s = time.monotonic()
        code = process.wait()
        ended_s = time.monotonic() - sent_s
        while (left := _left(mark, image)) and time.monotonic() - sent_s < _MAX_CLEAN_S:
            time.sleep(0.1)
    clean_s = time.monotonic() - sent_s
    line = (
        f"{sent.name} after {after_s:.1f} s, {len(before)} processes and containers: exit code {code} after "
        f"{ended_s:.1f} s, {f'LEFT: {left}' if left else f'nothing left after {clean_s:.1f} s'}"
    )
    return line, left


def _builds(folder: Path, image: str | None) -> Sequence[str]:
    if image is not None:
        return [f"--candidate-image={image}", f"--reference-image={image}"]
    server = server_command(folder)
    candidate = f"(setsid sleep 982 &); sleep 981 & {server}"
    reference = f"trap '' TERM; (setsid sh -c '{server}' &); sleep 980"
    return [f"--candidate-command={candidate}", f"--reference-command={reference}"]


def _left(mark: str, image: str | None) -> list[str]:
    """The processes with the mark, which those that listen have too, and the containers with the label."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(_VARIABLE) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {process.name()}")
        except psutil.Error:
            continue
    if image is not None:
        listed = ["docker", "ps", "--all", "--quiet", "--filter", f"label={LABEL}"]
        found += subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", help="an image that serves HTTP on its only exposed port")
    parser.add_argument("--number", type=int, help="how many moments")
    parser.add_argument("--seed", type=int, default=1, help="the same gives the same moments")
    arguments = parser.parse_args()
    arguments.number = arguments.number or (5 if arguments.image else 20)
    return arguments


if __name__ == "__main__":
    sys.exit(main())
