"""What Airflow's own API makes of the DAGs: triggers, links, owners, and DAGs that wait for a verdict."""

import json
from typing import Any

import pytest

from tests.airflow_process import AirflowProcess

WAITING = """
from airflow.sdk import DAG, Asset, task
from loadtasks.airflow.names import verdict_asset

with DAG("rollback", schedule=[Asset("performance://payments-eu/regressed")]):
    @task
    def roll_back(triggering_asset_events=None):
        ...

    roll_back()

with DAG("notify", schedule=Asset(verdict_asset("Payments (EU)", "fail")) | Asset(verdict_asset("shop", "fail"))):
    @task
    def notify(): ...

    notify()
"""
TEAM = """
from datetime import timedelta
from loadtasks.airflow.dag_factory import performance_dag
from loadtasks.airflow.maintenance_factory import maintenance_dag

orders = performance_dag("orders", owner="checkout team", tags=["performance", "checkout"], deadline=timedelta(hours=2))
maintenance = maintenance_dag()
"""
ASK = """
import json, logging, os
from datetime import UTC, datetime
from fastapi.testclient import TestClient
from airflow import settings
from airflow.api_fastapi.app import create_app
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
from airflow.models.base import Base
from airflow.models.deadline import Deadline
from airflow.utils.db import synchronize_log_template
from sqlalchemy import select
from loadtasks.airflow.run_notes import note_with

logging.disable()
client = TestClient(create_app(apps="core"), follow_redirects=False)
Base.metadata.create_all(settings.engine)  # migrations take many times as long
synchronize_log_template()  # which is part of them
folder = os.environ["AIRFLOW__CORE__DAGS_FOLDER"]
DagBundlesManager().sync_bundles_to_db()
bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
sync_bag_to_db(bag, "dags-folder", None)
found = {"errors": bag.import_errors, "waiting": {}}
for dag_id in ("rollback", "notify"):
    asked = client.get(f"/api/v2/dags/{dag_id}/details").json()
    found["waiting"][dag_id] = asked["asset_expression"]

def trigger(conf):
    asked = client.post("/api/v2/dags/orders/dagRuns", json={"conf": conf, "logical_date": None})
    return [asked.status_code, str(asked.json().get("detail", ""))]

found["triggers"] = [[conf, *trigger(conf)] for conf in json.loads(os.environ["CONFS"])]
backfill = {"dag_id": "orders", "from_date": "2026-01-01T00:00:00Z", "to_date": "2026-01-03T00:00:00Z"}
asked = client.post("/api/v2/backfills", json=backfill)
found["backfill"] = [asked.status_code, str(asked.json().get("detail"))]
dag = client.get("/api/v2/dags/orders/details").json()
found["dag"] = {key: dag[key] for key in ("owners", "owner_links", "tags", "is_backfillable")}
found["tasks"] = {
    task["task_id"]: task["doc_md"] for task in client.get("/api/v2/dags/orders/tasks").json()["tasks"]
}
due = datetime(2026, 11, 29, 2, tzinfo=UTC)
made = client.post("/api/v2/dags/orders/dagRuns", json={"dag_run_id": "run:1", "logical_date": due.isoformat()})
links = "/api/v2/dags/orders/dagRuns/run:1/taskInstances/{}/links"
found["links"] = [client.get(links.format(task)).json().get("extra_links") for task in ("open_run", "verdict")]
found["mapped links"] = client.get(links.format("measure"), params={"map_index": -1}).json().get("extra_links")
deadlines = settings.Session().scalars(select(Deadline).order_by(Deadline.deadline_time)).all()
found["deadline"] = [str(deadlines[0].deadline_time), deadlines[0].callback.data["path"]]
found["notes"] = [
    note_with("FAIL, shop: ![x](http://evil/x.png) <b>", None),
    note_with("PASS.", "mine\\n\\n**Verdict** FAIL."),
    note_with("x" * 2000, "m" * 900),
    note_with("x", "m" * 1000),
]
print(json.dumps(found))
"""
CONFS: list[dict[str, Any]] = [
    {"target": "http://127.0.0.1:8000"},
    {"target": " https://api.example.com/v2 ", "reference": "[::1]:8000"},
    {"target": "", "processes": 4, "load_factor": 20},
    {"target": "not an address"},
    {"target": "ftp://api.example.com"},
    {"target": "http://ada:secret@api.example.com"},
    {"reference": "http://api.example.com?token=1"},
    {"load_factor": 20.1},
    {"load_factor": 0},
    {"load_factor": "2"},
    {"processes": 0},
    {"scenarios": "dashboard"},
    {"service": "x" * 201},
]


@pytest.fixture(scope="module")
def found(airflow: AirflowProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("dags")
    (folder / "team.py").write_text(TEAM)
    (folder / "waiting.py").write_text(WAITING)
    answered = airflow.evaluate(
        ASK,
        CONFS=json.dumps(CONFS),
        AIRFLOW__CORE__DAGS_FOLDER=str(folder),
        AIRFLOW__API__BASE_URL="http://127.0.0.1:8080/team/airflow",
        LOADTASKS_RECIPIENTS="ann@example.org, bob@example.org",
    )
    return dict(answered)


def test_values_that_make_no_sense_are_refused_when_a_run_is_triggered(found: dict[str, Any]) -> None:
    statuses = [(conf, status) for conf, status, _ in found["triggers"]]
    assert statuses == [(conf, 200 if number < 3 else 400) for number, conf in enumerate(CONFS)]
    details = [detail for _, _, detail in found["triggers"]]
    assert "20.1 is greater than the maximum of 20" in details[7]
    assert "load_factor" in details[7]


def test_a_backfill_is_refused_before_it_begins(found: dict[str, Any]) -> None:
    status, sentence = found["backfill"]
    assert 400 <= status < 500
    assert "does not allow backfill runs" in sentence
    assert found["dag"]["is_backfillable"] is False


def test_owner_tags_and_docs_are_shown(found: dict[str, Any]) -> None:
    assert found["dag"]["owners"] == ["checkout team"]
    assert found["dag"]["owner_links"] == {"checkout team": "mailto:ann@example.org"}
    assert sorted(tag["name"] for tag in found["dag"]["tags"]) == ["checkout", "performance"]
    assert [task for task, doc in found["tasks"].items() if not doc or "\n " in doc] == []


def test_tasks_link_to_page_and_report_below_airflows_path(found: dict[str, Any]) -> None:
    links = {
        "Performance page": "/team/airflow/performance/of?dag_id=orders&dag_run_id=run%3A1",
        "Report": "/team/airflow/performance/files/orders.run-1/index.html",
    }
    assert found["links"] == [links, links]
    assert found["mapped links"] == links


def test_a_run_has_a_deadline_from_when_it_was_due(found: dict[str, Any]) -> None:
    assert found["deadline"] == ["2026-11-29 04:00:00+00:00", "loadtasks.airflow.late_runs.tell_late"]


def test_other_dags_can_wait_for_a_verdict(found: dict[str, Any]) -> None:
    assert found["errors"] == {}
    (waited_for,) = found["waiting"]["rollback"]["all"]
    assert waited_for["asset"]["uri"] == "performance://payments-eu/regressed"
    uris = [one["asset"]["uri"] for one in found["waiting"]["notify"]["any"]]
    assert uris == ["performance://payments-eu/fail", "performance://shop/fail"]


def test_a_note_keeps_what_somebody_wrote_and_means_nothing(found: dict[str, Any]) -> None:
    hostile, replaced, cut, full = found["notes"]
    assert "\\!\\[x\\](" in hostile
    assert "://" not in hostile
    assert "\\<b\\>" in hostile
    assert replaced == "mine\n\n**Verdict** PASS."
    assert cut.startswith("m" * 900 + "\n\n**Verdict** xxx")
    assert len(cut) <= 1000
    assert full == "m" * 1000
