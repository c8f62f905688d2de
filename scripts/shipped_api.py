"""The shipped API, started for one command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts import PROJECT, CannotStartError
from scripts.services import Services


@dataclass(frozen=True)
class ShippedApi:
    """A running instance of the API of this project."""

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
        settings: Mapping[str, str] | None = None,
    ) -> ShippedApi:
        """Migrate and seed its database, make a token for a day, and start it under gunicorn.

        Args:
            services: the processes to which it is added.
            database_url: its database.
            port: where it listens, on 127.0.0.1.
            name: of the process, for messages and its log.
            source: the folder that holds its code.
            core: the only core that it may run on; any when None.
            settings: more of its environment variables.

        Raises:
            CannotStartError: any of it fails; the message ends with the output.
        """
        environment = {
            "APP_DATABASE_URL": database_url,
            "APP_HOST": "127.0.0.1",
            "APP_PORT": str(port),
            "APP_ALLOW_LOAD_TEST": "1",
            "PYTHONPATH": str(source),
            **(settings or {}),
        }
        _run_app_command(source, environment, "migrate")
        _run_app_command(source, environment, "seed")
        scopes = [f"--scope={scope}" for scope in ("read", "write", "load-test")]
        token = _run_app_command(source, environment, "token", "load tests of this machine", "--ttl-days", "1", *scopes)
        url = f"http://127.0.0.1:{port}"
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", "app/gunicorn_conf.py", "app.wsgi:application"]
        services.start(name, gunicorn, cwd=source, core=core, environment=environment)
        services.wait_until_ready(name, f"{url}/healthz")
        return cls(url=url, token=token)


def database_url(var: Path) -> str:
    """URL of the shipped API's own database: APP_DATABASE_URL, else an SQLite file under `var`."""
    return os.environ.get("APP_DATABASE_URL") or f"sqlite:///{(var / 'app' / 'app.db').absolute()}"


def _run_app_command(source: Path, environment: dict[str, str], *arguments: str) -> str:
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
