"""The tasks around a run whose reference is started for it: set-up and teardown."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow.sdk import get_current_context

from loadtasks.airflow.airflow_settings import remote_executors
from loadtasks.airflow.bodies.task_context import (
    NOT_OPENED,
    NotOpenedKind,
    exercising,
    failing_in_one_sentence,
    run_id,
    stored,
)
from loadtasks.builds.keeper import KeeperOrder, end_keeper, keep_running
from loadtasks.errors import BadInputError, LoadTasksError

log = logging.getLogger(__name__)

_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class ReferenceCommand:
    """How the reference is started, as the DAG file says."""

    command: str
    folder: str | None
    max_s: float


def start_reference(reference: ReferenceCommand) -> str | None:
    """Start the approved build. Returns its address; None where the trigger form names another reference."""
    context = get_current_context()
    with failing_in_one_sentence():
        try:
            return _start(reference)
        except LoadTasksError as error:
            context["ti"].xcom_push(key=NOT_OPENED, value=[NotOpenedKind.REFUSED.value, str(error)])
            raise


def stop_reference() -> None:
    """Stop the approved build, where one runs."""
    with failing_in_one_sentence():
        if end_keeper(_folder()):
            log.info("The reference has ended")


def _start(reference: ReferenceCommand) -> str | None:
    params: dict[str, Any] = dict(get_current_context()["params"])
    if named := params.get("reference"):
        log.info("The trigger form names the reference %s: none is started", named)
        return None
    if remote := remote_executors():
        raise BadInputError(
            f"a reference that the DAG starts has to run on the machine that measures, which takes LocalExecutor, and "
            f"this Airflow has {' and '.join(remote)}: start the approved build elsewhere, name it in the connection "
            "performance_reference, and take reference_command out of the DAG file."
        )
    context = exercising()
    url = keep_running(
        KeeperOrder(
            folder=str(_folder()),
            command=reference.command,
            working_folder=reference.folder or str(Path.cwd()),
            health_path=context.target.health_path,
            timeout_s=_TIMEOUT_S,
            max_s=reference.max_s,
            secrets=tuple(context.secrets),
        )
    )
    log.info("The reference is up at %s", url)
    return url


def _folder() -> Path:
    return (stored().workspace.var / "references" / run_id()).absolute()
