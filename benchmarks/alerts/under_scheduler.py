"""Alerts as people live them: the shipped API, Airflow's real scheduler and a real mail server, which come and go.

    make benchmark-alerts        about 15 minutes; ARGS="--calm 4" for fewer runs before

Calm runs of the command line make a baseline. Then DAG runs are triggered one after the other through Airflow's REST
API, while between them a fault of the API is switched on and off (`APP_FAULTS`), the mail server is stopped and
started, and the API is killed. A line a run as it ends: what was changed before it, its verdict, the state of the DAG
run, the tasks that failed, and the subjects of the mails that arrived. Everything is kept in `var/benchmarks/alerts`,
the reports too. Nothing is judged here: the table is read by people.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from benchmarks.pipeline_run import run_pipeline
from loadtasks import steps
from loadtasks.airflow import DAG_ID
from loadtasks.builds.held_build import free_port
from loadtasks.errors import LoadTasksError
from loadtasks.results.run import new_run_id, run_id_from
from loadtasks.settings import read_settings
from loadtasks.steps import RunContext
from scripts import PROJECT, Interruption
from scripts.airflow_local import airflow_command, prepare
from scripts.airflow_up import COMPONENTS
from scripts.services import Services
from scripts.shipped_api import HEALTH_PATH, SERVICE, ApiInstance, ShippedApi

VAR = PROJECT / "var" / "benchmarks" / "alerts"
ENDPOINTS = {
    "sessions": "/api/v1/optimization/sessions",
    "config_get": "/api/v1/config/optimization-criteria",
    "dashboard": "/api/v1/dashboard/stats",
}
LOAD = "{workers: 1, requests: 150}"
SLOW_SESSIONS, SLOW_CONFIG = "sessions:query=20ms", "config:slow=20ms"
_UI_TIMEOUT_S = 180
_RUN_TIMEOUT_S = 1200


class MailSink:
    """A mail server that can be down, and keeps the subjects of what it got."""

    def __init__(self) -> None:
        self.port = free_port()
        self.subjects: list[str] = []
        self._controller: Controller | None = None

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail."""
        message = message_from_bytes(envelope.content or b"", policy=policy.default)  # type: ignore[arg-type]
        self.subjects.append(str(message["Subject"]))
        return "250 kept"

    def start(self) -> None:
        """Listen."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        """Refuse connections."""
        if self._controller is not None:
            self._controller.stop()
        self._controller = None

    @property
    def connection(self) -> str:
        """The Airflow connection to it."""
        extra = {"disable_tls": True, "disable_ssl": True, "from_email": "performance@example.org", "retry_limit": 0}
        return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": self.port, "extra": extra})

    def received(self) -> list[str]:
        """The subjects since the last time that this was asked."""
        got, self.subjects = self.subjects, []
        return got


@dataclass
class AirflowApi:
    """Airflow's REST API."""

    url: str
    token: str = ""

    def log_in(self) -> None:
        """Get a token; everybody who reaches it is an administrator here."""
        self.token = self.call("/auth/token")["access_token"]

    def call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """GET, or POST where there is a body. Gives the JSON of the response.

        Raises:
            urllib.error.HTTPError: of another status.
        """
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return dict(json.load(response))

    def trigger(self, conf: dict[str, Any] | None = None) -> str:
        """Trigger the DAG. Returns the DAG run's id."""
        run = self.call(f"/api/v2/dags/{DAG_ID}/dagRuns", {"logical_date": None, "conf": conf or {}})
        return str(run["dag_run_id"])

    def wait(self, dag_run: str) -> tuple[str, list[str]]:
        """Wait until a DAG run has ended. Returns its state and its failed tasks."""
        deadline = time.monotonic() + _RUN_TIMEOUT_S
        while (state := self.call(f"/api/v2/dags/{DAG_ID}/dagRuns/{dag_run}")["state"]) in ("queued", "running"):
            if time.monotonic() > deadline:
                break
            time.sleep(2)
        found = self.call(f"/api/v2/dags/{DAG_ID}/dagRuns/{dag_run}/taskInstances?limit=200")["task_instances"]
        return state, [one["rendered_map_index"] or one["task_id"] for one in found if one["state"] == "failed"]


@dataclass
class Stand:
    """Everything that runs: the API under gunicorn, Airflow, and the mail server."""

    services: Services
    api: ApiInstance
    mails: MailSink = field(default_factory=MailSink)
    airflow: AirflowApi = field(default_factory=lambda: AirflowApi(os.environ["AIRFLOW__API__BASE_URL"]))

    @classmethod
    def start(cls, services: Services, *, environment: dict[str, str] | None = None) -> Self:
        """Start all of it, and wait until it responds."""
        _write_inputs()
        api = ApiInstance(database_url=f"sqlite:///{VAR / 'app.db'}", port=free_port())
        stand = cls(services, api)
        token = ShippedApi.start(services, api).token
        stand.mails.start()
        os.environ |= {
            "LOADTASKS_TARGET": api.url,
            "LOADTASKS_TOKEN": token,
            "LOADTASKS_SERVICE": SERVICE,
            "LOADTASKS_HEALTH_PATH": HEALTH_PATH,
            "LOADTASKS_PAGES_URL": f"{stand.airflow.url}/performance",
            "AIRFLOW_CONN_SMTP_DEFAULT": stand.mails.connection,
            "AIRFLOW_VAR_PERFORMANCE_RECIPIENTS": "team@example.org",
            **(environment or {}),
        }
        prepare()
        for name, arguments in COMPONENTS.items():
            services.start(name, airflow_command(*arguments))
        services.wait_until_ready("airflow-api-server", f"{stand.airflow.url}/api/v2/monitor/health", _UI_TIMEOUT_S)
        stand.airflow.log_in()
        deadline = time.monotonic() + _UI_TIMEOUT_S
        while not stand.airflow.call("/api/v2/dags")["dags"]:  # until the DAG file was parsed
            if time.monotonic() > deadline:
                raise SystemExit(f"Airflow has not read the DAG; see {services.logs}")
            time.sleep(1)
        return stand

    def fault(self, faults: str) -> Callable[[], None]:
        """Start the API anew with these faults; without any when empty."""

        def restart() -> None:
            self.kill_api()
            ShippedApi.start(
                self.services,
                ApiInstance(database_url=self.api.database_url, port=self.api.port, settings={"APP_FAULTS": faults}),
            )

        return restart

    def kill_api(self) -> None:
        """End the API at once, as a crash would."""
        if process := self.services.running.pop(self.api.name, None):
            process.terminate()
            process.wait()


def _write_inputs() -> None:
    """A few short scenarios, and the shipped targets of their endpoints."""
    scenarios, expectations = Path(os.environ["LOADTASKS_SCENARIOS"]), Path(os.environ["LOADTASKS_EXPECTATIONS"])
    for folder in (scenarios, expectations):
        folder.mkdir(parents=True, exist_ok=True)
    for endpoint, path in ENDPOINTS.items():
        (scenarios / f"{endpoint}.yaml").write_text(
            f"endpoint: {endpoint}\nrequest: {{path: {path}}}\nscenarios:\n  steady: {{load: {LOAD}}}\n"
        )
        shutil.copy(PROJECT / "expectations" / f"{endpoint}.json", expectations)


def calm_run() -> str:
    """A run of the same scenarios on the command line. Returns its verdict."""
    context = RunContext.from_settings(read_settings())
    return run_pipeline(context, new_run_id(), trigger="command line").value


def phases(stand: Stand) -> Sequence[tuple[str, int, Sequence[Callable[[], None]]]]:
    """What is changed, in words, before how many runs, and how."""
    mails = stand.mails
    return [
        ("healthy", 2, []),
        (f"{SLOW_SESSIONS}; mail server down", 1, [stand.fault(SLOW_SESSIONS), mails.stop]),
        ("mail server up", 2, [mails.start]),
        ("fault off", 3, [stand.fault("")]),
        (SLOW_CONFIG, 2, [stand.fault(SLOW_CONFIG)]),
        ("API dead", 2, [stand.kill_api]),
        (f"API back, {SLOW_CONFIG}", 1, [stand.fault(SLOW_CONFIG)]),
        ("fault off", 2, [stand.fault("")]),
    ]


def one_run(stand: Stand, number: int, phase: str) -> None:
    """Trigger a run, wait for its end and print its line."""
    began_s = time.monotonic()
    dag_run = stand.airflow.trigger()
    state, failed = stand.airflow.wait(dag_run)
    try:
        verdict = steps.conclude(RunContext.from_settings(read_settings()), run_id_from(dag_run)).value
    except LoadTasksError:
        verdict = "(never opened)"
    subjects = stand.mails.received()
    print(
        f"| {number:2} | {phase:38} | {verdict:9} | {state:7} | {', '.join(failed) or '-':28} | "
        f"{' ; '.join(subjects) or '-'} | {time.monotonic() - began_s:.0f} s",
        flush=True,
    )


def main() -> None:
    """Start everything, make the runs, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calm", type=int, default=17, help="runs of the command line before the first DAG run")
    parser.add_argument("--phases", type=int, default=99, help="only so many phases, of which there are eight")
    options = parser.parse_args()
    Interruption().install()
    with ExitStack() as ending:
        services = ending.enter_context(Services(VAR / "logs"))
        stand = Stand.start(services)
        ending.callback(stand.mails.stop)
        print(f"Airflow {stand.airflow.url}, API {stand.api.url}, everything in {VAR}", flush=True)
        for number in range(options.calm):
            print(f"calm run {number + 1}: {calm_run()}", flush=True)
        number = 0
        print("|    | changed before | verdict | DAG run | failed tasks | mails |", flush=True)
        for phase, runs, changes in phases(stand)[: options.phases]:
            for change in changes:
                change()
            for again in range(runs):
                number += 1
                one_run(stand, number, phase if not again else '"')


def with_airflow_settings() -> None:
    """Start this again with the settings of scripts/airflow.env, a free port and folders of its own."""
    shutil.rmtree(VAR, ignore_errors=True)
    VAR.mkdir(parents=True)
    ours = ("AIRFLOW", "LOADTASKS_", "APP_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
        "LOADTASKS_VAR": str(VAR),
        "LOADTASKS_SCENARIOS": str(VAR / "scenarios"),
        "LOADTASKS_EXPECTATIONS": str(VAR / "expectations"),
        "AIRFLOW_PORT": str(free_port()),
    }
    command = [sys.executable, "-m", "benchmarks.alerts.under_scheduler", *sys.argv[1:]]
    os.chdir(PROJECT)
    os.execvpe("bash", ["bash", "-c", 'source scripts/airflow.env && exec "$@"', "bash", *command], environment)


if __name__ == "__main__":
    main() if "AIRFLOW_HOME" in os.environ else with_airflow_settings()
