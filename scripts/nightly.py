"""`make nightly`: one whole run, now.

Starts the API, runs the DAG in this process on Airflow's embedded default, prints the verdict and where the report is,
and stops what it started. Ends with the exit code of the verdict: 0 good, 1 a target missed or a regression, 2 bad
input, 3 an invalid measurement, 4 the pipeline itself broke.
"""
# ruff: noqa: T201, PLC0415 - it writes to a terminal; importing Airflow takes seconds

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from loadtasks.airflow import DAG_ID, TARGET_CONNECTION
from loadtasks.breakage import report_breakage
from loadtasks.builds.held_build import free_port
from loadtasks.cli.own_arguments import hide_passwords
from loadtasks.errors import BadInputError
from loadtasks.settings import Settings, read_settings
from loadtasks.streams import make_streams_steady
from scripts import CannotStartError, Interruption
from scripts.airflow_local import exclusive_use, prepare
from scripts.approved_build import working_revision
from scripts.services import Services, check_port_is_free
from scripts.shipped_api import HEALTH_PATH, SERVICE, ApiInstance, ShippedApi, database_url

GOOD, BAD_INPUT, INVALID, INTERRUPTED = 0, 2, 3, 130


@dataclass(frozen=True)
class Start:
    """What a run starts from."""

    options: argparse.Namespace
    settings: Settings
    services: Services


def main() -> int:
    """Make the run. Returns the exit code."""
    hide_passwords()
    options = _options()
    interruption = Interruption()
    interruption.install()
    settings = None
    try:
        settings = read_settings(target=options.target or None)
        with ExitStack() as ending:
            ending.enter_context(exclusive_use("make nightly"))
            services = ending.enter_context(Services(settings.var / "logs"))
            return _run(Start(options, settings, services), interruption)
    except (CannotStartError, BadInputError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("Stopped: what was measured so far is kept.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        return report_breakage(error, settings.var if settings else None, settings.secrets if settings else ())


def _run(start: Start, interruption: Interruption) -> int:
    began_s, options = time.monotonic(), start.options
    warnings.simplefilter("ignore")  # those of libraries, meant for their authors
    if options.port:
        check_port_is_free(options.port, "the API", "API_PORT")
    prepare()
    with ThreadPoolExecutor(1) as starting:
        # The API starts while this process imports Airflow.
        api = None if options.target is not None else starting.submit(_start_api, start)
        from dags.nightly_performance import nightly_performance
        from loadtasks.results.run import run_id_from
        from scripts import airflow_internals
        from scripts.task_logs import TaskLogs

        task_logs = TaskLogs(interruption)
        task_logs.install()
        airflow_internals.load_task_api()
        target = _connect_target(start.settings, api)
    print(f"Airflow and the API are up after {time.monotonic() - began_s:.1f} s; exercising {target}", flush=True)
    airflow_internals.fail_unfinished_runs(DAG_ID)
    airflow_internals.run_tasks_in_file_order()
    airflow_internals.forget_deadlines(nightly_performance)
    try:
        dag_run = nightly_performance.test(run_conf={"scenarios": options.scenarios})
        interruption.check()
    except KeyboardInterrupt:
        airflow_internals.fail_unfinished_runs(DAG_ID)
        raise
    if ended := start.services.ended():
        print(
            f"The {ended} that was started ended by itself; its log is {start.services.log_of(ended)}", file=sys.stderr
        )
    return _show(run_id_from(dag_run.run_id), good=dag_run.state == "success", refusal=task_logs.open_failure)


def _connect_target(settings: Settings, api: Future[ShippedApi] | None) -> str:
    """Give the DAG its target, as a connection that takes precedence over Airflow's database. Returns its URL."""
    extra = {"health_path": settings.health_path, "metrics_path": settings.metrics_path, "service": settings.service}
    if api:
        shipped = api.result()
        extra["service"] = settings.service or SERVICE
        extra["health_path"] = HEALTH_PATH
        _connect(TARGET_CONNECTION, host=shipped.url, password=shipped.token, extra=extra)
        return shipped.url
    from loadtasks.steps import configured_target

    target = configured_target(settings)
    user, password = target.credentials or (None, target.token)
    _connect(TARGET_CONNECTION, host=target.url, login=user, password=password, extra=extra)
    return target.url


def _connect(connection_id: str, **fields: object) -> None:
    os.environ[f"AIRFLOW_CONN_{connection_id.upper()}"] = json.dumps({"conn_type": "http", **fields})


def _start_api(start: Start) -> ShippedApi:
    revision = os.environ.get("APP_REVISION") or working_revision()
    port, var = start.options.port or free_port(), start.settings.var
    alone = ApiInstance(database_url=database_url(var), port=port, settings={"APP_REVISION": revision})
    return ShippedApi.start(start.services, alone)


def _show(run_id: str, *, good: bool, refusal: BaseException | None) -> int:
    """Print the verdict table of the run. Returns the exit code.

    Args:
        run_id: the run.
        good: whether the DAG run succeeded.
        refusal: why the run could not be opened; None when it was.
    """
    from loadtasks import steps
    from loadtasks.cli.main import cli
    from loadtasks.errors import LoadTasksError

    refused = int(getattr(refusal, "exit_code", INVALID)) if refusal else GOOD
    if refusal:
        try:
            steps.conclude(steps.RunContext.from_settings(read_settings()), run_id)
        except LoadTasksError:
            return refused  # there is no run to show; the line of open_run says why
    code = GOOD
    try:
        cli(["report", run_id], prog_name="loadtasks")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else GOOD if ended.code is None else BAD_INPUT
    if code == GOOD and not good:
        print("A step of the run failed, see above; its log is in the Airflow UI (make airflow).", file=sys.stderr)
        return INVALID
    return refused or code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--target",
        nargs="?",
        const="",
        metavar="URL",
        help="exercise the API at this address, else at LOADTASKS_TARGET, instead of starting the shipped one",
    )
    parser.add_argument("--scenarios", default="", help="names separated by spaces; all when none is given")
    parser.add_argument("--port", type=int, help="where the shipped API is to listen; a free port when not given")
    options = parser.parse_args()
    options.scenarios = options.scenarios.replace(",", " ").split()
    return options


if __name__ == "__main__":
    make_streams_steady()
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # everything is closed; taking Airflow's modules apart one by one would take another 2 s
