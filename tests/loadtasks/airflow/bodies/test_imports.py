"""What the tasks import before they do anything: each has a process of its own, which would import it each time."""

from typing import Any

import pytest

from tests.airflow_process import AirflowProcess

_IMPORT = """
import importlib, json, sys
from airflow.sdk import DAG
from airflow.dag_processing.dagbag import BundleDagBag
found = {}
for body in ("measuring", "opening", "judging", "telling", "maintaining", "reference"):
    before = set(sys.modules)
    importlib.import_module(f"loadtasks.airflow.bodies.{body}")
    found[body] = sorted(set(sys.modules) - before)
print(json.dumps(found))
"""
HEAVY = {"alembic", "altair", "fastapi", "great_expectations", "jsonschema", "matplotlib", "pandas", "vl_convert"}
"""Each takes from 0.2 to 3 s of CPU time; whoever needs one imports it where it is needed."""


@pytest.fixture(scope="module")
def found(airflow: AirflowProcess) -> dict[str, Any]:
    return dict(airflow.evaluate(_IMPORT))


def test_no_task_imports_what_only_one_needs(found: dict[str, Any]) -> None:
    for body, imported in found.items():
        assert HEAVY.isdisjoint({name.split(".")[0] for name in imported}), body
        assert "scipy.stats" not in imported, body


def test_measuring_imports_the_engine(found: dict[str, Any]) -> None:
    assert {"uvloop", "loadtasks.engine.run_scenario"} <= set(found["measuring"]), "nothing was listed"
