"""A scenario driven by several processes at one time, for a load that one core can't make.

This process does none of the work: it starts the others (`python -m loadtasks.engine.generator.child`), tells them
when to begin once all are prepared, sums up their progress and takes what they recorded. They are no `multiprocessing`
processes: those run the starting program's main module again, here Airflow's, and are refused to a daemon, as a Celery
worker is.

    started ──its work──► prepared ──all are──► the common start ──progress, twice a second──► what it recorded

Each has one end of a pipe. A process whose other end is closed ends at once: none outlives this one, however it ends.
A process that ends early ends the others with it, and the scenario with one sentence: there is no partial result.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Pipe, wait
from time import perf_counter
from typing import Any

from loadtasks.engine.generator.driver import Generated, Work
from loadtasks.engine.generator.progress import TELL_EVERY_S, OnProgress, Progress, merged
from loadtasks.errors import ExitCode, LoadTasksError

_LEAD_S = 0.05
"""From telling the start to the start: time enough for every process to hear of it."""
_GRACE_S = 5.0
"""How long a process that has closed its pipe may take to end."""
KEPT = "nothing of this scenario was kept: run it again."
"""The end of every sentence that tells of a broken process."""
_CHILD = "loadtasks.engine.generator.child"


class ProcessError(LoadTasksError):
    """A process of the load generator broke, so that the scenario was not measured."""

    exit_code = ExitCode.INVALID


class Prepared:
    """Said by a process that only waits for the start."""


class _Process:
    """One process of the load generator, seen from the one that started it."""

    def __init__(self, work: Work) -> None:
        self.name = work.process
        self.progress: Progress | None = None
        self.generated: Generated | None = None
        self.link, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, by this interpreter
                [sys.executable, "-P", "-m", _CHILD, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,  # a Ctrl-C is this process's to deal with
                env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            )

    def send(self, message: Work | float) -> None:
        """Send it its work, or the time of the start.

        Raises:
            ProcessError: it has ended.
        """
        try:
            self.link.send(message)
        except OSError as error:
            raise self._ended() from error

    def receive(self) -> Any:
        """What it says next, when it says it.

        Raises:
            LoadTasksError: it can't do its work, or has ended.
        """
        try:
            said = self.link.recv()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        if isinstance(said, LoadTasksError):
            raise said
        return said

    def hear(self) -> None:
        """Take in its progress, or what it recorded.

        Raises:
            LoadTasksError: it can't do its work, or has ended.
        """
        said = self.receive()
        if isinstance(said, Generated):
            self.generated = said
            if self.progress is not None:
                self.progress = replace(self.progress, left_s=0.0, rate_per_s=0.0)
        else:
            self.progress = said

    def end(self) -> None:
        """End it, whatever it does."""
        self.link.close()
        self._process.kill()
        self._process.wait()

    def _ended(self) -> ProcessError:
        try:
            code = self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            return ProcessError(f"{self.name} of the load generator fell silent; {KEPT}")
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return ProcessError(f"{self.name} of the load generator {how}; {KEPT}")


def generate_together(works: Sequence[Work], on_progress: OnProgress | None) -> list[Generated]:
    """Do the works, each in a process of its own, all from one moment on. `on_progress` is called twice a second.

    Raises:
        LoadTasksError: a process can't do its work, or has ended before it was done.
    """
    with contextlib.ExitStack() as ending:
        processes = []
        for work in works:
            process = _Process(work)
            ending.callback(process.end)
            process.send(work)
            processes.append(process)
        for process in processes:
            process.receive()  # that it is prepared
        start = perf_counter() + _LEAD_S
        for process in processes:
            process.send(start)
        return _collected(processes, start, on_progress)


def _collected(processes: Sequence[_Process], start: float, on_progress: OnProgress | None) -> list[Generated]:
    tell_at = start + TELL_EVERY_S
    while running := [process for process in processes if process.generated is None]:
        spoken = wait([process.link for process in running], max(0.0, tell_at - perf_counter()))
        for process in running:
            if process.link in spoken:
                process.hear()
        if perf_counter() >= tell_at:
            tell_at = perf_counter() + TELL_EVERY_S
            _tell(processes, on_progress)
    _tell(processes, on_progress)
    return [process.generated for process in processes if process.generated is not None]


def _tell(processes: Sequence[_Process], on_progress: OnProgress | None) -> None:
    """Tell what all have told together, once all have."""
    told = [process.progress for process in processes if process.progress is not None]
    if on_progress is not None and len(told) == len(processes):
        on_progress(merged(told))
