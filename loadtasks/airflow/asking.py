"""A run makes each open regression of its service stand in Airflow's required actions, and doesn't wait for decisions.

One DAG run of the triage DAG asks about one regression. Its id follows from the regression, so that a task that is
tried again, and every later run, finds the one that is there. TriggerDagRunOperator would do for one regression and a
DAG that is known to exist; importing it would cost every task of every run a quarter of a second.
"""

import logging
from datetime import UTC
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun

from loadtasks import steps
from loadtasks.errors import LoadTasksError
from loadtasks.plain_text import plain
from loadtasks.results.regression import Regression, RegressionState
from loadtasks.steps import RunContext

log = logging.getLogger(__name__)

MAX_ACTIONS = 20
"""Regressions of one service that people are asked about at once: the scheduler takes 0.2 % of a core for each DAG run
that waits. The pages list all."""
_MAX_MESSAGE = 300


def ask_people(stored: RunContext, run_id: str, triage: str) -> None:
    """Start a DAG run for each open regression of a run's service that has none. Where that fails, one line says why.

    Args:
        stored: what all steps share.
        run_id: the run.
        triage: the id of the triage DAG.
    """
    try:
        regressions = steps.undecided_regressions(stored, run_id)
        if regressions and get_current_context()["ti"].get_dag(triage).is_paused:
            log.warning(
                "The DAG %s is paused, so nobody is asked about regressions in Airflow; unpause it: the next run asks",
                triage,
            )
            return
        for members in regressions[:MAX_ACTIONS]:
            _ask(members, triage)
        if len(regressions) > MAX_ACTIONS:
            log.warning(
                "Of %d open regressions only the newest %d are in Airflow's required actions; the page Regressions and "
                "python -m loadtasks regressions list all",
                len(regressions),
                MAX_ACTIONS,
            )
    except LoadTasksError as error:
        log.warning("Nobody is asked about regressions in Airflow: %s", error)
    except Exception as error:  # whatever it is, the run goes on
        log.warning(
            "Nobody is asked about regressions in Airflow, since the DAG %s can't be started (%s); deploy it "
            "(dags/performance_triage.py): the next run asks",
            triage,
            _reason(error),
        )


def dag_run_id_of(members: list[Regression]) -> str:
    """The id of the DAG run that asks about a regression: `regression-7__2026-11-28T02:03:10+00:00`.

    The time is that at which it was opened: one that is reopened is asked about again, and one of another results
    database that has the same number, too.

    Args:
        members: the regressions that are known by one id, the one that gives it first.
    """
    opened = [move.at for move in members[0].moves if move.state is RegressionState.OPEN]
    return f"regression-{members[0].id}__{opened[-1].astimezone(UTC).isoformat(timespec='seconds')}"


def _ask(members: list[Regression], triage: str) -> None:
    """Start the DAG run of a regression; one that failed is started again, and any other is left alone."""
    ti = get_current_context()["ti"]
    first, dag_run_id = members[0], dag_run_id_of(members)
    known = ti.get_dr_count(triage, run_ids=[dag_run_id]) > 0
    if known and not ti.get_dr_count(triage, run_ids=[dag_run_id], states=["failed"]):
        return
    conf = {"regression": first.id, "service": first.service}
    message = TriggerDagRun(dag_id=triage, run_id=dag_run_id, conf=conf, reset_dag_run=known)
    if not isinstance(_send(message), ErrorResponse):  # else another run was quicker
        log.info("Regression %d stands in Airflow's required actions (DAG run %s of %s)", first.id, dag_run_id, triage)


def _send(message: TriggerDagRun) -> object:
    """Have the supervisor of this task start a DAG run."""
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS  # noqa: PLC0415 - set when a task runs

    return SUPERVISOR_COMMS.send(message)


def _reason(error: Exception) -> str:
    """What the API server said, else what the error says, on one line."""
    detail: Any = error.error.detail if isinstance(error, AirflowRuntimeError) else getattr(error, "detail", None)
    while isinstance(detail, dict) and "detail" in detail:
        detail = detail["detail"]
    message = detail.get("message") if isinstance(detail, dict) else None
    return plain(str(message or error or type(error).__name__))[:_MAX_MESSAGE]
