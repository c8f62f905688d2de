"""The shipped DAG files, as Airflow reads it."""

from typing import Any

import pytest

from tests.airflow_process import AirflowProcess

HEAVY = {"alembic", "great_expectations", "numpy", "pandas", "requests", "scipy", "sqlalchemy", "uvloop", "vl_convert"}


@pytest.fixture(scope="module")
def found(airflow: AirflowProcess) -> dict[str, Any]:
    (found,) = airflow.read_dags({})
    return found


def test_is_read_without_errors_and_alone(found: dict[str, Any]) -> None:
    assert found["errors"] == {}
    assert {dag_id: dag["file"] for dag_id, dag in found["dags"].items()} == {
        "nightly_performance": "nightly_performance.py",
        "performance_maintenance": "performance_maintenance.py",
        "performance_triage": "performance_triage.py",
    }
    assert found["files"] == 3, "files that are no DAG files are parsed for nothing; see dags/.airflowignore"


def test_reading_it_imports_nothing_heavy(found: dict[str, Any]) -> None:
    assert "loadtasks" in found["imported"]
    assert HEAVY.isdisjoint(found["imported"])


def test_runs_at_2_oclock_one_run_at_a_time(found: dict[str, Any]) -> None:
    dag = found["dags"]["nightly_performance"]
    assert dag["schedule"][0] == "0 2 * * *"
    assert "UTC" in dag["schedule"][1]
    assert dag["catchup"] is False
    assert dag["max_active_runs"] == 1
    assert dag["paused"] is False
