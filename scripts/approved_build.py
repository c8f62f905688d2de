"""Builds of the shipped API that are compared: taken from git, each with a database of its own."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from scripts import PROJECT, CannotStartError
from scripts.shipped_api import SERVICE

LOCK = "requirements.txt"
"""The lock file, which says what the API runs with."""


@dataclass(frozen=True)
class Source:
    """The API's code in a folder."""

    folder: Path
    """The folder that holds `app/`."""
    revision: str
    """The first 12 digits of the commit, with `-dirty` where it was changed since; empty where git doesn't know it."""
    python: str = sys.executable
    """The interpreter whose packages are those of the build's lock file."""


@contextmanager
def checked_out(var: Path, name: str, revision: str | None) -> Iterator[Source]:
    """Check the API out into a folder of its own, which is removed at the end.

    Args:
        var: the folder below which it is checked out.
        name: of the build, which names its folder.
        revision: a git revision; when None, that of the newest approved baseline, else HEAD.

    Raises:
        CannotStartError: there is no such revision, or no git.
    """
    commit = _commit(revision) if revision else _approved() or _commit("HEAD")
    folder = (var / "paired" / name).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with tarfile.open(fileobj=io.BytesIO(_git("archive", commit, "app", LOCK))) as archive:
            archive.extractall(folder, filter="data")
        yield Source(folder, commit[:12], interpreter_for(folder / LOCK, var / "paired"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def interpreter_for(lock: Path, folder: Path) -> str:
    """The interpreter that has what a lock file locks: this one where the project's own says the same.

    Otherwise a change of the packages, a likely reason for a difference, would change both builds.

    Args:
        lock: the lock file of a build.
        folder: where an environment is made for it; the next build with the same lock file finds it there.

    Raises:
        CannotStartError: the packages can't be installed.
    """
    content = lock.read_bytes()
    if content == (PROJECT / LOCK).read_bytes():
        return sys.executable
    environment = (folder / f"environment-{sha256(content).hexdigest()[:12]}").absolute()
    python, made = environment / "bin" / "python", environment / "made"
    if not made.exists():
        print(f"Making an environment from the {LOCK} of {lock.parent.name} (once) ...", flush=True)  # noqa: T201
        uv = [sys.executable, "-m", "uv", "--quiet"]
        _install([*uv, "venv", "--clear", "--python", sys.executable, str(environment)])
        _install([*uv, "pip", "sync", "--compile-bytecode", "--python", str(python), str(lock)])
        made.touch()
    return str(python)


def working_revision() -> str:
    """The revision of the working tree, with `-dirty` when app/ was changed since; empty where git doesn't know it."""
    try:
        changed = _git("status", "--porcelain", "--", "app")
        return _commit("HEAD")[:12] + ("-dirty" if changed else "")
    except CannotStartError:
        return ""


def fresh_database(var: Path, name: str) -> str:
    """URL of an empty SQLite database under `var`, so that both builds begin with the same content."""
    path = (var / "paired" / f"{name}.db").absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()
    return f"sqlite:///{path}"


def _install(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode:
        raise CannotStartError(
            f"The packages of the approved build can't be installed: {done.stderr.strip()[-1000:] or command}"
        )


def _approved() -> str | None:
    """The commit of the shipped API's newest approved baseline; None without one, or if it names no commit of ours."""
    from loadtasks.results.store import Store  # noqa: PLC0415 - takes a second
    from loadtasks.settings import read_settings  # noqa: PLC0415
    from loadtasks.workspace import Workspace  # noqa: PLC0415

    settings = read_settings()
    with Store.open(Workspace.from_settings(settings).results_url) as store:
        newest = next(iter(store.approvals.standing(settings.service or SERVICE)), None)
    _, _, revision = ((newest and newest.target_version) or "").partition("+")
    try:
        return _commit(revision) if revision else None
    except CannotStartError:
        return None  # a changed working tree, or another repository


def _commit(revision: str) -> str:
    return _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()


def _git(*arguments: str) -> bytes:
    command = ["git", "-C", str(PROJECT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no shell
    except FileNotFoundError as error:
        raise CannotStartError("git is not installed, and the approved build comes from it.") from error
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip() or "there is no such revision"
        raise CannotStartError(f"git {' '.join(arguments)}: {reason}; name the approved one with REFERENCE=REVISION.")
    return done.stdout
