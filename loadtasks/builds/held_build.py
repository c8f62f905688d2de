"""A build that runs, held by a supervisor process of its own, which ends it when this process does."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import Any
from uuid import uuid4

from loadtasks.builds.build import PORT_MARK, Build, HowToStart
from loadtasks.builds.supervisor import BuildOrder
from loadtasks.builds.variables import inherited, of_supervisor
from loadtasks.errors import BadInputError

GRACE_S = 5.0
"""How long a build may take to end once it is asked to; then it is killed."""
_STOP_TIMEOUT_S = 90.0
"""How long its end is waited for: its own time, and that of a slow Docker."""
_MAX_TAIL_BYTES = 65_536
_TAIL_LINES = 12
TAIL_COLUMNS = 200
_IN_USE = re.compile(
    r"address .{0,80}in use|port .{0,80}in use|in use.{0,40}\bport\b|connection in use|EADDRINUSE", re.I
)


class HeldBuild:
    """A build that was started; `end` ends it."""

    def __init__(self, build: Build, how: HowToStart, number: int = 1) -> None:
        """Start it.

        Args:
            build: what is started.
            how: where its log is, and on which cores it runs.
            number: how often it is started with this; a later start has a log of its own, which the first one of
                another run removes.

        Raises:
            BadInputError: an image, and no Docker.
        """
        self.build = build
        self.number = number
        """How often it was started with this."""
        self.log = (how.logs / f"{build.name}{'' if number == 1 else f'-{number}'}.log").absolute()
        if number == 1:
            for later in how.logs.glob(f"{build.name}-*.log*"):
                later.unlink(missing_ok=True)
        self.port: int | None = None if build.image is not None else free_port()
        self.failure: str | None = None
        """Why it does not run (any more), as a clause; None while it does."""
        order = self._order(how)
        self._supervisor = subprocess.Popen(
            [sys.executable, "-m", "loadtasks.builds.supervisor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=of_supervisor(),
            start_new_session=True,
        )
        self._received = b""
        stdin, stdout = self._supervisor.stdin, self._supervisor.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("a process that was started with pipes has none")
        self._input, self._output = stdin, stdout
        os.set_blocking(self._output.fileno(), False)
        with suppress(BrokenPipeError):
            self._input.write(order.line())
            self._input.flush()

    @property
    def url(self) -> str | None:
        """Where it listens, or is to listen; None of a container that has no port yet."""
        return f"http://127.0.0.1:{self.port}" if self.port is not None else None

    @property
    def port_was_taken(self) -> bool:
        """Whether it says that it could not listen on its port since another program does."""
        return self.failure is not None and bool(_IN_USE.search(self._end_of_log()))

    def look(self) -> None:
        """Take note of what has happened since."""
        while event := self._next_event():
            match event:
                case {"event": "started", "port": int(port)}:
                    self.port = port
                case {"event": "failed", "error": error}:
                    self.failure = f"can't be started: {error}"
                case {"event": "ended", "code": int(code)}:
                    self.failure = f"ended {_how(code)}"
        if self.failure is None and self._supervisor.poll() is not None:
            self.failure = "was ended by somebody else: the process that held it is gone"

    def tail(self) -> list[str]:
        """The last lines of its output, as they are, but not longer than people read."""
        lines = [line.rstrip() for line in self._end_of_log().splitlines() if line.strip()]
        return [line[:TAIL_COLUMNS] for line in lines[-_TAIL_LINES:]]

    def ask_to_end(self) -> None:
        """Ask it to end, without waiting for that."""
        with suppress(OSError):
            self._input.close()

    def end(self) -> None:
        """End it with everything that descends from it, and wait for that."""
        self.ask_to_end()
        try:
            self._supervisor.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._supervisor.send_signal(signal.SIGKILL)
            self._supervisor.wait()
        self._output.close()

    def _order(self, how: HowToStart) -> BuildOrder:
        build = self.build
        if build.image is None:
            variables = dict(build.variables) | {"PORT": str(self.port)}
            return BuildOrder(
                log=str(self.log),
                environment=inherited() | variables,
                grace_s=GRACE_S,
                command=(build.command or "").replace(PORT_MARK, str(self.port)),
                folder=str(build.folder or ""),
                cores=list(how.cores),
            )
        docker = shutil.which("docker")
        if docker is None:
            raise BadInputError(f"the image {build.image} needs Docker, and there is no command docker; install it.")
        container = {
            "docker": docker,
            "image": build.image,
            "label": f"{build.name}-{uuid4().hex}",
            "port": how.container_port,
            "cores": ",".join(map(str, how.cores)),
            "options": list(how.container_options),
            "variables": list(build.variables),
        }
        return BuildOrder(
            log=str(self.log), environment=of_supervisor() | dict(build.variables), grace_s=GRACE_S, container=container
        )

    def _next_event(self) -> dict[str, Any] | None:
        with suppress(BlockingIOError, ValueError):  # nothing new, or closed
            self._received += os.read(self._output.fileno(), 65_536)
        line, ended, rest = self._received.partition(b"\n")
        if not ended:
            return None
        self._received = rest
        event: dict[str, Any] = json.loads(line)
        return event

    def _end_of_log(self) -> str:
        with suppress(OSError), self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _MAX_TAIL_BYTES))
            return file.read().decode(errors="replace")
        return ""


def _how(code: int) -> str:
    if code >= 0:
        return f"with exit code {code}"
    try:
        return f"by {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"


def free_port() -> int:
    """A free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
