"""`make nightly`: one whole night, now.

Starts the API, runs the DAG in this process on Airflow's embedded default, prints the verdict and where the report is,
and stops what it started. With --paired the approved build of the API stands beside the working tree's, and both are
driven in turn. Ends with the exit code of the verdict: 0 good, 1 a target missed or a regression, 2 bad input, 3 an
invalid measurement.
"""
# ruff: noqa: T201, PLC0415 - it talks to a terminal; importing Airflow takes seconds

from __future__ import annotations

import argparse
import json
import os
import runpy
import signal
import sys
import time
import traceback
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from airflow_local import CannotStartError, prepare, sole_user
from approved_build import Build, checked_out, fresh_database, working_revision
from nightly_services import Services, ShippedApi, check_port_is_free, database_url, free_port, shared_core

from loadtasks.errors import BadInputError
from loadtasks.settings import Settings, read_settings

GOOD, BAD_INPUT, INVALID, INTERRUPTED = 0, 2, 3, 130
_APART = {"APP_REDIS_URL": "", "APP_REPLICA_URL": ""}
"""Two builds must not share what they keep."""


def main() -> int:
    """Run the night; give the exit code."""
    options = _options()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        settings = read_settings(target=options.target)
        with ExitStack() as ending:
            ending.enter_context(sole_user("make nightly"))
            build = ending.enter_context(checked_out(settings.var, options.revision)) if options.paired else None
            services = ending.enter_context(Services(settings.var / "logs"))
            return _night(options, settings, services, build)
    except (CannotStartError, BadInputError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("Stopped: what was measured so far is kept.", file=sys.stderr)
        return INTERRUPTED
    except Exception:
        traceback.print_exc()  # not exit code 1: it says nothing of the API
        return INVALID


def _night(options: argparse.Namespace, settings: Settings, services: Services, build: Build | None) -> int:
    began_s, var = time.monotonic(), settings.var
    warnings.simplefilter("ignore")  # what libraries tell each other's authors
    if options.port:
        check_port_is_free(options.port, "the API", "API_PORT")
    prepare()
    with ThreadPoolExecutor(2) as beside:
        # The API starts while this process imports Airflow.
        api = None if options.target else beside.submit(_start_api, options, var, services)
        reference = beside.submit(_start_reference, var, services, build) if build else None
        from airflow.sdk.execution_time.supervisor import in_process_api_server
        from nightly_logs import TaskLogs

        from dags.nightly_performance import nightly_performance
        from loadtasks.results.run import run_id_from

        task_logs = _interrupt.task_logs = TaskLogs()  # type: ignore[attr-defined]
        task_logs.install()
        _ = in_process_api_server().app  # the first task needs it, and the API is not up yet
        target = _target(settings, api)
        if reference and build:
            target += f" beside revision {build.revision} at {_reference(reference.result())}"
    print(f"Airflow and the API are up after {time.monotonic() - began_s:.1f} s; exercising {target}", flush=True)
    _end_runs_left_over()
    _keep_order()
    try:
        dag_run = nightly_performance.test(run_conf={"scenarios": options.scenarios})
    except KeyboardInterrupt:
        _end_runs_left_over()
        raise
    if task_logs.interrupted:
        raise KeyboardInterrupt
    if ended := services.ended():
        print(f"The {ended} that was started ended by itself; its log is {services.log_of(ended)}", file=sys.stderr)
    return _told(run_id_from(dag_run.run_id), good=dag_run.state == "success", unopened=task_logs.open_failure)


def _target(settings: Settings, api: Future[ShippedApi] | None) -> str:
    """Hand the target to the DAG, by the connection that it looks for; it goes before one in Airflow's database."""
    url, token = settings.target, settings.token.get_secret_value() if settings.token else None
    if api:
        shipped = api.result()
        url, token = shipped.url, shipped.token
    paths = {
        "health_path": settings.health_path,
        "metrics_path": settings.metrics_path,
    }
    connection = {"conn_type": "http", "host": url, "password": token, "extra": paths}
    os.environ["AIRFLOW_CONN_PERFORMANCE_TARGET"] = json.dumps(connection)
    return url


def _start_api(options: argparse.Namespace, var: Path, services: Services) -> ShippedApi:
    revision = os.environ.get("APP_REVISION") or working_revision()
    port = options.port or free_port()
    if not options.paired:
        return ShippedApi.start(services, database_url(var), port, APP_REVISION=revision)
    url = fresh_database(var, "candidate")
    return ShippedApi.start(services, url, port, core=shared_core(), APP_REVISION=revision, **_APART)


def _start_reference(var: Path, services: Services, build: Build) -> ShippedApi:
    """Start the approved build, with a database of its own that is seeded like the candidate's."""
    url = fresh_database(var, "reference")
    return ShippedApi.start(
        services,
        url,
        free_port(),
        name="reference",
        source=build.source,
        core=shared_core(),
        APP_REVISION=build.revision,
        **_APART,
    )


def _reference(api: ShippedApi) -> str:
    """Hand the reference to the DAG, likewise."""
    connection = {"conn_type": "http", "host": api.url, "password": api.token}
    os.environ["AIRFLOW_CONN_PERFORMANCE_REFERENCE"] = json.dumps(connection)
    return api.url


def _told(run_id: str, *, good: bool, unopened: BaseException | None) -> int:
    """Print the verdict table; the exit code goes with it."""
    from loadtasks import steps
    from loadtasks.errors import LoadTasksError

    refused = int(getattr(unopened, "exit_code", INVALID)) if unopened else GOOD
    if unopened:
        try:
            steps.conclude(steps.RunContext.from_settings(read_settings()), run_id)
        except LoadTasksError:
            return refused  # there is no run, and why was told already
    sys.argv[:] = ["loadtasks", "report", run_id]
    try:
        runpy.run_module("loadtasks", run_name="__main__", alter_sys=True)
        code = GOOD
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else GOOD if ended.code is None else BAD_INPUT
    if code == GOOD and not good:
        print("A step of the run broke, see above; its log is in the Airflow UI (make airflow).", file=sys.stderr)
        return INVALID
    return refused or code


def _keep_order() -> None:
    """Measure the scenarios in the order of their files, as a scheduler would, so that nights can be compared.

    DAG.test() takes tasks from a set, whose order is that of the hashes: small whole numbers come in ascending order.
    """
    from airflow.models.taskinstance import TaskInstance

    TaskInstance.__hash__ = lambda self: max(self.map_index, 0)  # type: ignore[method-assign]


def _end_runs_left_over() -> None:
    """Mark DAG runs that were stopped half-way as failed: a scheduler would go on with them."""
    from airflow import settings
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState, State, TaskInstanceState
    from sqlalchemy import select

    # An interrupt may have come amid a statement: the session that it left half-way can't be gone on with.
    settings.Session.remove()
    with create_session(scoped=False) as session:
        unfinished = (DagRunState.RUNNING, DagRunState.QUEUED)
        query = select(DagRun).where(DagRun.dag_id == "nightly_performance", DagRun.state.in_(unfinished))
        for dag_run in session.scalars(query):
            for task_instance in dag_run.get_task_instances(session=session):
                if task_instance.state in State.unfinished:
                    task_instance.set_state(TaskInstanceState.FAILED, session=session)
            dag_run.set_state(DagRunState.FAILED)


def _interrupt(_number: int, _frame: FrameType | None) -> Any:
    task_logs = getattr(_interrupt, "task_logs", None)
    if task_logs is not None:
        task_logs.interrupted = True
    raise KeyboardInterrupt


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", help="exercise the API at this address instead of starting the shipped one")
    parser.add_argument("--paired", action="store_true", help="measure beside the approved build of the shipped API")
    parser.add_argument("--revision", help="the approved build's; that of the baseline, else HEAD, when not given")
    parser.add_argument("--scenarios", default="", help="names separated by spaces; all when none is given")
    parser.add_argument("--port", type=int, help="where the shipped API is to listen; a free port when not given")
    options = parser.parse_args()
    if options.paired and options.target:
        parser.error("--paired starts the shipped API; another one's reference is named by LOADTASKS_REFERENCE")
    options.scenarios = options.scenarios.replace(",", " ").split()
    return options


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # all is closed; taking Airflow's modules apart one by one would take another 2 s
