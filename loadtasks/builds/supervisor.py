"""The process that holds one build: it starts it, watches it, and ends everything that descends from it.

    python -m loadtasks.builds.supervisor

It imports nothing but the standard library, so that it is up at once. Whoever starts it writes one line of JSON, a
`BuildOrder`, to its standard input, and keeps that open for as long as the build is needed. Its end, for whatever
reason (that process may have been killed), ends the build. Events are written to standard output, a line of JSON each:

    {"event": "started", "port": 8080}    the command runs, or the container; `port`: of a container on this machine
    {"event": "failed", "error": "..."}   it could not be started
    {"event": "ended", "code": 1}         it ended by itself, and left nothing behind that goes on in the background
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Self

from loadtasks.builds.bounded_log import BoundedLog
from loadtasks.builds.containers import Container, ContainerError
from loadtasks.builds.descendants import adopt_orphans, descendants, die_with_parent, end_all, reap

_INPUT, _OUTPUT = 0, 1
_LOG_TIMEOUT_S = 1.0
_PUBLISH_TIMEOUT_S = 15.0
_PAUSE_S = 0.05


@dataclass(frozen=True)
class BuildOrder:
    """What is to be started."""

    log: str
    """Path of the file that keeps its output."""
    environment: Mapping[str, str]
    """All of its variables; of a container those of Docker's command."""
    grace_s: float
    """How long it may take to end once it is asked to."""
    command: str = ""
    """Of the shell; empty for a container."""
    folder: str = ""
    """Where the command runs; empty: where this process does."""
    cores: Sequence[int] = ()
    """The cores that a command may run on; any when empty."""
    container: Mapping[str, Any] | None = None
    """The fields of a `Container`, but for the environment."""

    def line(self) -> bytes:
        """The order as it is sent."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Self:
        """The order that was sent."""
        return cls(**json.loads(line))


class _Ending:
    """Whether the build is needed no more: the input has ended, or a signal asked for it."""

    def __init__(self) -> None:
        self._is_over = False
        self.wake_read, self._wake_write = os.pipe()
        for end in (self.wake_read, self._wake_write):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._end)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, so that it wakes

    def __call__(self) -> bool:
        if not self._is_over:
            self._is_over = bool(select.select([_INPUT], [], [], 0)[0])
        return self._is_over

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait until it is over, or a child has ended, or so long."""
        if not self():
            select.select([_INPUT, self.wake_read], [], [], timeout_s)
            with suppress(BlockingIOError):
                os.read(self.wake_read, 4096)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._is_over = True


class _HeldBuild:
    """The build of one order."""

    def __init__(self, order: BuildOrder, is_over: Callable[[], bool]) -> None:
        self._order = order
        self._is_over = is_over
        self._log = BoundedLog(Path(order.log))
        self._container = (
            Container(**order.container, environment=order.environment) if order.container is not None else None
        )
        self._removes_container = False
        self._is_made = False
        """Whether nobody is making a container any more."""
        self._process: subprocess.Popen[bytes] | None = None
        self._code: int | None = None

    def start(self) -> int | None:
        """Start the command, or the container. Gives the container's port on this machine.

        Raises:
            ContainerError: Docker refused.
            OSError: there is no such folder, or no such command.
        """
        if self._container is None:
            self._run(["/bin/sh", "-c", self._order.command], self._order.environment)
            return None
        self._container.pull(self._is_over)
        if self._is_over():
            return None
        self._removes_container = True
        made, inner_port = self._container.create()
        self._is_made = True
        self._run([self._container.docker, "start", "--attach", made], self._order.environment)
        until_s = time.monotonic() + _PUBLISH_TIMEOUT_S
        while not self.has_ended and not self._is_over() and time.monotonic() < until_s:
            if port := self._container.published_port(made, inner_port):
                return port
            time.sleep(_PAUSE_S)
        return None

    @property
    def has_ended(self) -> bool:
        """Whether it ended by itself, and nothing of it goes on in the background."""
        ended = reap()
        if self._process is not None and self._process.pid in ended:
            self._code = self._process.returncode = ended[self._process.pid]
        return self._code is not None and not descendants()

    @property
    def code(self) -> int | None:
        """Its exit code, negative for a signal; None while its first process runs."""
        return self._code

    def end(self) -> None:
        """End it, with everything that descends from it."""
        if self._container is not None and self._removes_container:
            self._container.remove(self._order.grace_s, settled=self._is_made)
        end_all({self._process.pid} if self._process is not None else set(), self._order.grace_s)
        self.keep_log()

    def keep_log(self) -> None:
        """Wait until everything that it wrote is in its log."""
        self._log.finish(_LOG_TIMEOUT_S)

    def _run(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        # In a session of its own: Ctrl-C reaches who asked for the build, which then ends it in order.
        self._process = subprocess.Popen(  # noqa: S603 - the user's own command
            command,
            cwd=self._order.folder or None,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log.write_end,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=self._prepare,  # noqa: PLW1509 - this process has no other thread yet
        )
        self._log.start()

    def _prepare(self) -> None:
        die_with_parent()
        if self._order.cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, self._order.cores)


def main() -> None:
    """Hold one build until the input ends."""
    adopt_orphans()
    is_over = _Ending()
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        return  # whoever started this has gone
    build = None
    try:
        try:
            build = _HeldBuild(BuildOrder.read(line), is_over)
            _report(event="started", port=build.start())
        except (ContainerError, OSError) as error:
            _report(event="failed", error=_reason(error))
        else:
            while not is_over() and not build.has_ended:
                is_over.wait()
            if build.has_ended:
                build.keep_log()  # whoever hears of the end reads the log's
                _report(event="ended", code=build.code)
        while not is_over():
            is_over.wait()
    finally:
        if build is not None:
            build.end()


def _reason(error: Exception) -> str:
    return f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)


def _report(**event: Any) -> None:
    with suppress(OSError):  # whoever listened has gone
        os.write(_OUTPUT, json.dumps(event).encode() + b"\n")


if __name__ == "__main__":
    main()
