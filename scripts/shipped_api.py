"""The shipped API, started for one command."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scripts import PROJECT, CannotStartError
from scripts.services import Services

HEALTH_PATH = "/healthz"
"""Where it says whether it is healthy; for other APIs this path is only a guess."""
_DAY_S = 86_400.0
_GUNICORN = ("-m", "gunicorn", "-c", "app/gunicorn_conf.py", "app.wsgi:application")
SERVICE = "shipped-api"
"""The service that its runs belong to, wherever it listens."""


@dataclass(frozen=True, kw_only=True)
class ApiInstance:
    """An instance of the API of this project that can be started."""

    database_url: str
    port: int
    """Where it listens, on 127.0.0.1; 0: whoever starts it says so."""
    name: str = "api"
    """Of the process, for messages and its log."""
    source: Path = PROJECT
    """The folder that holds its code."""
    python: str = sys.executable
    """The interpreter that runs it."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """More of its environment variables."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Its environment variables, in addition to those of this process."""
        return {
            "APP_DATABASE_URL": self.database_url,
            "APP_HOST": "127.0.0.1",
            **({"APP_PORT": str(self.port)} if self.port else {}),
            "APP_ALLOW_LOAD_TEST": "1",
            "PYTHONPATH": str(self.source),
            **self.settings,
        }

    @property
    def shell_command(self) -> str:
        """What starts it where `{port}` is replaced by its port: its database is migrated and seeded first."""
        python = shlex.quote(self.python)
        prepare = " && ".join(f"{python} -m app {step}" for step in ("migrate", "seed"))
        return f"export APP_PORT={{port}}; {prepare} && exec {python} {' '.join(_GUNICORN)}"

    def sign_token(self, lifetime_s: float) -> str:
        """Sign a token that is valid for so long, whether the API runs or not.

        Raises:
            CannotStartError: the API's settings are wrong, or its key can't be read.
        """
        days = ("--ttl-days", str(lifetime_s / _DAY_S))
        scopes = [f"--scope={scope}" for scope in ("read", "write", "load-test")]
        return self.run("token", "load tests of this machine", *days, *scopes)

    def run(self, *arguments: str) -> str:
        """Run a command of the API, `python -m app ...`, and return its output.

        Raises:
            CannotStartError: it fails; the message ends with its output.
        """
        done = subprocess.run(  # noqa: S603 - our own command line
            [self.python, "-m", "app", *arguments],
            cwd=self.source,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            output = (done.stderr or done.stdout).strip()[-2000:]
            raise CannotStartError(f"python -m app {arguments[0]} failed: {output}")
        return done.stdout.strip()


@dataclass(frozen=True)
class ShippedApi:
    """A running instance of the API of this project."""

    url: str
    token: str

    @classmethod
    def start(cls, services: Services, instance: ApiInstance) -> ShippedApi:
        """Migrate and seed its database, make a token for a day, and start it under gunicorn.

        Args:
            services: the processes to which it is added.
            instance: what is started, and how.

        Raises:
            CannotStartError: any of it fails; the message ends with the output.
        """
        instance.run("migrate")
        instance.run("seed")
        token = instance.sign_token(_DAY_S)
        gunicorn = [instance.python, *_GUNICORN]
        services.start(instance.name, gunicorn, cwd=instance.source, environment=instance.environment)
        services.wait_until_ready(instance.name, f"{instance.url}{HEALTH_PATH}")
        return cls(url=instance.url, token=token)


def database_url(var: Path) -> str:
    """URL of the shipped API's own database: APP_DATABASE_URL, else an SQLite file under `var`."""
    return os.environ.get("APP_DATABASE_URL") or f"sqlite:///{(var / 'app' / 'app.db').absolute()}"
