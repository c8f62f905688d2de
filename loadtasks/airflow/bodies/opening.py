"""The first task: everything that can be wrong is checked before load is sent."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from loadtasks import steps
from loadtasks.airflow.bodies.task_context import (
    NOT_OPENED,
    NotOpenedKind,
    exercising,
    failing_in_one_sentence,
    run_id,
)
from loadtasks.airflow.trigger_keys import check_trigger
from loadtasks.errors import BadInputError, LoadTasksError
from loadtasks.input_files import is_folder
from loadtasks.steps import RunContext
from loadtasks.units import span

log = logging.getLogger(__name__)


def open_run(service: str | None, max_delay_s: float | None) -> list[str]:
    """Check suites, scenarios and target, and open the run.

    It fails where no scenario can be measured; the run is judged, reported and mailed all the same.

    Args:
        service: the name that the DAG file gives.
        max_delay_s: how long after its time a scheduled run may begin; None: at any time.

    Returns:
        The scenarios of the run.

    Raises:
        AirflowSkipException: a scheduled run whose time is over.
    """
    context = get_current_context()
    params = context["params"]
    if late := _too_late(max_delay_s):
        context["ti"].xcom_push(key=NOT_OPENED, value=[NotOpenedKind.TOO_LATE.value, late])
        raise AirflowSkipException(late)
    with failing_in_one_sentence():
        try:
            conf = cast("Mapping[str, Any] | None", context["dag_run"].conf)
            check_trigger(conf, context["dag"].params, params)
            run_context = exercising(service)
            check_folders(run_context)
            steps.check_slug(run_context)
            against = f" against the reference {run_context.reference.url}" if run_context.reference else ""
            log.info("Run %s of %s exercises %s%s", run_id(), run_context.service, run_context.target.url, against)
            run = steps.open_run(
                run_context,
                scenarios=params["scenarios"] or None,
                load_factor=params["load_factor"],
                trigger="scheduled" if _is_scheduled() else "manual",
                run_id=run_id(),
            )
        except LoadTasksError as error:
            # There is no run to report: of a bad suite, for instance, this sentence is all there is.
            context["ti"].xcom_push(key=NOT_OPENED, value=[NotOpenedKind.REFUSED.value, str(error)])
            raise
        steps.check_measurable(run_context, run.id)
    return list(run.scenarios)


def check_folders(context: RunContext) -> None:
    """Check that there are the folders of the project.

    Raises:
        BadInputError: one is missing; the sentence says what a team does that has just installed this.
    """
    for folder, what in (
        (context.workspace.scenarios, "at least one scenario file (docs/scenarios.md)"),
        (context.workspace.expectations, "the targets; an empty one will do, and the built-in targets judge alone"),
    ):
        if not is_folder(folder):
            raise BadInputError(
                f"{folder}: there is no such folder; make it with {what}, or name the folder that holds scenarios/ and "
                "expectations/ in the DAG file: performance_dag(project=FOLDER)."
            )


def _is_scheduled() -> bool:
    return str(get_current_context()["run_id"]).startswith("scheduled")


def _too_late(max_delay_s: float | None) -> str | None:
    """Why the run is not made, in one sentence; None where it is.

    Airflow makes up for the last missed run when its scheduler is back or the DAG is unpaused, also at noon. A task
    that somebody has cleared is meant to run now.
    """
    context = get_current_context()
    due = context["dag_run"].run_after
    if max_delay_s is None or not _is_scheduled() or context["ti"].try_number > 1:
        return None
    delay = datetime.now(UTC) - due
    if delay <= timedelta(seconds=max_delay_s):
        return None
    return (
        f"The run was due at {due:%Y-%m-%d %H:%M %Z} and would begin {span(delay.total_seconds())} late, when the load "
        f"may be in the way: runs that are more than {span(max_delay_s)} late are not made up for. Clear open_run to "
        "make it now."
    )
