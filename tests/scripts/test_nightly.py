"""`make nightly`: whole runs, for real, against the shipped API; a few light scenarios stand for all."""

import json
import os
import re
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from email import message_from_bytes, message_from_string, policy
from pathlib import Path
from typing import Any

import pytest

from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.judgement import Verdict
from loadtasks.results.store import Store
from loadtasks.scenarios.files import read_scenarios
from loadtasks.settings import read_settings
from loadtasks.steps import RunContext
from tests.airflow_process import AirflowProcess, NightlyRun
from tests.earlier_runs import EarlierRuns
from tests.mail_servers import MailServer, mail_server, text_of
from tests.servers import ok, scripted
from tests.workspaces import SHIPPED_SCENARIOS

LIGHT = ("--scenarios", "config_get.concurrent config_put.sequential")
"""Fast ones."""


def smtp_connection(port: int) -> str:
    extra = {
        "disable_tls": True,
        "disable_ssl": True,
        "from_email": "performance@example.org",
        "retry_limit": 0,
        "timeout": 5,
    }
    return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def text_of_file(eml: Path) -> str:
    return text_of(message_from_bytes(eml.read_bytes(), policy=policy.default))


@pytest.fixture(scope="module")
def good_nightly(airflow: AirflowProcess) -> NightlyRun:
    return airflow.nightly(*LIGHT)


@pytest.fixture(scope="module")
def good_run(good_nightly: NightlyRun) -> dict[str, Any]:
    return good_nightly.airflow.latest_run()


def test_good_run_ends_with_0_and_a_verdict_for_each_scenario(good_nightly: NightlyRun) -> None:
    assert good_nightly.code == 0, good_nightly
    for scenario in ("config_get.concurrent", "config_put.sequential"):
        assert scenario in good_nightly.output


def test_scenarios_are_measured_in_the_order_of_their_files(good_nightly: NightlyRun) -> None:
    measured = [line.split()[1] for line in good_nightly.output.splitlines() if line.startswith("measure ")]
    planned = [name for name in read_scenarios(SHIPPED_SCENARIOS) if name in measured]
    assert len(planned) > 1
    assert measured == planned


def test_good_run_leaves_a_report(good_nightly: NightlyRun) -> None:
    latest = good_nightly.airflow.var / "reports" / "latest"
    assert (latest / "index.html").is_file()
    assert json.loads((latest / "results.json").read_text())["run"]["trigger"] == "manual"
    assert not (good_nightly.airflow.var / "outbox").exists()


def test_good_run_is_in_airflow_with_mapped_tasks_by_name(good_run: dict[str, Any]) -> None:
    assert good_run["state"] == "success"
    steps = ("open_run", "repetitions_due", "judge", "compare", "report", "alert", "verdict")
    done = dict.fromkeys(("config_get.concurrent", "config_put.sequential", *steps), "success")
    assert good_run["tasks"] == done | {"confirm": "skipped"}  # no repetition was due


def test_task_logs_are_where_airflow_looks_for_them(good_run: dict[str, Any], airflow: AirflowProcess) -> None:
    folder = airflow.var / "airflow" / "logs" / "dag_id=nightly_performance" / f"run_id={good_run['run_id']}"
    assert len(list(folder.glob("task_id=measure/map_index=*/attempt=1.log"))) == 2
    lines = [json.loads(line) for line in (folder / "task_id=verdict" / "attempt=1.log").read_text().splitlines()]
    assert any(line["event"].startswith("PASS, shipped-api: ") for line in lines)
    (measured, _) = folder.glob("task_id=measure/map_index=*/attempt=1.log")
    logged = [json.loads(line)["event"] for line in measured.read_text().splitlines()]
    assert any(event.startswith("scenario ") and "p95" in event for event in logged), "the table of the scenario"


def test_only_names_and_the_verdict_travel_by_xcom(good_run: dict[str, Any], airflow: AirflowProcess) -> None:
    with closing(sqlite3.connect(airflow.var / "airflow" / "airflow.db")) as database:
        rows = database.execute("select task_id, key, value from xcom where run_id = ?", (good_run["run_id"],))
        values = {(task_id, key): json.loads(value) for task_id, key, value in rows}
        notes = [note for (note,) in database.execute("select content from dag_run_note")]
        extras = [json.loads(extra) for (extra,) in database.execute("select extra from asset_event order by id")]
        assets = [uri for (uri,) in database.execute("select uri from asset")]
    concluded = values.pop(("verdict", "return_value"))
    assert concluded["verdict"] == "pass"
    assert concluded["sentence"] == "PASS, shipped-api: all 2 scenarios met their targets."
    assert values == {
        ("open_run", "return_value"): ["config_get.concurrent", "config_put.sequential"],
        ("repetitions_due", "return_value"): [],
    }
    assert notes[0] == f"**Verdict** {concluded['sentence']}"
    assert assets[0] == "performance://shipped-api/pass"
    assert {name: extras[0][name] for name in concluded} == concluded


@pytest.fixture(scope="module")
def no_suites(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder without a suite, for runs whose targets are not the point: Great Expectations' import takes seconds."""
    return str(tmp_path_factory.mktemp("no-suites"))


@pytest.fixture(scope="module")
def mailbox() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


def keep_a_bad_past(var: Path, scenario: str, target_url: str) -> None:
    """After a good run, keep runs that leave a scenario one bad run short of suspicion."""
    context = RunContext.from_settings(read_settings(var=var))
    with Store.open(context.workspace.results_url) as store:
        good, _ = store.runs(limit=100)[-1]
        run = good.model_copy(update={"target_url": target_url})
        (measurement,) = store.measurements(run.id, scenario)
    earlier = EarlierRuns(context, run, measurement)
    earlier.keep_baseline(measurement.p50_s or 0.0)
    earlier.forget(earlier.until_suspected(measurement.p50_s or 0.0, success_rate=0.5))


@pytest.fixture(scope="module")
def bad_nightly(good_nightly: NightlyRun, mailbox: MailServer) -> NightlyRun:
    port = free_port()
    keep_a_bad_past(good_nightly.airflow.var, "config_put.sequential", f"http://127.0.0.1:{port}")
    return good_nightly.airflow.nightly(
        *LIGHT,
        "--port",
        str(port),
        APP_FAULTS="config:fail=503@0.5",
        AIRFLOW_CONN_SMTP_DEFAULT=smtp_connection(mailbox.port),
        AIRFLOW_VAR_PERFORMANCE_RECIPIENTS="ann@example.org, bob@example.org",
    )


def test_run_with_a_missed_target_ends_with_1(bad_nightly: NightlyRun) -> None:
    assert bad_nightly.code == 1, bad_nightly
    run = bad_nightly.airflow.latest_run()["tasks"]
    assert {name for name, state in run.items() if state == "failed"} == {"verdict"}
    run_id = bad_nightly.airflow.latest_run()["run_id"]
    logs = bad_nightly.airflow.var / "airflow" / "logs" / "dag_id=nightly_performance" / f"run_id={run_id}"
    lines = [json.loads(line) for line in (logs / "task_id=verdict" / "attempt=1.log").read_text().splitlines()]
    errors = [line for line in lines if line["level"] == "error"]
    assert [line["event"].partition(",")[0] for line in errors] == ["FAIL", "Task exited"]
    assert [line for line in lines if "error_detail" in line or "Traceback" in line["event"]] == []


def test_missed_target_is_mailed_in_html_and_plain_text(bad_nightly: NightlyRun, mailbox: MailServer) -> None:
    assert bad_nightly.code == 1, bad_nightly
    ((to, message),) = mailbox.mails
    assert to == ["ann@example.org", "bob@example.org"]
    assert "performance@example.org" in str(message["From"])
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        text = body.get_content()
        assert "config_get" in text
        assert "95" in text


def test_what_looks_worse_than_its_baseline_is_confirmed(bad_nightly: NightlyRun) -> None:
    var = bad_nightly.airflow.var
    document = json.loads((var / "reports" / "latest" / "results.json").read_text())
    (scenario,) = [found for found in document["scenarios"] if found["scenario"] == "config_put.sequential"]
    assert [repetition["reported"] for repetition in scenario["repetitions"]].count(True) == 1
    assert len(scenario["repetitions"]) > 1
    run_id = bad_nightly.airflow.latest_run()["run_id"]
    folder = var / "airflow" / "logs" / "dag_id=nightly_performance" / f"run_id={run_id}"
    assert list(folder.glob("task_id=confirm/map_index=*/attempt=1.log"))
    log = (folder / "task_id=repetitions_due" / "attempt=1.log").read_text()
    assert re.search(r"Confirmation: repeating [^\"]*config_put\.sequential", log), log


SEVERAL = """
import io, json, os, sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
import structlog
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.sdk.listener import get_listener_manager
from dags.nightly_performance import nightly_performance as dag
from loadtasks import steps
from loadtasks.results.beginnings import Beginning
from loadtasks.results.store import Store
from scripts import nightly
from tests.airflow_process import AirflowProcess

var = Path(os.environ["LOADTASKS_VAR"])
processors, usual = structlog.get_config()["processors"], list(structlog.get_config()["processors"])

def run(options, environment):
    before = dict(os.environ)
    os.environ.update(environment)
    sys.argv[1:] = options
    with redirect_stdout(io.StringIO()) as output, redirect_stderr(io.StringIO()) as errors:
        code = nightly.main()
    processors[:] = usual
    get_listener_manager().clear()
    os.environ.clear()
    os.environ.update(before)
    document = var / "reports" / "latest" / "results.json"
    return {
        "code": code,
        "shown": output.getvalue() + errors.getvalue(),
        "tasks": AirflowProcess(var, {}).latest_run()["tasks"],
        "document": json.loads(document.read_text()) if document.is_file() else None,
        "alert": str(max((var / "outbox").glob("*.eml"), key=os.path.getmtime, default="")),
        "pending": pending(),
    }

def pending():
    with Store.open(f"sqlite:///{var / 'results.db'}") as store:
        return [message.mail.as_string() for message in store.messages.pending()]

def trigger(**conf):
    run = dag.test(run_conf=conf)
    return {ti.task_id if ti.map_index < 0 else f"{ti.task_id} {ti.map_index}": ti.state
            for ti in run.get_task_instances()}

def measure(context, run_id, scenario, *_):
    if scenario == "open.closed":
        raise AirflowSkipException("as somebody may do in the UI")
    with Store.open(context.workspace.results_url) as store:
        store.begin(run_id, scenario, Beginning.now(repeatable=True))
    raise AirflowFailException("as a process that was killed in each try leaves it")

results = {name: run(*case) for name, case in json.loads(os.environ["CASES"]).items()}
os.environ |= json.loads(os.environ["TRIGGERED"])
dag.deadline = None  # see scripts/airflow_internals.py
results["unknown key"] = trigger(targt="http://127.0.0.1:1")
steps.measure = measure
results["died"] = trigger(scenarios=[], load_factor=2.0, openlineage={"parentRunId": "1"})  # DAG.test() keeps values
print(json.dumps(results))
"""
"""Runs one after the other in one process, since importing Airflow takes longer than a run."""
SHOP = """
endpoint: {name}
scenarios: {{closed: {{load: {{workers: 1, requests: 3}}, request: {{path: /{name}}}}}}}
"""


def shut(connection: socket.socket, request: bytes) -> bool:
    """Refuse what is shut."""
    connection.sendall(ok(status="401 Unauthorized" if request.startswith(b"GET /shut") else "200 OK"))
    return True


@pytest.fixture(scope="module")
def triggered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs write that are triggered with a configuration."""
    return tmp_path_factory.mktemp("triggered")


@pytest.fixture(scope="module")
def several(
    good_nightly: NightlyRun, triggered: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """What came of runs that can't be good, by name."""
    shops, broken, closed = tmp_path_factory.mktemp("shops"), tmp_path_factory.mktemp("broken"), free_port()
    for name in ("open", "shut"):
        (shops / f"{name}.yaml").write_text(SHOP.format(name=name))
    kwargs = {"column": "success_rate", "min_value": 0.95}
    expectation = {"type": "expect_column_values_to_be_between", "kwargs": kwargs}
    suite = {"name": "every_measurement", "expectations": [expectation]}
    (shops / "every_measurement.json").write_text(json.dumps(suite))
    (broken / "config_get.json").write_text('{"name": "config_get", "expec')
    of_shops = {"LOADTASKS_SCENARIOS": str(shops), "LOADTASKS_EXPECTATIONS": str(shops)}
    down = ["--target", f"http://127.0.0.1:{closed}"]
    with scripted(shut) as server, scripted(lambda connection, _: connection.sendall(ok()) is None) as welcoming:
        cases = {
            "dead": ([*LIGHT, *down], {"AIRFLOW_CONN_SMTP_DEFAULT": smtp_connection(closed)}),
            "one refused": (["--target", server.url], of_shops),
            "all refused": (["--target", server.url, "--scenarios", "shut.closed"], of_shops),
            "broken suite": ([*LIGHT, *down], {"LOADTASKS_EXPECTATIONS": str(broken)}),
        }
        settings = of_shops | {"LOADTASKS_TARGET": welcoming.url, "LOADTASKS_VAR": str(triggered)}
        return dict(good_nightly.airflow.evaluate(SEVERAL, CASES=json.dumps(cases), TRIGGERED=json.dumps(settings)))


def test_run_whose_target_is_down_ends_with_3_and_is_reported(several: dict[str, dict[str, Any]]) -> None:
    dead = several["dead"]
    assert dead["code"] == 3, dead
    assert "can't be reached" in dead["shown"]
    assert "Traceback" not in dead["shown"]
    assert {scenario["verdict"] for scenario in dead["document"]["scenarios"]} == {"invalid"}


def test_mail_that_cannot_be_sent_is_pending_and_its_task_is_red(several: dict[str, dict[str, Any]]) -> None:
    dead = several["dead"]
    assert dead["tasks"]["alert"] == "failed", dead
    assert dead["tasks"]["report"] == "success"
    assert "what is pending is sent with the next run" in dead["shown"]
    assert dead["alert"] == ""
    (pending,) = dead["pending"]
    assert "can't be reached" in text_of(message_from_string(pending, policy=policy.default))


def test_run_of_which_the_target_refuses_a_scenario_ends_with_3(several: dict[str, dict[str, Any]]) -> None:
    refused = several["one refused"]
    assert refused["code"] == 3, refused
    tasks = refused["tasks"]
    assert {name: tasks[name] for name in ("open.closed", "shut.closed", "report", "alert", "verdict")} == {
        "open.closed": "success",
        "shut.closed": "skipped",
        "report": "success",
        "alert": "success",
        "verdict": "failed",
    }
    assert "GET /shut responded 401" in text_of_file(Path(refused["alert"]))


def test_run_of_which_the_target_refuses_all_ends_with_2_and_is_reported(several: dict[str, dict[str, Any]]) -> None:
    refused = several["all refused"]
    assert refused["code"] == 2, refused
    assert "refuses every scenario: GET /shut responded 401" in refused["shown"]
    assert {name for name, state in refused["tasks"].items() if state == "failed"} == {"open_run", "verdict"}
    assert "GET /shut responded 401" in text_of_file(Path(refused["alert"]))


def test_run_with_a_broken_suite_ends_with_2_and_is_reported(several: dict[str, dict[str, Any]]) -> None:
    broken = several["broken suite"]
    assert broken["code"] == 2, broken
    assert "config_get.json" in broken["shown"]
    assert broken["tasks"]["judge"] == "skipped"
    assert broken["tasks"]["verdict"] == "failed"
    assert "config_get.json" in text_of_file(Path(broken["alert"]))


def test_unknown_trigger_key_is_refused_and_mailed(several: dict[str, dict[str, Any]], triggered: Path) -> None:
    tasks = several["unknown key"]
    assert (tasks["open_run"], tasks["judge"], tasks["alert"]) == ("failed", "skipped", "success")
    first, *_ = sorted((triggered / "outbox").glob("*.eml"), key=os.path.getmtime)
    assert "'targt' (target?); the keys are load_factor, processes, reference" in text_of_file(first)


def test_what_died_is_measured_at_the_end_and_what_was_skipped_by_hand_is_not(
    several: dict[str, dict[str, Any]], triggered: Path
) -> None:
    tasks = several["died"]
    measured = sorted(state for name, state in tasks.items() if name.startswith("measure"))
    assert measured == ["failed", "skipped"], [text_of_file(mail) for mail in (triggered / "outbox").glob("*.eml")]
    assert {name: state for name, state in tasks.items() if name.startswith("confirm")} == {"confirm 0": "success"}
    with Store.open(f"sqlite:///{triggered / 'results.db'}") as store:
        ((run, verdict),) = store.runs()
        found = {one.scenario: one for one in store.verdicts(run.id)}
    assert verdict is Verdict.INVALID
    assert found["shut.closed"].verdict is Verdict.PASS
    assert [finding.code for finding in found["open.closed"].findings] == [FindingCode.NOT_MEASURED]


def test_interrupted_run_stops_what_it_started(good_nightly: NightlyRun, no_suites: str) -> None:
    port = free_port()
    process = good_nightly.airflow.start_nightly(
        *("--scenarios", "config_get dashboard.sustained", "--port", str(port)), LOADTASKS_EXPECTATIONS=no_suites
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("open_run"):
            break
    second = good_nightly.airflow.nightly(*LIGHT)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate()
    assert process.returncode == 130, output + errors
    assert "Traceback" not in output + errors
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    run = good_nightly.airflow.latest_run()
    assert run["state"] == "failed"
    assert set(run["tasks"].values()) <= {"success", "failed"}
    assert second.code == 2, "only one run at a time"
    assert "in use by make nightly" in second.errors


def test_interrupt_amid_a_statement_leaves_no_run_going(good_nightly: NightlyRun) -> None:
    state = good_nightly.airflow.evaluate(
        """
import json
from scripts import Interruption, airflow_internals
from airflow import settings
from airflow.models.dagrun import DagRun
from sqlalchemy import event, select

session = settings.Session()
dag_run = session.scalars(select(DagRun).where(DagRun.dag_id == "nightly_performance")).first()
dag_run.state, before = "running", dag_run.state
session.commit()

@event.listens_for(settings.engine, "before_cursor_execute", once=True)
def interrupt(*_):
    Interruption().raise_interrupt(2, None)

dag_run.conf = {"amid": "this"}
try:
    session.flush()
except KeyboardInterrupt:
    airflow_internals.fail_unfinished_runs("nightly_performance")
dag_run = settings.Session().scalars(select(DagRun).where(DagRun.dag_id == "nightly_performance")).first()
after, dag_run.state = dag_run.state, before
settings.Session().commit()
print(json.dumps(after))
"""
    )
    assert state == "failed"


def test_interrupt_that_gets_lost_ends_the_run_all_the_same(good_nightly: NightlyRun, no_suites: str) -> None:
    code = good_nightly.airflow.evaluate(
        """
import json, sys
sys.argv[1:] = ["--scenarios", "config_get.concurrent"]
from scripts import Interruption, nightly, task_logs

close = task_logs.TaskLogs._close

def close_and_lose_an_interrupt(logs, task_instance, failure):
    close(logs, task_instance, failure)
    if task_instance.task_id == "open_run":
        try:
            logs._interruption.raise_interrupt(2, None)
        except KeyboardInterrupt:
            pass  # as the interpreter does amid a garbage collection

task_logs.TaskLogs._close = close_and_lose_an_interrupt
print(json.dumps(nightly.main()))
""",
        LOADTASKS_EXPECTATIONS=no_suites,
    )
    assert code == 130
    run = good_nightly.airflow.latest_run()
    assert run["state"] == "failed"
    assert set(run["tasks"].values()) <= {"success", "failed"}


def test_taken_port_is_reported(good_nightly: NightlyRun) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        nightly = good_nightly.airflow.nightly(*LIGHT, "--port", str(port))
    assert nightly.code == 2
    assert f"Port {port}" in nightly.errors
    assert "API_PORT" in nightly.errors


def test_folder_that_cannot_be_written_is_reported(good_nightly: NightlyRun, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    nightly = good_nightly.airflow.nightly(AIRFLOW_HOME=str(blocked / "airflow"))
    assert nightly.code == 2
    assert str(blocked) in nightly.errors
    assert "Traceback" not in nightly.errors
