"""A scenario driven by several processes at one time, for a load that one core can't make.

This process does none of the work: it starts the others (`python -m loadtasks.engine.generator.child`), sends them the
start time once all are prepared, merges their progress and takes what they recorded. They are not `multiprocessing`
processes: those run the starting program's main module again, here Airflow's, and a daemon, as a Celery worker is, may
not start them.

    started ──receives its work──► prepared ──all are──► the common start ──progress, twice a second──► its recording

Each has one end of a pipe. A process ends at once when the other end is closed, so that none outlives this one, however
this one ends. A process that ends early ends the others with it, and the scenario with one error: there is no partial
result.
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

from loadtasks.engine.generator.driver import GeneratedLoad, Work
from loadtasks.engine.generator.progress import REPORT_EVERY_S, OnProgress, Progress, merged
from loadtasks.errors import ExitCode, LoadTasksError

_LEAD_S = 0.05
"""From sending the start time to the start: enough for every process to receive it."""
_GRACE_S = 5.0
"""How long a process that has closed its pipe may take to end."""
KEPT = "nothing of this scenario was kept: run it again."
"""How the message of every broken process ends."""
_CHILD = "loadtasks.engine.generator.child"


class ProcessError(LoadTasksError):
    """A process of the load generator broke, so that the scenario was not measured."""

    exit_code = ExitCode.INVALID


class BrokenProcessError(ProcessError):
    """Something that nobody foresaw happened in a process of the load generator."""

    exit_code = ExitCode.BROKEN

    def __init__(self, message: str, remote_traceback: str = "") -> None:
        super().__init__(message, remote_traceback)
        self.remote_traceback = remote_traceback

    def __str__(self) -> str:
        return str(self.args[0])


class RemoteTraceback(Exception):  # noqa: N818 - it is the cause of an error, for its traceback
    """The traceback of an error in another process, which can't be sent as such."""


class Prepared:
    """Sent by a process that only waits for the start."""


class _Process:
    """One process of the load generator, as the process that started it has it."""

    def __init__(self, work: Work) -> None:
        self.name = work.process
        self.progress: Progress | None = None
        self.generated: GeneratedLoad | None = None
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
        """Wait for its next message.

        Raises:
            LoadTasksError: it can't do its work, or has ended.
        """
        try:
            message = self.link.recv()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        if isinstance(message, BrokenProcessError):
            raise message from RemoteTraceback(message.remote_traceback)
        if isinstance(message, LoadTasksError):
            raise message
        return message

    def receive_progress(self) -> None:
        """Receive its progress, or what it recorded.

        Raises:
            LoadTasksError: it can't do its work, or has ended.
        """
        message = self.receive()
        if isinstance(message, GeneratedLoad):
            self.generated = message
            if self.progress is not None:
                self.progress = replace(self.progress, left_s=0.0, rate_per_s=0.0)
        else:
            self.progress = message

    def end(self) -> None:
        """Kill it, whatever it does."""
        self.link.close()
        self._process.kill()
        self._process.wait()

    def _ended(self) -> ProcessError:
        try:
            code = self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            return ProcessError(f"{self.name} of the load generator no longer responds; {KEPT}")
        if code < 0:
            return ProcessError(f"{self.name} of the load generator was ended by {signal.Signals(-code).name}; {KEPT}")
        return BrokenProcessError(f"{self.name} of the load generator ended with exit code {code}; {KEPT}")


def generate_together(works: Sequence[Work], on_progress: OnProgress | None) -> list[GeneratedLoad]:
    """Do each work in a process of its own, all of them starting at the same time.

    `on_progress` is called twice a second, with the progress of all together.

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


def _collected(processes: Sequence[_Process], start: float, on_progress: OnProgress | None) -> list[GeneratedLoad]:
    report_at = start + REPORT_EVERY_S
    while running := [process for process in processes if process.generated is None]:
        ready = wait([process.link for process in running], max(0.0, report_at - perf_counter()))
        for process in running:
            if process.link in ready:
                process.receive_progress()
        if perf_counter() >= report_at:
            report_at = perf_counter() + REPORT_EVERY_S
            _report(processes, on_progress)
    _report(processes, on_progress)
    return [process.generated for process in processes if process.generated is not None]


def _report(processes: Sequence[_Process], on_progress: OnProgress | None) -> None:
    """Report the progress of all together, once every process has sent its own."""
    shares = [process.progress for process in processes if process.progress is not None]
    if on_progress is not None and len(shares) == len(processes):
        on_progress(merged(shares))
