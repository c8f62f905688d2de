"""Where each process of Airflow takes its settings from: connection, environment, the DAG file's folder."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.airflow_process import AirflowProcess
from tests.servers import answering, ok, scripted

RESULTS = "AIRFLOW_CONN_PERFORMANCE_RESULTS"
HOME = "/srv/airflow/performance"
SERVER = {
    "conn_type": "postgres",
    "host": "db.example",
    "port": 5433,
    "login": "results",
    "password": "p@ss/word",
    "schema": "results",
    "extra": {"sslmode": "require", "cursor": "dictcursor"},
}
AT_SERVER = "postgresql+psycopg://results:p%40ss%2Fword@db.example:5433/results?sslmode=require"
NAMED = "the Airflow connection performance_results"
CELERY = {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"}


def connection(**changes: Any) -> dict[str, str]:
    return {RESULTS: json.dumps(SERVER | changes)}


CASES: dict[str, tuple[dict[str, str], list[str | None] | str]] = {
    # What the environment holds; the results database and the folder of everything else, or the beginning of a refusal.
    "nothing is said": ({}, [None, HOME]),
    "a connection": (connection(), [AT_SERVER, HOME]),
    "a connection, for workers with other disks": (connection() | CELERY, [AT_SERVER, HOME]),
    "a connection goes before a variable": (
        connection() | {"LOADTASKS_RESULTS_URL": "sqlite:////other.db"},
        [AT_SERVER, HOME],
    ),
    "a connection and a folder": (connection() | {"LOADTASKS_VAR": "/shared"}, [AT_SERVER, "/shared"]),
    "generic, without the provider": (connection(conn_type="generic", extra={}), [AT_SERVER.partition("?")[0], HOME]),
    "an SQLite file": (
        {RESULTS: json.dumps({"conn_type": "sqlite", "host": "/srv/r.db"})},
        ["sqlite:////srv/r.db", HOME],
    ),
    "a variable": ({"LOADTASKS_RESULTS_URL": "sqlite:////other.db"} | CELERY, ["sqlite:////other.db", HOME]),
    "a folder that all share": ({"LOADTASKS_VAR": "/shared"} | CELERY, [None, "/shared"]),
    "other disks": (
        CELERY,
        f"with CeleryExecutor results can't be kept in {HOME}, since each worker has a disk of its own",
    ),
    "other disks among others": (
        {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor,pods:airflow.providers.cncf.kubernetes.x.KubernetesExecutor"},
        "with KubernetesExecutor results can't be kept",
    ),
    "another database": (connection(conn_type="mysql"), f"{NAMED} is of type mysql"),
    "no database": (connection(schema=None), f"{NAMED} needs a host name and"),
    "a whole URL": (
        connection(host="postgresql://db/x"),
        f"{NAMED} needs a host name",
    ),
    "a login of a cloud": (
        connection(extra={"iam": True}),
        f"{NAMED} logs in by iam",
    ),
    "an extra that is none": (connection(extra="[1]"), f"{NAMED} has an extra"),
    "a relative file": (
        {RESULTS: json.dumps({"conn_type": "sqlite", "host": "r.db"})},
        f"{NAMED} needs the absolute path",
    ),
}
READ = """
import json, os
from collections.abc import Iterator
from pathlib import Path
from airflow.sdk.configuration import conf
from loadtasks.airflow.airflow_settings import airflow_settings
from loadtasks.airflow.dag_project import DagProject
from loadtasks.airflow.target_hook import PerformanceTargetHook
from loadtasks.errors import LoadTasksError

def settings(project=None):
    try:
        return airflow_settings(project)
    except LoadTasksError as error:
        return str(error)

found = []
before = dict(os.environ)
for case in json.loads(os.environ["CASES"]):
    os.environ.update(case)
    read = settings()
    found.append(read if isinstance(read, str) else [read.results_url, str(read.var)])
    for name in case:
        os.environ.pop(name)
    os.environ.update(AIRFLOW__CORE__EXECUTOR="LocalExecutor")

def folders(named):
    read = settings(DagProject(Path("/dags"), is_named=named))
    return [str(read.scenarios), str(read.expectations)]

projects = {"of the file": folders(False), "named": folders(True)}
os.environ["LOADTASKS_SCENARIOS"] = "/variable"
projects |= {"of the file, and a variable": folders(False), "named, and a variable": folders(True)}

tests = []
for host in json.loads(os.environ["HOSTS"]):
    os.environ["AIRFLOW_CONN_TRIED"] = json.dumps({"conn_type": "performance_target", "host": host})
    tests.append(PerformanceTargetHook("tried").test_connection())
print(json.dumps({"cases": found, "projects": projects, "tests": tests}))
"""


@pytest.fixture(scope="module")
def found(airflow: AirflowProcess, healthy: str) -> dict[str, Any]:
    clean = dict.fromkeys(("LOADTASKS_VAR", "LOADTASKS_SCENARIOS", "LOADTASKS_EXPECTATIONS"), "")
    cases = [environment for environment, _ in CASES.values()]
    hosts = [healthy, "http://127.0.0.1:1", "http://no host/", ""]
    more = {"CASES": json.dumps(cases), "HOSTS": json.dumps(hosts), "AIRFLOW_HOME": str(Path(HOME).parent)}
    return dict(airflow.evaluate(READ, **clean, **more))


@pytest.fixture(scope="module")
def healthy() -> Iterator[str]:
    with scripted(answering(ok(b"{}"))) as server:
        yield server.url


@pytest.mark.parametrize("name", CASES)
def test_results_are_where_all_processes_find_them(found: dict[str, Any], name: str) -> None:
    expected = CASES[name][1]
    got = found["cases"][list(CASES).index(name)]
    if isinstance(expected, str):
        assert isinstance(got, str)
        assert got.startswith(expected)
        assert "p@ss" not in got
    else:
        assert got == expected


def test_scenarios_are_next_to_the_dag_file_unless_somebody_says_where(found: dict[str, Any]) -> None:
    assert found["projects"] == {
        "of the file": ["/dags/scenarios", "/dags/expectations"],
        "named": ["/dags/scenarios", "/dags/expectations"],
        "of the file, and a variable": ["/variable", "/dags/expectations"],
        "named, and a variable": ["/dags/scenarios", "/dags/expectations"],
    }


def test_a_connection_can_be_tried_in_the_form(found: dict[str, Any], healthy: str) -> None:
    good, unreachable, no_address, empty = found["tests"]
    assert good == [True, f"GET /healthz of {healthy} responded 200."]
    assert [passed for passed, _ in (unreachable, no_address, empty)] == [False] * 3
    assert "can't be reached" in unreachable[1]
    assert "the Airflow connection to be tested" not in unreachable[1]
    assert no_address[1].startswith("Airflow connection to be tested: its host http://no host/ is not an address")
    assert empty[1].startswith("The connection has no address")
