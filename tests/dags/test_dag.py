"""The DAG as Airflow reads it."""

from pathlib import Path
from typing import Any

import pytest

from loadtasks.scenarios.files import read_scenarios
from tests.dags.airflow_process import AirflowProcess
from tests.workspaces import SHIPPED_SCENARIOS

READ = """
import json, sys
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.configuration import conf
folder = conf.get("core", "dags_folder")
bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
dag = bag.dags.get("nightly_performance")
found = {
    "errors": bag.import_errors,
    "dags": sorted(bag.dags),
    "files": len(bag.dagbag_stats),
    "heavy": [each for each in ("great_expectations", "pandas", "matplotlib") if each in sys.modules],
}
if dag:
    found |= {
        "schedule": [dag.timetable.expression, str(dag.timetable.timezone)],
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "paused": dag.is_paused_upon_creation,
        "doc": dag.doc_md,
        "params": {name: dag.params.get_param(name).dump() for name in dag.params},
        "tasks": {
            task.task_id: {
                "after": sorted(task.upstream_task_ids),
                "rule": task.trigger_rule.value,
                "pool": task.pool,
                "mapped": task.is_mapped,
            }
            for task in dag.tasks
        },
    }
print(json.dumps(found, default=str))
"""


@pytest.fixture(scope="module")
def dag(airflow: AirflowProcess) -> dict[str, Any]:
    return dict(airflow.answer(READ))


def test_is_read_without_errors_and_alone(dag: dict[str, Any]) -> None:
    assert dag["errors"] == {}
    assert dag["dags"] == ["nightly_performance"]
    assert dag["files"] == 1, "files that are no DAG files are parsed for nothing; see dags/.airflowignore"


def test_reading_it_imports_nothing_heavy(dag: dict[str, Any]) -> None:
    assert dag["heavy"] == []


def test_runs_every_night_one_at_a_time(dag: dict[str, Any]) -> None:
    assert dag["schedule"][0] == "0 2 * * *"
    assert "UTC" in dag["schedule"][1]
    assert dag["catchup"] is False
    assert dag["max_active_runs"] == 1
    assert dag["paused"] is False


def test_goes_on_after_a_failed_measurement_but_not_after_a_broken_step(dag: dict[str, Any]) -> None:
    tasks = dag["tasks"]
    assert {name: task["after"] for name, task in tasks.items()} == {
        "open_run": [],
        "measure": ["open_run"],
        "suspects": ["measure"],
        "measure_again": ["suspects"],
        "judge": ["measure_again"],
        "compare": ["judge"],
        "report": ["compare"],
        "alert": ["report"],
        "verdict": ["alert"],
    }
    always = {name for name, task in tasks.items() if task["rule"] == "all_done"}
    assert always == {"suspects", "judge", "alert", "verdict"}
    assert {task["rule"] for name, task in tasks.items() if name not in always} == {"all_success"}


def test_measures_one_scenario_at_a_time(dag: dict[str, Any]) -> None:
    for name in ("measure", "measure_again"):
        assert dag["tasks"][name]["mapped"]
        assert dag["tasks"][name]["pool"] == "load_generator"


def test_form_offers_the_scenarios_and_takes_no_token(dag: dict[str, Any]) -> None:
    assert sorted(dag["params"]) == ["load_factor", "processes", "reference", "scenarios", "target"]
    assert dag["params"]["scenarios"]["schema"]["examples"] == list(read_scenarios(SHIPPED_SCENARIOS))
    assert dag["params"]["load_factor"]["value"] == 1
    assert dag["params"]["processes"]["value"] is None  # that of the environment


def test_doc_tells_of_every_task(dag: dict[str, Any]) -> None:
    assert [name for name in dag["tasks"] if f"`{name}`" not in dag["doc"]] == []


def test_is_there_although_a_scenario_file_is_wrong(airflow: AirflowProcess, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("endpoint: [")
    dag = airflow.answer(READ, LOADTASKS_SCENARIOS=str(tmp_path))
    assert dag["errors"] == {}
    assert dag["params"]["scenarios"]["schema"]["examples"] == []
