"""Workspaces of a test's own."""

import os
from pathlib import Path

import pytest

from loadtasks.settings import read_settings
from loadtasks.steps import RunContext
from loadtasks.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[1]
SHIPPED_SCENARIOS = PROJECT / "scenarios"
SHIPPED_EXPECTATIONS = PROJECT / "expectations"


def own_workspace(folder: Path, monkeypatch: pytest.MonkeyPatch, scenarios: str, suite: str) -> Workspace:
    """Folders with a scenario file and a suite named `thing`, and nothing else that the environment would name."""
    for name in [name for name in os.environ if name.startswith("LOADTASKS_")]:
        monkeypatch.delenv(name)
    for name in ("VAR", "SCENARIOS", "EXPECTATIONS"):
        monkeypatch.setenv(f"LOADTASKS_{name}", str(folder / name.lower()))
    made = Workspace.from_settings(read_settings())
    for input_folder in (made.scenarios, made.expectations):
        input_folder.mkdir()
    (made.scenarios / "thing.yaml").write_text(scenarios)
    (made.expectations / "thing.json").write_text(suite)
    return made


def remove_suites(expectations: Path) -> None:
    """Remove the suites: a process that makes a run then need not import Great Expectations, which takes seconds."""
    for path in expectations.glob("*.json"):
        path.unlink()


ROOT_SCENARIO = """
endpoint: root
scenarios:
  get: {load: {workers: 1, requests: 5}, request: {path: /}}
"""
_ROOT_SUITE = """
{"name": "root", "expectations": [
  {"type": "expect_column_values_to_be_between", "kwargs": {"column": "p95_s", "max_value": 60}}
]}
"""


def root_workspace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with the one scenario `root.get` and a target that it meets."""
    made = own_workspace(folder, monkeypatch, ROOT_SCENARIO, _ROOT_SUITE)
    (made.expectations / "thing.json").rename(made.expectations / "root.json")
    return made


def context_of(**given: object) -> RunContext:
    """The context of the environment that `own_workspace` made, and of settings by name."""
    return RunContext.from_settings(read_settings(**given))
