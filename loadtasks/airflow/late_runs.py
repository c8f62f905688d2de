"""A run that has not ended in time: Airflow's deadline, and the mail when it is missed.

The callback runs where tasks run (LocalExecutor and CeleryExecutor take callbacks), so that no triggerer is needed.
"""
# ruff: noqa: PLC0415 - DAG files import this module whenever they are parsed

import logging
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DeadlineAlert, DeadlineReference, SyncCallback  # type: ignore[attr-defined] # in no stub

log = logging.getLogger(__name__)

_MANUAL = "manual"


def alert_when_late(deadline: timedelta) -> DeadlineAlert:
    """Send a mail when a run has not ended so long after it was due."""
    callback = SyncCallback(tell_late, kwargs={"deadline_s": deadline.total_seconds()})
    return DeadlineAlert(DeadlineReference.DAGRUN_LOGICAL_DATE, deadline, callback, name="late")


def tell_late(deadline_s: float, context: dict[str, Any]) -> None:
    """Tell people that a DAG run has not ended in time; Airflow calls this once a run.

    Args:
        deadline_s: how long after it was due a run may end.
        context: of Airflow: `dag_run`, as its REST API describes one, and `deadline`.
    """
    from loadtasks import steps
    from loadtasks.airflow.bodies.telling import mailing
    from loadtasks.airflow.dag_runs import run_id_of
    from loadtasks.airflow.notifications import mail_server
    from loadtasks.errors import LoadTasksError
    from loadtasks.results.store import Store

    dag_run = context["dag_run"]
    # The logical date of a triggered run may be chosen freely, and lie in the past.
    due = _moment(dag_run, "queued_at") if dag_run["run_type"] == _MANUAL else _moment(dag_run, "run_after")
    if due is None or datetime.now(due.tzinfo) < due + timedelta(seconds=deadline_s):
        log.info("The run %s is not late: its logical date lies before it was triggered", dag_run["dag_run_id"])
        return
    run_id = run_id_of(dag_run["dag_id"], dag_run["dag_run_id"])
    try:
        mail = mailing()
        with Store.open(mail.workspace.results_url) as store:
            scheduled = store.newest_scheduled().get(dag_run["dag_id"])
            known = store.run(run_id) if store.has_run(run_id) else scheduled
        service = known.service if known is not None else None
        where = steps.alert_late(mail, steps.OverdueRun(run_id, service, due, dag_run["dag_id"]), mail_server())
    except LoadTasksError as error:
        log.error("The run %s is late, and the mail about it was not sent: %s", run_id, error)  # noqa: TRY400
    else:
        log.warning("The run %s is late; %s", run_id, f"the mail went to {where}" if where else "people know")


def _moment(dag_run: dict[str, Any], name: str) -> datetime | None:
    value = dag_run.get(name)
    return datetime.fromisoformat(value) if value else None
