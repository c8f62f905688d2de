"""Processes that a command starts and stops again, the shipped API before all."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from airflow_local import PROJECT, CannotStartError

_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 15
_SHOWN_LOG_LINES = 15


def shared_core() -> int | None:
    """The core that builds which are compared share: the last of several; None where there is no choice.

    Each would else stay where it happened to be put, beside whatever else is busy there, and that would be taken for a
    difference between the builds. They are never driven at once, so they have it each for itself.
    """
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    return max(cores) if len(cores) > 1 else None


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def check_port_is_free(port: int, of: str, setting: str) -> None:
    """See that a port is not taken.

    Raises:
        CannotStartError: it is.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotStartError(
                f"Port {port}, where {of} is to listen, can't be had ({error.strerror}); stop who has it, or choose "
                f"another with {setting}=PORT."
            ) from error


@dataclass
class Services:
    """Processes started, each with its own log; all are stopped at the end, the last one first."""

    logs: Path
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
        core: int | None = None,
        **environment: str,
    ) -> None:
        """Start a process in a session of its own, so that Ctrl-C reaches us alone and we stop it in order.

        `core` is the only one that it may run on, where the system can see to that.
        """
        with self.log_of(name).open("wb") as log, _on(core):
            self.running[name] = subprocess.Popen(  # noqa: S603 - our own command line
                command,
                cwd=cwd,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log_of(self, name: str) -> Path:
        """Where a process writes what it says."""
        return self.logs / f"{name}.log"

    def ended(self) -> str | None:
        """The name of a process that ended by itself."""
        return next((name for name, process in self.running.items() if process.poll() is not None), None)

    def wait_until_answers(self, name: str, url: str, timeout_s: float = _START_TIMEOUT_S) -> None:
        """Wait until a process answers an address.

        Raises:
            CannotStartError: it ends, or doesn't answer in time; the end of its log is told.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.running[name].poll() is not None:
                raise CannotStartError(f"{name} ended at once; the end of its log:\n{self._tail(name)}")
            if _answers(url):
                return
            time.sleep(0.05)
        raise CannotStartError(f"{name} did not answer at {url} within {timeout_s:g} s:\n{self._tail(name)}")

    def _tail(self, name: str) -> str:
        lines = self.log_of(name).read_text(errors="replace").splitlines()
        return "\n".join(lines[-_SHOWN_LOG_LINES:])


@dataclass(frozen=True)
class ShippedApi:
    """The API of this project, started for one command."""

    url: str
    token: str

    @classmethod
    def start(
        cls,
        services: Services,
        database_url: str,
        port: int,
        *,
        name: str = "api",
        source: Path = PROJECT,
        core: int | None = None,
        **extra: str,
    ) -> ShippedApi:
        """Migrate and seed its database, make a token for a day, and start it under gunicorn.

        `source` is the folder in which its code lies, `core` the only one that it runs on, `extra` are more settings of
        it.

        Raises:
            CannotStartError: any of it fails.
        """
        environment = {
            "APP_DATABASE_URL": database_url,
            "APP_HOST": "127.0.0.1",
            "APP_PORT": str(port),
            "APP_ALLOW_LOAD_TEST": "1",
            "PYTHONPATH": str(source),
            **extra,
        }
        _app(source, environment, "migrate")
        _app(source, environment, "seed")
        scopes = [f"--scope={scope}" for scope in ("read", "write", "load-test")]
        token = _app(source, environment, "token", "load tests of this machine", "--ttl-days", "1", *scopes)
        url = f"http://127.0.0.1:{port}"
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", "app/gunicorn_conf.py", "app.wsgi:application"]
        services.start(name, gunicorn, cwd=source, core=core, **environment)
        services.wait_until_answers(name, f"{url}/healthz")
        return cls(url=url, token=token)


def database_url(var: Path) -> str:
    """The shipped API's own database: APP_DATABASE_URL, else a file under `var`."""
    return os.environ.get("APP_DATABASE_URL") or f"sqlite:///{(var / 'app' / 'app.db').absolute()}"


@contextmanager
def _on(core: int | None) -> Iterator[None]:
    """What this thread starts runs on one core."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _app(source: Path, environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, "-m", "app", *arguments],
        cwd=source,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotStartError(f"python -m app {arguments[0]} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout.strip()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own address
            return True
    except (urllib.error.URLError, OSError):
        return False


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the process while it is there; its whole group when it is killed."""
    with suppress(ProcessLookupError, PermissionError):
        if number is signal.SIGKILL:
            os.killpg(process.pid, number)
        elif process.poll() is None:
            process.send_signal(number)
