"""Airflow on one machine: its database migrated, and one command at a time. Settings come from airflow.env."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtasks.airflow import LOAD_GENERATOR_POOL
from scripts import PROJECT, CannotStartError


def airflow_home() -> Path:
    """Where Airflow keeps its database, logs and secrets.

    Raises:
        CannotStartError: airflow.env was not sourced.
    """
    home = os.environ.get("AIRFLOW_HOME")
    if not home or "AIRFLOW__CORE__DAGS_FOLDER" not in os.environ:
        raise CannotStartError("Airflow's settings are missing: start this with make, or source scripts/airflow.env.")
    return Path(home)


def airflow_command(*arguments: str) -> list[str]:
    """An airflow command line, of the environment that this Python belongs to."""
    return [str(Path(sys.executable).parent / "airflow"), *arguments]


def prepare() -> None:
    """Migrate Airflow's database and make the pool, unless that was done with the same requirements.txt.

    Raises:
        CannotStartError: Airflow refuses to; the message ends with its output.
    """
    home = airflow_home()
    stamp = home / "prepared"
    lock = hashlib.sha256((PROJECT / "requirements.txt").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == lock:
        return
    for arguments in (
        ("db", "migrate"),
        ("pools", "set", LOAD_GENERATOR_POOL, "1", "One scenario at a time: two would disturb each other"),
    ):
        done = subprocess.run(  # noqa: S603 - our own command line
            airflow_command(*arguments), capture_output=True, text=True, check=False
        )
        if done.returncode:
            output = (done.stdout + done.stderr)[-2000:]
            raise CannotStartError(f"airflow {' '.join(arguments[:2])} failed:\n{output}")
    stamp.write_text(lock)


@contextmanager
def exclusive_use(command: str) -> Iterator[None]:
    """Keep other commands from Airflow's database: a scheduler would run the tasks of `make nightly` a second time.

    Raises:
        CannotStartError: another command uses it, or the folder can't be written.
    """
    home = airflow_home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        file = (home / "in_use_by").open("a+")
    except OSError as error:
        raise CannotStartError(
            f"{home}: can't be written ({error.strerror}); make it writable, or set LOADTASKS_VAR to another folder."
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CannotStartError(
                f"{home} is in use by {file.read().strip() or 'another command'}: stop that first; "
                "under `make airflow` you can also trigger nightly_performance in the UI."
            ) from None
        file.truncate(0)
        file.write(f"{command} (process {os.getpid()})")
        file.flush()
        yield
        file.truncate(0)
