"""What is done between runs: noticing that none came, and making room."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time.comms import GetPreviousDagRun, PreviousDagRunResult

from loadtasks import steps
from loadtasks.airflow.airflow_settings import names_results
from loadtasks.airflow.bodies.task_context import failing_in_one_sentence, stored
from loadtasks.airflow.bodies.telling import mailing
from loadtasks.airflow.names import run_id_of
from loadtasks.airflow.notifications import mail_server
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.settings import read_settings
from loadtasks.steps import OverdueRun

log = logging.getLogger(__name__)


def notice_missing_runs(dag_ids: Sequence[str], grace_s: float, late_s: float) -> None:
    """Tell people of late runs that were noted, and of DAGs whose schedule says that a run was due, and none came.

    The DAGs are those that have made a scheduled run. Airflow knows when the next one is due: where that time is over
    by more than the allowed delay, it is missing. A DAG that is paused, or was deleted, misses none.

    Args:
        dag_ids: further DAGs, which may not have made a run yet.
        grace_s: how long after its time a run counts as missing.
        late_s: how long after its time a run that goes on counts as late, where Airflow's deadline can't note it.
    """
    with failing_in_one_sentence():
        for run_id, where in steps.alert_late_runs(mailing(), mail_server()).items():
            log.warning("The run %s is late; the mail went to %s", run_id, where or "nobody: people know")
        with Store.open(stored().workspace.results_url) as store:
            newest = store.newest_scheduled()
        looks_itself = not names_results(read_settings())
        for dag_id in sorted({*newest, *dag_ids}):
            if looks_itself and (late := _late(dag_id, newest.get(dag_id), late_s)) is not None:
                where = steps.alert_late(mailing(), late, mail_server())
                log.warning("The run %s is late; the mail went to %s", late.run_id, where or "nobody: people know")
            if (missing := _missing(dag_id, newest.get(dag_id), grace_s)) is not None:
                where = steps.alert_missed(mailing(), missing, mail_server())
                log.warning(
                    "%s: no run came that was due at %s; %s",
                    dag_id,
                    missing.due.isoformat(" ", "minutes"),
                    f"the mail went to {where}" if where else "people know",
                )


def clean_up() -> None:
    """Prune old runs of all services where a setting says so, and give free space back."""
    with failing_in_one_sentence():
        context = stored()
        steps.prune_all(context)
        freed = steps.give_back_space(context)
    if freed:
        log.info("Data Docs take %.1f MB less: what they have in common is kept once", freed / 1e6)


def _late(dag_id: str, newest: Run | None, late_s: float) -> OverdueRun | None:
    """The run of a DAG that goes on and should have ended; None where there is none."""
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS  # noqa: PLC0415 - set when a task runs

    now = datetime.now(UTC)
    found = SUPERVISOR_COMMS.send(GetPreviousDagRun(dag_id=dag_id, logical_date=now, state="running"))
    run = found.dag_run if isinstance(found, PreviousDagRunResult) else None
    if run is None:
        return None
    is_manual = str(getattr(run.run_type, "value", run.run_type)) == "manual"
    due = run.start_date if is_manual and run.start_date is not None else run.run_after
    if due + timedelta(seconds=late_s) > now:
        return None
    return OverdueRun(run_id_of(dag_id, run.run_id), newest.service if newest is not None else None, due, dag_id)


def _missing(dag_id: str, newest: Run | None, grace_s: float) -> OverdueRun | None:
    """The run of a DAG that was due and did not come; None where there is none."""
    try:
        dag = get_current_context()["ti"].get_dag(dag_id)
    except AirflowRuntimeError:
        log.info("%s: Airflow has no such DAG any more", dag_id)
        return None
    due = dag.next_dagrun
    if dag.is_paused or due is None:
        log.info("%s: %s", dag_id, "paused, so that no run is due" if dag.is_paused else "it has no schedule")
        return None
    if due + timedelta(seconds=grace_s) > datetime.now(UTC):
        log.info("%s: the next run is due at %s", dag_id, due.isoformat(" ", "minutes"))
        return None
    if newest is not None and newest.started_at >= due:
        return None
    service = newest.service if newest is not None else None
    return OverdueRun(run_id_of(dag_id, f"scheduled__{due.isoformat()}"), service, due, dag_id)
