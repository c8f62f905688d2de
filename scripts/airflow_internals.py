"""Where the scripts rely on Airflow and structlog beyond their public interfaces: what, why, and for which versions.

`make nightly` runs the DAG in its own process with `DAG.test()`, since a scheduler and an API server would take half a
minute to start and use the cores that measure. `DAG.test()` is public, but it is made for trying a DAG out: it runs
tasks in no particular order, logs to the terminal, and leaves an interrupted run unfinished. Each function below makes
up for one of these.

Read and tried with Airflow 3.3 and structlog 26. tests/scripts/test_airflow_internals.py fails when something that is
relied on here changes. All other modules use public interfaces.
"""
# ruff: noqa: PLC0415 - importing Airflow takes seconds

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

LogProcessor = Callable[[Any, str, MutableMapping[str, Any]], Any]


def run_tasks_in_file_order() -> None:
    """Measure the scenarios in the order of their files, as a scheduler does, so that runs can be compared.

    `DAG.test()` iterates over a set of task instances, whose order is that of their hashes. Small whole numbers come in
    ascending order, so the hash becomes the place of a mapped task among those of its kind.
    """
    from airflow.models.taskinstance import TaskInstance

    TaskInstance.__hash__ = lambda self: max(self.map_index, 0)  # type: ignore[method-assign]


def intercept_log_events(processor: LogProcessor) -> None:
    """Give every structlog event of this process to a processor instead of printing it.

    Loggers keep the list of processors with which they were first used, so the configured list is changed in place;
    `structlog.configure()` would not reach Airflow's loggers.
    """
    import structlog

    structlog.get_config()["processors"].insert(-1, processor)


def add_task_listener(listener: object) -> None:
    """Have Airflow call the hooks of a listener in this process.

    The public way, a plugin, would call them in every Airflow process that reads the same plugins folder. Airflow lets
    a KeyboardInterrupt that a hook raises pass, which ends `DAG.test()`.
    """
    from airflow.sdk.listener import get_listener_manager

    get_listener_manager().add_listener(listener)  # type: ignore[no-untyped-call]


def task_log_processors() -> tuple[Any, ...]:
    """The structlog processors with which a worker writes a task's log as JSON lines; secrets are masked."""
    from airflow.sdk.log import logging_processors

    return logging_processors(json_output=True)


def load_task_api() -> None:
    """Make the API that tasks call, which `DAG.test()` would make with its first task, while the target starts."""
    from airflow.sdk.execution_time.supervisor import in_process_api_server

    _ = in_process_api_server().app


def forget_deadlines(dag: Any) -> None:
    """Take a DAG's deadlines away before `DAG.test()`: in 3.3 it fails at the end of a good run of a DAG that has one.

    It looks the deadlines up in the database by what stands in their place in the serialized DAG before that is stored.
    """
    dag.deadline = None


def fail_unfinished_runs(dag_id: str) -> None:
    """Mark the DAG runs that were stopped half-way as failed, or a scheduler would go on with them.

    The public way, the REST API, needs a running API server. An interrupt may have come amid a statement, which leaves
    the process' session unusable: it is dropped, and another one is made.
    """
    from airflow import settings
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState, State, TaskInstanceState
    from sqlalchemy import select

    if settings.Session is not None:
        settings.Session.remove()
    with create_session(scoped=False) as session:
        unfinished = (DagRunState.RUNNING, DagRunState.QUEUED)
        for dag_run in session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.state.in_(unfinished))):
            for task_instance in dag_run.get_task_instances(session=session):
                if task_instance.state in State.unfinished:
                    task_instance.set_state(TaskInstanceState.FAILED, session=session)
            dag_run.set_state(DagRunState.FAILED)
