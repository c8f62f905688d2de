"""What tasks do that depends on the clock and on other DAGs, with an Airflow that a test makes up."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from loadtasks.results.message import MessageKind
from loadtasks.results.store import Store
from tests.airflow_process import AirflowProcess
from tests.measurements import run

NOW = datetime.now(UTC)
DO = """
import json, logging, os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from airflow.sdk.exceptions import AirflowRuntimeError, AirflowSecretsBackendAccessDenied
from airflow.models.base import Base
from airflow.models.pool import Pool
from airflow.models.taskinstance import TaskInstance
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import ErrorResponse, PreviousDagRunResult
from airflow.sdk.exceptions import ErrorType
from sqlalchemy import create_engine, insert, select
from sqlalchemy.orm import Session
from uuid import uuid4
from loadtasks.airflow import airflow_settings, connections, late_runs, missing_pools, notifications
from loadtasks.airflow.bodies import maintaining, opening, task_context, telling

records = []
class Kept(logging.Handler):
    def emit(self, record):
        records.append(record.getMessage())
logging.getLogger("loadtasks").addHandler(Kept())
logging.getLogger("loadtasks").setLevel("INFO")
task_context.mask_secret = lambda secret: None
url = os.environ["LOADTASKS_RESULTS_URL"]
for module in (airflow_settings, connections, notifications):
    module.find_connection = lambda connection_id: None
notifications.Variable = SimpleNamespace(get=lambda name, default: default)

class Instance:
    def __init__(self, try_number=1):
        self.try_number, self.pushed = try_number, {}
    def xcom_push(self, key, value):
        self.pushed[key] = value
    def get_dag(self, dag_id):
        if dag_id not in dags:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.DAG_NOT_FOUND if hasattr(ErrorType, "DAG_NOT_FOUND")
                else ErrorType.API_SERVER_ERROR))
        return SimpleNamespace(**dags[dag_id])

def opened(run_id, hours_ago, try_number=1, max_delay_s=3600.0):
    ti = Instance(try_number)
    context = {"run_id": run_id, "ti": ti, "params": {}, "dag": SimpleNamespace(dag_id="orders"),
               "dag_run": SimpleNamespace(run_after=datetime.now(UTC) - timedelta(hours=hours_ago))}
    opening.get_current_context = lambda: context
    return opening._too_late(max_delay_s)

found = {"too late": [
    opened("scheduled__1", 10), opened("scheduled__1", 0.5), opened("manual__1", 10), opened("scheduled__1", 10, 2),
    opened("scheduled__1", 10, max_delay_s=None),
]}

now = datetime.now(UTC)
dags = {
    "orders": {"is_paused": False, "next_dagrun": now - timedelta(hours=5)},
    "waiting": {"is_paused": False, "next_dagrun": now + timedelta(hours=5)},
    "just due": {"is_paused": False, "next_dagrun": now - timedelta(minutes=50)},
    "paused": {"is_paused": True, "next_dagrun": now - timedelta(hours=5)},
    "unscheduled": {"is_paused": False, "next_dagrun": None},
}
maintaining.get_current_context = lambda: {"ti": Instance()}
for _ in range(2):
    maintaining.notice_missing_runs([*dags, "deleted"], 3600.0, 3600.0)

def late(**changes):
    dag_run = {"dag_id": "orders", "dag_run_id": "scheduled__2", "run_type": "scheduled",
               "run_after": (now - timedelta(hours=4)).isoformat(),
               "queued_at": (now - timedelta(hours=4)).isoformat()} | changes
    late_runs.tell_late(context={"dag_run": dag_run}, deadline_s=3600.0, max_delay_s=3600.0)

late()
late()
late(run_type="manual", dag_run_id="manual__3", queued_at=now.isoformat())
late(dag_run_id="scheduled__6", queued_at=(now - timedelta(minutes=1)).isoformat())
late(run_type="manual", dag_run_id="manual__4", queued_at=(now - timedelta(hours=2)).isoformat())

def denied():
    raise AirflowSecretsBackendAccessDenied("as Airflow 3.3 does in a callback")

usual, telling.mailing = telling.mailing, denied
late(dag_run_id="scheduled__5")
telling.mailing = usual
found["noted"] = [line for line in records if "scheduled__5" in line]
maintaining.notice_missing_runs([], 3600.0, 3600.0)
del os.environ["LOADTASKS_RESULTS_URL"], os.environ["LOADTASKS_VAR"]  # now a callback can't know where results are
airflow_settings.results_url = lambda connection: url
airflow_settings.find_connection = lambda connection_id: True

class Supervisor:
    def send(self, message):
        due = {"orders": now - timedelta(hours=4), "fresh": now}.get(message.dag_id)
        if due is None:
            return PreviousDagRunResult()
        return PreviousDagRunResult.model_construct(dag_run=SimpleNamespace(
            run_id="scheduled__8", run_type="scheduled", run_after=due, start_date=due))

task_runner.SUPERVISOR_COMMS = Supervisor()
for _ in range(2):
    maintaining.notice_missing_runs(["fresh", "deleted"], 3600.0, 3600.0)

def no_access(connection_id):
    raise AirflowSecretsBackendAccessDenied("as Airflow 3.3 does in a callback")

airflow_settings.find_connection = no_access
late(dag_run_id="scheduled__7")
found["log"] = records

engine = create_engine("sqlite://")
Base.metadata.create_all(engine, tables=[Pool.__table__, TaskInstance.__table__])
with Session(engine) as session:
    session.execute(insert(Pool.__table__).values(pool="default_pool", slots=8, include_deferred=False))
    rows = [("measure", "eu", "PipelineOperator"), ("confirm", "eu", "PipelineOperator"),
            ("judge", "default_pool", "PipelineOperator"), ("other", "theirs", "PythonOperator")]
    for number, (task_id, pool, operator) in enumerate(rows):
        session.execute(insert(TaskInstance.__table__).values(
            id=uuid4(), task_id=task_id, dag_id="orders", run_id="1", map_index=-1, pool=pool, operator=operator,
            pool_slots=1, try_number=0, queue="default"))
    found["missing"] = []
    for _ in range(2):
        missing = missing_pools.missing_pools(session, "orders", "1")
        found["missing"].append(missing)
        for name in missing * 2:
            session.execute(missing_pools._insert(session, name))
    found["pools"] = [[pool.pool, pool.slots] for pool in session.scalars(select(Pool).order_by(Pool.pool))]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def url(airflow: AirflowProcess) -> str:
    """The results database, with a scheduled run of the DAG `orders`."""
    url = f"sqlite:///{airflow.var / 'results.db'}"
    with Store.open(url) as store:
        started_at = NOW - timedelta(days=1)
        store.open_run(run("before", dag_id="orders", trigger="scheduled", service="shop", started_at=started_at))
    return url


@pytest.fixture(scope="module")
def found(airflow: AirflowProcess, url: str) -> dict[str, Any]:
    return dict(airflow.evaluate(DO, LOADTASKS_RESULTS_URL=url))


def test_a_scheduled_run_is_not_made_up_for_by_day_unless_somebody_clears_it(found: dict[str, Any]) -> None:
    sentence, *others = found["too late"]
    assert "would begin 10 h 0 min late" in sentence
    assert "more than 1 h 0 min late are not made up for" in sentence
    assert "\n" not in sentence
    assert others == [None] * 4


def test_only_a_run_that_was_due_and_did_not_come_is_missing(found: dict[str, Any], url: str) -> None:
    with Store.open(url) as store:
        missed = [message for message in store.messages.newest_first() if message.kind is MessageKind.MISSED]
    (message,) = missed
    assert message.service == "shop"
    assert message.run_id is not None
    assert message.run_id.startswith("orders.scheduled__")
    assert "[MISSED] shop: no run came that was due" in message.subject
    log = "\n".join(found["log"])
    for known in ("paused: paused, so", "deleted: Airflow has no such DAG", "unscheduled: it has no schedule"):
        assert known in log


def test_a_run_is_late_by_its_own_time_and_reported_once(
    found: dict[str, Any], url: str, airflow: AirflowProcess
) -> None:
    with Store.open(url) as store:
        late = [message.run_id for message in store.messages.newest_first() if message.kind is MessageKind.LATE]
    assert sorted(filter(None, late)) == [
        "orders.manual__4",
        "orders.scheduled__2",
        "orders.scheduled__5",
        "orders.scheduled__8",
    ]
    (noted,) = found["noted"]
    assert "performance_maintenance tells people" in noted
    for name in ("manual__3", "scheduled__6"):
        assert f"The run {name} is not late: it has only just been begun" in found["log"]
    assert {path.name for path in Path(airflow.var / "outbox").iterdir()} >= {"orders.scheduled__2.eml"}
    known = [line for line in found["log"] if line.endswith("is late; the mail went to nobody: people know")]
    assert len(known) == 2


def test_a_callback_that_cannot_note_a_late_run_says_who_finds_it(found: dict[str, Any]) -> None:
    (said,) = (line for line in found["log"] if "scheduled__7" in line)
    assert "performance_maintenance finds it and tells people" in said


def test_pools_of_the_pipeline_that_are_missing_are_made_once(found: dict[str, Any]) -> None:
    assert found["missing"] == [["eu"], []]
    assert found["pools"] == [["default_pool", 8], ["eu", 1]]
