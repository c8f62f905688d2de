"""What `performance_dag` makes, as Airflow reads it from a DAG file of a user's own."""

from typing import Any

import pytest

from loadtasks.scenarios.files import read_scenarios
from tests.airflow_process import AirflowProcess
from tests.workspaces import SHIPPED_SCENARIOS

OF_A_TEAM = """
from loadtasks.airflow import performance_dag

orders = performance_dag("orders", schedule="30 1 * * 1-5", timezone="Europe/Berlin")
paired = performance_dag("paired", reference_command="serve --port {port}", reference_folder="/srv/approved")
"""


@pytest.fixture(scope="module")
def found(airflow: AirflowProcess, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The DAG of a team, and once more where a scenario file is wrong."""
    folder, scenarios = tmp_path_factory.mktemp("dags"), tmp_path_factory.mktemp("scenarios")
    (folder / "orders.py").write_text(OF_A_TEAM)
    (scenarios / "wrong.yaml").write_text("endpoint: [")
    return airflow.read_dags({"AIRFLOW__CORE__DAGS_FOLDER": str(folder)}, {"LOADTASKS_SCENARIOS": str(scenarios)})


@pytest.fixture(scope="module")
def dag(found: list[dict[str, Any]]) -> dict[str, Any]:
    assert found[0]["errors"] == {}
    return dict(found[0]["dags"]["orders"])


def test_has_the_name_and_schedule_of_the_dag_file(dag: dict[str, Any]) -> None:
    assert dag["file"] == "orders.py"
    assert dag["schedule"][0] == "30 1 * * 1-5"
    assert "Europe/Berlin" in dag["schedule"][1]


def test_goes_on_after_a_failed_measurement_but_not_after_a_failed_step(dag: dict[str, Any]) -> None:
    tasks = dag["tasks"]
    assert {name: task["after"] for name, task in tasks.items()} == {
        "open_run": [],
        "measure": ["open_run"],
        "repetitions_due": ["measure"],
        "confirm": ["repetitions_due"],
        "judge": ["confirm"],
        "compare": ["judge"],
        "report": ["compare"],
        "alert": ["report"],
        "verdict": ["alert"],
    }
    always = {name for name, task in tasks.items() if task["rule"] == "all_done"}
    assert always == {"repetitions_due", "judge", "alert", "verdict"}
    assert {task["rule"] for name, task in tasks.items() if name not in always} == {"all_success"}


def test_a_reference_is_started_before_the_run_and_stopped_whatever_becomes_of_it(found: list[dict[str, Any]]) -> None:
    tasks = found[0]["dags"]["paired"]["tasks"]
    assert {name: task["role"] for name, task in tasks.items() if task["role"]} == {
        "start_reference": "set-up",
        "stop_reference": "teardown",
    }
    assert tasks["open_run"]["after"] == ["start_reference"]
    assert tasks["stop_reference"]["after"] == ["confirm", "start_reference"]
    assert tasks["stop_reference"]["rule"] == "all_done_setup_success"
    assert tasks["judge"]["after"] == ["confirm"]


def test_measures_one_scenario_at_a_time(dag: dict[str, Any]) -> None:
    for name in ("measure", "confirm"):
        assert dag["tasks"][name]["mapped"]
        assert dag["tasks"][name]["pool"] == "load_generator"


def test_form_offers_the_scenarios_and_takes_no_token(dag: dict[str, Any]) -> None:
    assert sorted(dag["params"]) == ["load_factor", "processes", "reference", "scenarios", "service", "target"]
    assert dag["params"]["scenarios"]["schema"]["examples"] == list(read_scenarios(SHIPPED_SCENARIOS))
    assert dag["params"]["load_factor"]["value"] == 1
    assert dag["params"]["processes"]["value"] is None  # that of the environment


def test_doc_describes_every_task(dag: dict[str, Any]) -> None:
    assert [name for name in dag["tasks"] if f"`{name}`" not in dag["doc"]] == []


def test_is_there_although_a_scenario_file_is_wrong(found: list[dict[str, Any]]) -> None:
    assert found[1]["errors"] == {}
    assert found[1]["dags"]["orders"]["params"]["scenarios"]["schema"]["examples"] == []
