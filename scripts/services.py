"""Processes that a command starts and stops again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from scripts import PROJECT, CannotStartError

_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 15
_SHOWN_LOG_LINES = 15


def check_port_is_free(port: int, service: str, setting: str) -> None:
    """Check that a service can listen on a port; `setting` is the variable with which people choose another one.

    Raises:
        CannotStartError: the port is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotStartError(
                f"Port {port}, where {service} is to listen, is not free ({error.strerror}); stop the program that "
                f"uses it, or choose another port with {setting}=PORT."
            ) from error


@dataclass
class Services:
    """Started processes, each with a log of its own; all are stopped at the end, the last one first."""

    logs: Path
    """The folder of their logs."""
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> Services:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.running.values()):
            _signal(process, signal.SIGTERM)
        for process in reversed(self.running.values()):
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_TIMEOUT_S)
            _signal(process, signal.SIGKILL)
            process.wait()

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        cwd: Path = PROJECT,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start a process in a session of its own: Ctrl-C then reaches this command only, which stops all in order.

        Args:
            name: of the process, for messages and its log.
            command: its command line.
            cwd: the folder in which it runs.
            environment: variables in addition to those of this process.
        """
        with self.log_of(name).open("wb") as log:
            self.running[name] = subprocess.Popen(  # noqa: S603 - our own command line
                command,
                cwd=cwd,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log_of(self, name: str) -> Path:
        """The file with the output of a process."""
        return self.logs / f"{name}.log"

    def ended(self) -> str | None:
        """The name of a process that ended by itself; None while all run."""
        return next((name for name in self.running if self.end_of(name) is not None), None)

    def end_of(self, name: str) -> str | None:
        """How a process ended, such as `by SIGKILL`; None while it runs."""
        code = self.running[name].poll()
        if code is None:
            return None
        return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"

    def forget(self, name: str) -> None:
        """No longer watch a process that has ended."""
        del self.running[name]

    def wait_until_ready(self, name: str, url: str, timeout_s: float = _START_TIMEOUT_S) -> None:
        """Wait until a process responds to GET `url` with success.

        Raises:
            CannotStartError: it ends, or doesn't respond in time; the message ends with the end of its log.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.running[name].poll() is not None:
                raise CannotStartError(f"{name} ended at once; the end of its log:\n{self._tail(name)}")
            if responds(url):
                return
            time.sleep(0.05)
        raise CannotStartError(f"{name} did not respond at {url} within {timeout_s:g} s:\n{self._tail(name)}")

    def _tail(self, name: str) -> str:
        lines = self.log_of(name).read_text(errors="replace").splitlines()
        return "\n".join(lines[-_SHOWN_LOG_LINES:])


def responds(url: str) -> bool:
    """Whether GET `url` succeeds."""
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own address
            return True
    except (urllib.error.URLError, OSError):
        return False


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a process that is still there; SIGKILL goes to its whole process group."""
    with suppress(ProcessLookupError, PermissionError):
        if number is signal.SIGKILL:
            os.killpg(process.pid, number)
        elif process.poll() is None:
            process.send_signal(number)
