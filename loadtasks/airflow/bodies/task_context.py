"""What every task of a run needs: its context, its run's id, and how it fails."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum

from airflow.sdk import get_current_context
from airflow.sdk.log import mask_secret

from loadtasks import steps
from loadtasks.airflow import START_REFERENCE_TASK
from loadtasks.airflow.airflow_settings import airflow_settings
from loadtasks.airflow.connections import (
    ConnectionIds,
    performance_reference,
    performance_service,
    performance_target,
)
from loadtasks.airflow.dag_project import current_project
from loadtasks.airflow.names import run_id_of
from loadtasks.airflow.task_failure import TaskFailure
from loadtasks.errors import LoadTasksError
from loadtasks.steps import RunContext

log = logging.getLogger(__name__)

NOT_OPENED = "not_opened"
"""XCom key of `open_run`: why there is no run, as `[kind, sentence]`."""


class NotOpenedKind(Enum):
    """Why a DAG run made no run."""

    REFUSED = "refused"
    """Something is wrong that a person has to put right."""
    TOO_LATE = "too late"
    """Its time is over: it is not made up for."""


@dataclass(frozen=True)
class NotOpened:
    """That a DAG run made no run."""

    kind: NotOpenedKind
    reason: str
    """One sentence."""


def stored() -> RunContext:
    """The context of a task that works on what is stored."""
    return masked(RunContext.from_settings(airflow_settings(current_project())))


def exercising(service: str | None = None) -> RunContext:
    """The context of a task that sends load: from the trigger form, else from connections, else from settings.

    `service`: the name that the DAG file gives.
    """
    context = get_current_context()
    params = context["params"]
    project = current_project()
    settings = airflow_settings(project, processes=params["processes"])
    ids = ConnectionIds(project.target, project.reference) if project is not None else ConnectionIds()
    target = performance_target(settings, params["target"], ids)
    reference = performance_reference(settings, target, params["reference"], _started_reference(), ids)
    name = performance_service(settings, target, params["service"], service, ids)
    return masked(
        replace(
            RunContext.from_settings(settings),
            target=target,
            reference=reference,
            service=name,
            dag_id=context["dag"].dag_id,
            dag_run_id=str(context["run_id"]),
        )
    )


def _started_reference() -> str | None:
    """The address of the reference that this DAG run has started; None where it starts none."""
    context = get_current_context()
    if not _starts_reference():
        return None
    url = context["ti"].xcom_pull(task_ids=START_REFERENCE_TASK)
    return str(url) if url else None


def _starts_reference() -> bool:
    return START_REFERENCE_TASK in get_current_context()["dag"].task_ids


def masked(context: RunContext) -> RunContext:
    """The context, its secrets made known to Airflow, which keeps them out of its logs."""
    for secret in context.secrets:
        mask_secret(secret)
    return context


def run_id() -> str:
    """The run that this DAG run makes: the same for a retried or cleared task."""
    context = get_current_context()
    return run_id_of(context["dag"].dag_id, str(context["run_id"]))


@contextmanager
def failing_in_one_sentence() -> Iterator[None]:
    """Turn an error that a person has to fix into a failed task, whose log ends with that one sentence."""
    try:
        yield
    except LoadTasksError as error:
        log.error("%s", error)  # noqa: TRY400 - a traceback adds nothing to the sentence
        raise TaskFailure(str(error), int(error.exit_code)) from None


def not_opened() -> NotOpened | None:
    """Why there is no run at all; None when there is one."""
    pull = get_current_context()["ti"].xcom_pull
    if pull(task_ids="open_run") is not None:
        return None
    try:
        steps.conclude(stored(), run_id())
    except LoadTasksError:
        unfinished = (NotOpenedKind.REFUSED.value, "open_run did not finish; its log says why")
        of_reference = pull(task_ids=START_REFERENCE_TASK, key=NOT_OPENED) if _starts_reference() else None
        kind, reason = pull(task_ids="open_run", key=NOT_OPENED) or of_reference or unfinished
        return NotOpened(NotOpenedKind(kind), str(reason))
    return None


def failed(task_ids: Sequence[str]) -> list[str]:
    """Which of these tasks failed in this DAG run, in their order."""
    found = states(task_ids)
    return [task_id for task_id in task_ids if found.get(task_id) in ("failed", "upstream_failed")]


def states(task_ids: Sequence[str]) -> dict[str, str]:
    """The states of tasks in this DAG run, by their id; of a mapped task by id and index, such as `measure_0`."""
    context = get_current_context()
    dag_run_id = str(context["run_id"])
    found = context["ti"].get_task_states(context["dag"].dag_id, task_ids=list(task_ids), run_ids=[dag_run_id])
    return dict(found.get(dag_run_id, {}))
