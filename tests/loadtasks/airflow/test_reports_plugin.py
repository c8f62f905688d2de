"""The reports in the Airflow UI."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from loadtasks.report.folder import write
from tests.airflow_process import AirflowProcess
from tests.loadtasks.report import samples
from tests.measurements import STARTED_AT, run

FETCH = """
import json, logging, os
from fastapi.testclient import TestClient
from airflow import plugins_manager, settings
from airflow.api_fastapi.app import create_app, get_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.configuration import conf
from airflow.models.base import Base
logging.disable()
client = TestClient(create_app(apps="core"), follow_redirects=False)
Base.metadata.create_all(settings.engine)  # migrations take many times as long
paths = json.loads(os.environ["PATHS"])
def fetch(**headers):
    found = {}
    for path in paths:
        response = client.get("/performance-reports" + path, headers=headers)
        found[path] = [response.status_code, response.headers.get("location", ""), response.text]
    return found
token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="reader", role="viewer"))
print(json.dumps({
    "broken": plugins_manager.get_import_errors(),
    "anonymous": fetch(),
    "signed_in": fetch(Authorization=f"Bearer {token}"),
    "policies": [
        client.get("/performance-reports" + path, headers={"Authorization": f"Bearer {token}"}).headers.get(
            "content-security-policy"
        )
        for path in ("/run-1/", "/latest/data_docs/index.html")
    ],
}))
"""

PATHS = [
    "/",
    "/run-1/",
    "/run-1",
    "/latest/data_docs/index.html",
    "/of?dag_run_id=run 1",
    "/of?dag_run_id=other",
    "/of?dag_run_id=../..",
    "/absent/",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/run-1/%2e%2e/%2e%2e/secret.txt",
    "/run-1/link.txt",
    "//etc/passwd",
    "/%00",
]


@pytest.fixture(scope="module")
def reports(airflow: AirflowProcess) -> Path:
    folder = airflow.var / "reports"
    (folder / "run-1" / "data_docs").mkdir(parents=True)
    (folder / "run-1" / "index.html").write_text("the report")
    (folder / "run-1" / "data_docs" / "index.html").write_text("the data docs")
    (folder / "latest").symlink_to("run-1")
    for sequence, name in enumerate(("later", "earlier", "latest of all"), 2):  # by the clock "later" is the last
        started_at = STARTED_AT + timedelta(days=3650 if name == "later" else sequence)
        made = run(name, sequence=sequence, started_at=started_at, service=f"shop <{sequence}>")
        write(samples.document(samples.result("config_put.sequential"), **made.model_dump()), folder)
    (airflow.var / "secret.txt").write_text("the secret")
    (folder / "run-1" / "link.txt").symlink_to(airflow.var / "secret.txt")
    return folder


@pytest.fixture(scope="module")
def responses(airflow: AirflowProcess, reports: Path) -> dict[str, Any]:
    assert reports.is_dir()
    return dict(airflow.evaluate(FETCH, PATHS=json.dumps(PATHS), AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="False"))


def test_is_loaded(responses: dict[str, Any]) -> None:
    assert responses["broken"] == {}


def test_lists_runs_and_shows_reports(responses: dict[str, Any]) -> None:
    found = responses["signed_in"]
    assert found["/"][0] == 200
    names = ("latest of all", "earlier", "later", "run-1")
    assert re.findall('href="([^"]+)/"', found["/"][2]) == list(names)
    assert "shop &lt;4&gt;, 2026-11-28 02:00 UTC" in found["/"][2]
    assert found["/run-1/"] == [200, "", "the report"]
    assert found["/latest/data_docs/index.html"] == [200, "", "the data docs"]
    assert found["/run-1"][:2] == [307, "/performance-reports/run-1/"]


def test_finds_the_report_of_a_dag_run(responses: dict[str, Any]) -> None:
    found = responses["signed_in"]
    assert found["/of?dag_run_id=run 1"][:2] == [307, "/performance-reports/run-1/"]
    for other in ("/of?dag_run_id=other", "/of?dag_run_id=../.."):
        assert "no report" in found[other][2]


def test_nothing_outside_the_reports_is_served(responses: dict[str, Any]) -> None:
    texts = [text for who in ("signed_in", "anonymous") for _, _, text in responses[who].values()]
    assert [text for text in texts if "the secret" in text or "root:" in text] == []
    for path in PATHS[PATHS.index("/absent/") :]:
        assert responses["signed_in"][path][0] == 404, path


def test_nothing_in_a_report_acts_for_the_reader(responses: dict[str, Any]) -> None:
    report, data_docs = responses["policies"]
    assert "script-src 'none'" in report
    assert data_docs.startswith("sandbox")
    assert "allow-same-origin" not in data_docs


def test_nobody_reads_without_airflows_log_in(responses: dict[str, Any]) -> None:
    assert {responses["anonymous"][path][0] for path in PATHS[:7]} == {401}
