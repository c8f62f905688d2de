"""`make nightly`: whole nights, for real, against the shipped API; a few light scenarios stand for all."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from loadtasks.results.store import Store
from loadtasks.scenarios.files import read_scenarios
from loadtasks.settings import read_settings
from loadtasks.steps import RunContext
from tests.dags.airflow_process import PROJECT, AirflowProcess, Night
from tests.earlier_runs import EarlierRuns
from tests.workspaces import SHIPPED_SCENARIOS

LIGHT = ("--scenarios", "config_get.concurrent config_put.sequential")
"""Fast ones."""


@dataclass
class Mailbox:
    """An SMTP server that keeps what it gets."""

    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        message = message_from_bytes(envelope.content or b"", policy=policy.default)  # type: ignore[arg-type]
        self.mails.append((envelope.rcpt_tos, message))  # type: ignore[arg-type]
        return "250 kept"


def smtp_connection(port: int) -> str:
    extra = {
        "disable_tls": True,
        "disable_ssl": True,
        "from_email": "nights@example.org",
        "retry_limit": 0,
        "timeout": 5,
    }
    return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def text_of(eml: Path) -> str:
    body = message_from_bytes(eml.read_bytes(), policy=policy.default).get_body(("plain",))
    assert body is not None
    return " ".join(body.get_content().split())


@pytest.fixture(scope="module")
def good_night(airflow: AirflowProcess) -> Night:
    return airflow.night(*LIGHT)


@pytest.fixture(scope="module")
def good_run(good_night: Night) -> dict[str, Any]:
    return good_night.airflow.latest_run()


def test_good_night_ends_with_0_and_a_verdict_for_each_scenario(good_night: Night) -> None:
    assert good_night.code == 0, good_night
    for scenario in ("config_get.concurrent", "config_put.sequential"):
        assert scenario in good_night.said


def test_scenarios_are_measured_in_the_order_of_their_files(good_night: Night) -> None:
    measured = [line.split()[1] for line in good_night.said.splitlines() if line.startswith("measure ")]
    planned = [name for name in read_scenarios(SHIPPED_SCENARIOS) if name in measured]
    assert len(planned) > 1
    assert measured == planned


def test_good_night_leaves_a_report(good_night: Night) -> None:
    latest = good_night.airflow.var / "reports" / "latest"
    assert (latest / "index.html").is_file()
    assert json.loads((latest / "results.json").read_text())["run"]["trigger"] == "manual"
    assert not (good_night.airflow.var / "outbox").exists()


def test_good_night_is_in_airflow_with_mapped_tasks_by_name(good_run: dict[str, Any]) -> None:
    assert good_run["state"] == "success"
    steps = ("open_run", "suspects", "judge", "compare", "report", "alert", "verdict")
    done = dict.fromkeys(("config_get.concurrent", "config_put.sequential", *steps), "success")
    assert good_run["tasks"] == done | {"measure_again": "skipped"}  # there was no suspect


def test_task_logs_are_where_airflow_looks_for_them(good_run: dict[str, Any], airflow: AirflowProcess) -> None:
    folder = airflow.var / "airflow" / "logs" / "dag_id=nightly_performance" / f"run_id={good_run['run_id']}"
    assert len(list(folder.glob("task_id=measure/map_index=*/attempt=1.log"))) == 2
    lines = [json.loads(line) for line in (folder / "task_id=verdict" / "attempt=1.log").read_text().splitlines()]
    assert any("pass" in line["event"] for line in lines)


def test_only_names_travel_by_xcom(good_run: dict[str, Any], airflow: AirflowProcess) -> None:
    with closing(sqlite3.connect(airflow.var / "airflow" / "airflow.db")) as database:
        values = database.execute("select value from xcom where run_id = ?", (good_run["run_id"],)).fetchall()
    assert sorted(json.loads(value) for (value,) in values) == [[], ["config_get.concurrent", "config_put.sequential"]]


def test_paired_night_measures_the_working_tree_beside_the_approved_build(good_night: Night) -> None:
    night = good_night.airflow.night(
        "--paired", "--revision", "HEAD", "--scenarios", "config_put.sequential", LOADTASKS_ROUNDS="10"
    )
    assert night.code == 0, night
    document = json.loads((night.airflow.var / "reports" / "latest" / "results.json").read_text())
    (scenario,) = document["scenarios"]
    assert len(scenario["round_ratios"][0]["log_ratios"]["p50_s"]) == 10
    candidate, reference = (scenario[side][0]["counts"]["completed"] for side in ("measurements", "baseline"))
    assert candidate == reference == 200
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert document["run"]["reference_version"].endswith(f"+{head[:12]}")
    assert document["run"]["target_version"].startswith(document["run"]["reference_version"])
    assert list((night.airflow.var / "reference").iterdir()) == []


def test_paired_night_beside_a_revision_that_is_none_is_told(good_night: Night) -> None:
    night = good_night.airflow.night("--paired", "--revision", "no-such-revision")
    assert night.code == 2
    assert "no-such-revision" in night.complained
    assert "REFERENCE=REVISION" in night.complained
    assert "Traceback" not in night.complained


@pytest.fixture(scope="module")
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield box, controller.port
    controller.stop()


def keep_a_bad_past(var: Path, scenario: str, target_url: str) -> None:
    """After a good night, nights that leave a scenario one bad night short of suspicion."""
    context = RunContext.from_settings(read_settings(var=var))
    with Store.open(context.workspace.results_url) as store:
        good, _ = store.runs(limit=100)[-1]
        run = good.model_copy(update={"target_url": target_url})
        (measurement,) = store.measurements(run.id, scenario)
    earlier = EarlierRuns(context, run, measurement)
    earlier.keep_baseline(measurement.p50_s or 0.0)
    earlier.forget(earlier.until_suspected(measurement.p50_s or 0.0, success_rate=0.5))


@pytest.fixture(scope="module")
def bad_night(good_night: Night, mailbox: tuple[Mailbox, int]) -> Night:
    port = free_port()
    keep_a_bad_past(good_night.airflow.var, "config_put.sequential", f"http://127.0.0.1:{port}")
    return good_night.airflow.night(
        *LIGHT,
        "--port",
        str(port),
        APP_FAULTS="config:fail=503@0.5",
        AIRFLOW_CONN_SMTP_DEFAULT=smtp_connection(mailbox[1]),
        AIRFLOW_VAR_PERFORMANCE_RECIPIENTS="ann@example.org, bob@example.org",
    )


def test_night_with_a_missed_target_ends_with_1(bad_night: Night) -> None:
    assert bad_night.code == 1, bad_night
    run = bad_night.airflow.latest_run()["tasks"]
    assert {name for name, state in run.items() if state == "failed"} == {"verdict"}


def test_missed_target_is_told_by_mail_in_html_and_plain_text(bad_night: Night, mailbox: tuple[Mailbox, int]) -> None:
    assert bad_night.code == 1, bad_night
    ((to, message),) = mailbox[0].mails
    assert to == ["ann@example.org", "bob@example.org"]
    assert "nights@example.org" in str(message["From"])
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        text = body.get_content()
        assert "config_get" in text
        assert "95" in text


def test_what_looks_worse_than_its_past_is_measured_again(bad_night: Night) -> None:
    var = bad_night.airflow.var
    document = json.loads((var / "reports" / "latest" / "results.json").read_text())
    (scenario,) = [each for each in document["scenarios"] if each["scenario"] == "config_put.sequential"]
    assert [each["reported"] for each in scenario["repetitions"]].count(True) == 1
    assert len(scenario["repetitions"]) > 1
    assert any("since it looked worse than its past" in each["sentence"] for each in scenario["findings"])
    run_id = bad_night.airflow.latest_run()["run_id"]
    folder = var / "airflow" / "logs" / "dag_id=nightly_performance" / f"run_id={run_id}"
    assert len(list(folder.glob("task_id=measure_again/map_index=*/attempt=1.log"))) == 1
    log = (folder / "task_id=suspects" / "attempt=1.log").read_text()
    assert "Confirmation: repeating config_put.sequential" in log


@pytest.fixture(scope="module")
def dead_night(good_night: Night) -> Night:
    closed = free_port()
    return good_night.airflow.night(
        *LIGHT, "--target", f"http://127.0.0.1:{closed}", AIRFLOW_CONN_SMTP_DEFAULT=smtp_connection(closed)
    )


def test_night_whose_target_is_down_ends_with_3_and_is_reported(dead_night: Night) -> None:
    assert dead_night.code == 3, dead_night
    assert "can't be reached" in dead_night.said
    assert "Traceback" not in dead_night.said + dead_night.complained
    document = json.loads((dead_night.airflow.var / "reports" / "latest" / "results.json").read_text())
    assert {each["verdict"] for each in document["scenarios"]} == {"invalid"}


def test_mail_that_cannot_be_sent_is_kept_and_its_task_is_red(dead_night: Night) -> None:
    run = dead_night.airflow.latest_run()["tasks"]
    assert run["alert"] == "failed", dead_night
    assert run["report"] == "success"
    (kept,) = (dead_night.airflow.var / "outbox").glob("*.eml")
    assert "can't be reached" in text_of(kept)


def test_night_with_a_broken_suite_ends_with_2_and_is_told(good_night: Night, tmp_path: Path) -> None:
    (tmp_path / "config_get.json").write_text('{"name": "config_get", "expec')
    night = good_night.airflow.night(*LIGHT, "--target", "http://127.0.0.1:1", LOADTASKS_EXPECTATIONS=str(tmp_path))
    assert night.code == 2, night
    assert "config_get.json" in night.said
    run = night.airflow.latest_run()["tasks"]
    assert run["judge"] == "skipped"
    assert run["verdict"] == "failed"
    told = max((night.airflow.var / "outbox").glob("*.eml"), key=os.path.getmtime)
    assert "config_get.json" in text_of(told)


def test_interrupted_night_stops_what_it_started(good_night: Night) -> None:
    port = free_port()
    process = good_night.airflow.start_night("--scenarios", "config_get dashboard.sustained", "--port", str(port))
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("open_run"):
            break
    second = good_night.airflow.night(*LIGHT)
    process.send_signal(signal.SIGINT)
    said, complained = process.communicate()
    assert process.returncode == 130, said + complained
    assert "Traceback" not in said + complained
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    run = good_night.airflow.latest_run()
    assert run["state"] == "failed"
    assert set(run["tasks"].values()) <= {"success", "failed"}
    assert second.code == 2, "only one night at a time"
    assert "in use by make nightly" in second.complained


def test_interrupt_amid_a_statement_leaves_no_run_going(good_night: Night) -> None:
    state = good_night.airflow.answer(
        """
import json, sys
sys.path.insert(0, "scripts")
import nightly
from airflow import settings
from airflow.models.dagrun import DagRun
from sqlalchemy import event, select

session = settings.Session()
dag_run = session.scalars(select(DagRun).where(DagRun.dag_id == "nightly_performance")).first()
dag_run.state, before = "running", dag_run.state
session.commit()

@event.listens_for(settings.engine, "before_cursor_execute", once=True)
def interrupt(*_):
    nightly._interrupt(2, None)

dag_run.conf = {"amid": "this"}
try:
    session.flush()
except KeyboardInterrupt:
    nightly._end_runs_left_over()
dag_run = settings.Session().scalars(select(DagRun).where(DagRun.dag_id == "nightly_performance")).first()
after, dag_run.state = dag_run.state, before
settings.Session().commit()
print(json.dumps(after))
"""
    )
    assert state == "failed"


def test_interrupt_that_gets_lost_ends_the_night_all_the_same(good_night: Night) -> None:
    code = good_night.airflow.answer(
        """
import json, sys
sys.path.insert(0, "scripts")
sys.argv[1:] = ["--scenarios", "config_get.concurrent"]
import nightly

def install(task_logs):
    end = task_logs._end

    def interrupted(task_instance, failure):
        end(task_instance, failure)
        if task_instance.task_id == "open_run":
            try:
                nightly._interrupt(2, None)
            except KeyboardInterrupt:
                pass  # as the interpreter does amid a garbage collection

    task_logs._end = interrupted
    installed(task_logs)

import nightly_logs
installed = nightly_logs.TaskLogs.install
nightly_logs.TaskLogs.install = install
print(json.dumps(nightly.main()))
"""
    )
    assert code == 130
    run = good_night.airflow.latest_run()
    assert run["state"] == "failed"
    assert set(run["tasks"].values()) <= {"success", "failed"}


def test_taken_port_is_told(good_night: Night) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        night = good_night.airflow.night(*LIGHT, "--port", str(port))
    assert night.code == 2
    assert f"Port {port}" in night.complained
    assert "API_PORT" in night.complained


def test_folder_that_cannot_be_written_is_told(good_night: Night, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    night = good_night.airflow.night(AIRFLOW_HOME=str(blocked / "airflow"))
    assert night.code == 2
    assert str(blocked) in night.complained
    assert "Traceback" not in night.complained
