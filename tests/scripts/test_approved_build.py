"""The approved build runs with the packages of its own lock file."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from scripts import PROJECT, CannotStartError
from scripts.approved_build import LOCK, interpreter_for


def test_a_build_with_the_same_lock_file_needs_no_environment(tmp_path: Path) -> None:
    assert interpreter_for(PROJECT / LOCK, tmp_path) == sys.executable
    assert list(tmp_path.iterdir()) == []


def test_a_build_with_another_lock_file_has_an_environment_of_its_own_made_once(tmp_path: Path) -> None:
    lock = tmp_path / LOCK
    lock.write_text(f"idna=={version('idna')}\n")
    python = interpreter_for(lock, tmp_path)
    listed = subprocess.run(
        [python, "-c", "import importlib.metadata as m; print([d.name for d in m.distributions()])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout.strip() == "['idna']"
    made = Path(python).parents[1] / "made"
    before = made.stat().st_mtime_ns
    assert interpreter_for(lock, tmp_path) == python
    assert made.stat().st_mtime_ns == before


def test_packages_that_can_not_be_installed_are_named(tmp_path: Path) -> None:
    lock = tmp_path / LOCK
    lock.write_text("no such requirement ==\n")
    with pytest.raises(CannotStartError, match="can't be installed"):
        interpreter_for(lock, tmp_path)
