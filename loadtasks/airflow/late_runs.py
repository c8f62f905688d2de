"""A run that has not ended in time: Airflow's deadline, and what is done when it is missed.

The callback runs where tasks run (LocalExecutor and CeleryExecutor take callbacks), so that no triggerer is needed.
There it may do less than a task: Airflow 3.3 denies it connections and variables, and with them the mail server and the
recipients, unless the environment names these. What it can't tell, it notes; `performance_maintenance` tells it. Where
even the results database is that of a connection, it can note nothing, and `performance_maintenance` looks by itself.
"""
# ruff: noqa: PLC0415 - DAG files import this module whenever they are parsed

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DeadlineAlert, DeadlineReference, SyncCallback  # type: ignore[attr-defined] # in no stub

from loadtasks.airflow.names import run_id_of

if TYPE_CHECKING:
    from loadtasks.steps import OverdueRun

log = logging.getLogger(__name__)

_MANUAL = "manual"


def alert_when_late(deadline: timedelta, max_delay: timedelta | None) -> DeadlineAlert:
    """Send a mail when a run has not ended so long after it was due; not of one that began too late and is skipped."""
    max_delay_s = max_delay.total_seconds() if max_delay is not None else None
    callback = SyncCallback(tell_late, kwargs={"deadline_s": deadline.total_seconds(), "max_delay_s": max_delay_s})
    return DeadlineAlert(DeadlineReference.DAGRUN_LOGICAL_DATE, deadline, callback, name="late")


def tell_late(deadline_s: float, max_delay_s: float | None, context: dict[str, Any]) -> None:
    """Tell people that a DAG run has not ended in time, or note it; Airflow calls this once a run.

    Args:
        deadline_s: how long after it was due a run may end.
        max_delay_s: how long after its time a scheduled run may begin, or is skipped; None: at any time.
        context: of Airflow: `dag_run`, as its REST API describes one, and `deadline`.
    """
    from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

    from loadtasks import steps
    from loadtasks.airflow.bodies.task_context import stored
    from loadtasks.airflow.bodies.telling import mailing
    from loadtasks.airflow.notifications import mail_server
    from loadtasks.errors import LoadTasksError
    from loadtasks.results.store import Store

    run = _overdue(context["dag_run"], deadline_s, max_delay_s)
    if run is None:
        log.info("The run %s is not late: it has only just been begun", context["dag_run"]["dag_run_id"])
        return
    try:
        ours = stored()
        with Store.open(ours.workspace.results_url) as store:
            scheduled = store.newest_scheduled().get(run.dag_id)
            known = store.run(run.run_id) if store.has_run(run.run_id) else scheduled
            run = replace(run, service=known.service if known is not None else None)
            store.late_runs.note(run)
        try:
            went = steps.alert_late_runs(mailing(), mail_server())
        except AirflowSecretsBackendAccessDenied:
            if ours.settings.smtp_url is None:
                log.warning("The run %s is late; performance_maintenance tells people", run.run_id)
                return
            went = steps.alert_late_runs(ours)
    except AirflowSecretsBackendAccessDenied:
        log.warning(
            "The run %s is late, which can't be noted: a callback may not read the connection to the results database; "
            "performance_maintenance finds it and tells people",
            run.run_id,
        )
    except LoadTasksError as error:
        log.error("The run %s is late, and the mail about it was not sent: %s", run.run_id, error)  # noqa: TRY400
    else:
        log.warning(
            "The run %s is late; the mail went to %s", run.run_id, went.get(run.run_id) or "nobody: people know"
        )


def _overdue(dag_run: dict[str, Any], deadline_s: float, max_delay_s: float | None) -> "OverdueRun | None":
    """The run that is late; None where only its logical date lies in the past.

    That of a triggered run may be chosen freely. A scheduled one that is made up for too late is skipped.
    """
    from loadtasks.steps import OverdueRun

    queued_at, due = _moment(dag_run, "queued_at"), _moment(dag_run, "run_after")
    if dag_run["run_type"] == _MANUAL:
        due = queued_at
    elif queued_at and due and max_delay_s is not None and queued_at - due > timedelta(seconds=max_delay_s):
        return None
    if due is None or datetime.now(due.tzinfo) < due + timedelta(seconds=deadline_s):
        return None
    return OverdueRun(run_id_of(dag_run["dag_id"], dag_run["dag_run_id"]), None, due, dag_run["dag_id"])


def _moment(dag_run: dict[str, Any], name: str) -> datetime | None:
    value = dag_run.get(name)
    return datetime.fromisoformat(value) if value else None
