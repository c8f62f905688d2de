"""Regressions in Airflow's required actions: asked about, decided there or elsewhere, in one process of Airflow."""

import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from loadtasks.results.regression import MovePlace, RegressionState
from loadtasks.results.store import Store
from loadtasks.steps import RunContext
from tests.airflow_process import AirflowProcess
from tests.measurements import SERVICE
from tests.stored_runs import DASHBOARD, SESSIONS, ServiceLife, regression
from tests.workspaces import context_of

HOSTILE = "](javascript:alert) <script>alert(1)</script> ![x](http://evil.test/x) {{ 7 * 7 }}"

ASKS = """
from airflow.sdk import DAG, task

with DAG("asks", schedule=None, is_paused_upon_creation=True) as dag:
    @task
    def ask(triage):
        from loadtasks.airflow.asking import ask_people
        from loadtasks.settings import read_settings
        from loadtasks.steps import RunContext

        ask_people(RunContext.from_settings(read_settings()), "run-1", triage)

    ask("absent_triage") >> ask("asks") >> ask("performance_triage")
"""
TRIAGE = """
from loadtasks.airflow.triage_factory import triage_dag

dag = triage_dag()
"""

PLAY = """
import importlib.util, json, logging, os, threading, time
from pathlib import Path
from fastapi.testclient import TestClient
from airflow import settings
from airflow.api_fastapi.app import create_app, get_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.models.dagrun import DagRun
from airflow.models.dag import DagModel
from airflow.models.pool import Pool
from airflow.utils.db import synchronize_log_template
from airflow.utils.session import create_session
from sqlalchemy import select
from loadtasks import steps
from loadtasks.airflow.required_actions import resolve_decided
from loadtasks.results.regression import RegressionState
from loadtasks.settings import read_settings

client = TestClient(create_app(apps="core"))
import_all_models()
Base.metadata.create_all(settings.engine)  # migrations take many times as long
synchronize_log_template()
Pool.create_or_update_pool("default_pool", 8, "", False)
token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="ann", role="op"))
client.headers["Authorization"] = f"Bearer {token}"
context = steps.RunContext.from_settings(read_settings())

def dag_of(name):
    path = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]) / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.dag

def runs():
    with create_session() as session:
        found = session.scalars(select(DagRun).where(DagRun.dag_id == "performance_triage")).all()
        return {dag_run.run_id: dag_run.conf for dag_run in found}

def waiting():
    query = "/api/v2/dags/~/dagRuns/~/hitlDetails?response_received=false&state=awaiting_input"
    return client.get(query).json()["hitl_details"]

def address(detail):
    task = detail["task_instance"]
    return f"/api/v2/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/-1/hitlDetails"

def play(number, act):
    # The run of one triage DAG, and what happens while it waits.
    said = {}
    def wait_and_act():
        while not (details := waiting()):
            time.sleep(0.05)
        said["asked"] = details[0]
        said["acted"] = act(details[0])
    thread = threading.Thread(target=wait_and_act)
    thread.start()
    dag_run = triage.test(run_conf={"regression": number, "service": "shop"})
    thread.join()
    said["state"] = dag_run.state
    said["result"] = dag_run.get_task_instance("decide").xcom_pull(task_ids="decide")
    said["response"] = client.get(address(said["asked"])).json()
    return said

def respond(option, reason):
    def act(detail):
        body = {"chosen_options": [option], "params_input": {"reason": reason}}
        return client.patch(address(detail), json=body).status_code
    return act

def decide_elsewhere(detail):
    before = resolve_decided()
    steps.move_regression(context, 2, RegressionState.FIXED, who="bob", why="index is back")
    return [before, resolve_decided([1]), resolve_decided(), resolve_decided()]

class Lines(logging.Handler):
    def emit(self, record):
        found["lines"].append(record.getMessage())

triage = dag_of("triage")
found = {"lines": []}
logging.getLogger("loadtasks.airflow.asking").addHandler(Lines())
dag_of("asks").test()
found["started"] = runs()
dag_of("asks").test()
found["started again"] = runs()
found["responded"] = play(1, respond("accept", "TLS\\n*is* on"))
found["elsewhere"] = play(2, decide_elsewhere)
again = triage.test(run_conf={"regression": 1})
found["over"] = again.get_task_instance("decide").xcom_pull(task_ids="decide")
print(json.dumps(found, default=str))
"""


def store_regressions(context: RunContext) -> RunContext:
    ServiceLife(context).run({DASHBOARD: [], SESSIONS: []}, run_id="run-1")
    with Store.open(context.workspace.results_url) as store:
        hostile = regression("run-1").model_copy(update={"version_after": HOSTILE})
        store.regressions.save("run-1", [hostile, regression("run-1", SESSIONS)])
    return context


@pytest.fixture(scope="module")
def context(airflow: AirflowProcess, tmp_path_factory: pytest.TempPathFactory) -> RunContext:
    """Two open regressions of one service: one found by a hostile target's version, one plain."""
    return store_regressions(context_of(var=airflow.var))


@pytest.fixture(scope="module")
def played(airflow: AirflowProcess, context: RunContext, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("dags")
    (folder / "asks.py").write_text(ASKS)
    (folder / "triage.py").write_text(TRIAGE)
    return dict(
        airflow.evaluate(
            PLAY, AIRFLOW__CORE__DAGS_FOLDER=str(folder), AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="False"
        )
    )


def test_each_open_regression_is_asked_about_once(played: dict[str, Any]) -> None:
    asked = {
        f"regression-{number}__2026-11-24T02:00:00+00:00": {"regression": number, "service": SERVICE}
        for number in (1, 2)
    }
    assert played["started"] == played["started again"] == asked


def test_a_triage_dag_that_is_absent_or_paused_costs_one_line(played: dict[str, Any]) -> None:
    absent, paused, *_ = played["lines"]
    assert "`absent_triage` was not found" in absent
    assert "asks is paused" in paused
    assert played["lines"].count(absent) == 2  # a line a run


def test_the_action_says_what_a_target_named_as_text(played: dict[str, Any]) -> None:
    asked = played["responded"]["asked"]
    assert asked["subject"] == f"{DASHBOARD}: p50 rose 50 % since 25 Nov 02:00 (regression 1 of {SERVICE})"
    assert asked["options"] == ["acknowledge", "accept", "dismiss"]
    shown = MarkdownIt("commonmark", {"html": True}).render(asked["body"])
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown
    assert re.findall('(?:href|src)="([^"]*)"', shown) == ["/performance/regressions/1", "/performance/runs/run-1"]


def test_a_response_decides_with_the_name_of_the_user(played: dict[str, Any], context: RunContext) -> None:
    responded = played["responded"]
    assert (responded["acted"], responded["state"]) == (200, "success")
    assert responded["result"] == {"regression": 1, "decision": "accept", "who": "ann", "why": "TLS *is* on"}
    with Store.open(context.workspace.results_url) as store:
        last = store.regressions.find(1).moves[-1]
    assert (last.state, last.who, last.why) == (RegressionState.ACCEPTED, "ann", "TLS *is* on")
    assert last.place is MovePlace.REQUIRED_ACTION


def test_a_decision_elsewhere_ends_the_action_and_is_seen_there(played: dict[str, Any]) -> None:
    elsewhere = played["elsewhere"]
    assert elsewhere["acted"] == [0, 0, 1, 0]  # before the decision; of another regression; at last; once more
    assert elsewhere["state"] == "success"
    assert elsewhere["result"] == {"regression": 2, "decision": "fixed", "who": "bob", "why": "index is back"}
    response = elsewhere["response"]
    assert response["responded_by_user"] == {"id": "bob", "name": "bob"}
    assert (response["chosen_options"], response["params_input"]) == (["fixed"], {"reason": "index is back"})


def test_nobody_is_asked_about_what_is_over(played: dict[str, Any]) -> None:
    assert played["over"] == {"regression": 1, "decision": "accept", "who": "ann", "why": "TLS *is* on"}
