"""Workspaces of a test's own."""

import os
from pathlib import Path

import pytest

from loadtasks.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[1]
SHIPPED_SCENARIOS = PROJECT / "scenarios"
SHIPPED_EXPECTATIONS = PROJECT / "expectations"


def own_workspace(folder: Path, monkeypatch: pytest.MonkeyPatch, scenarios: str, suite: str) -> Workspace:
    """Folders with a scenario file and a suite named `thing`, and nothing else that the environment would name."""
    for name in [each for each in os.environ if each.startswith("LOADTASKS_")]:
        monkeypatch.delenv(name)
    for name in ("VAR", "SCENARIOS", "EXPECTATIONS"):
        monkeypatch.setenv(f"LOADTASKS_{name}", str(folder / name.lower()))
    made = Workspace.from_environ()
    for each in (made.scenarios, made.expectations):
        each.mkdir()
    (made.scenarios / "thing.yaml").write_text(scenarios)
    (made.expectations / "thing.json").write_text(suite)
    return made
