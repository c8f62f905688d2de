"""Pools that performance DAGs name and Airflow lacks: one of one slot is made when a run begins.

A task of a pool that doesn't exist waits for ever, and only the scheduler's log says why. So this listener looks in the
scheduler, where each DAG run begins. It runs for every DAG there, so that it is one query for most. A pool that exists
is left as it is, whatever its slots.
"""

import logging
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

_OPERATOR = "PipelineOperator"
"""Whose tasks the pools belong to; those of other operators are none of our business."""
DESCRIPTION = "One scenario at a time: two would disturb each other"


@hookimpl
def on_dag_run_running(dag_run: "DagRun") -> None:
    """Make the pools that the pipeline's tasks of this DAG run name and that don't exist."""
    from sqlalchemy.orm import object_session  # noqa: PLC0415 - only the processes that begin DAG runs need it

    session = object_session(dag_run)
    if session is None:  # DAG.test() needs no pools
        return
    for name in missing_pools(session, dag_run.dag_id, dag_run.run_id):
        session.execute(_insert(session, name))
        log.info("The pool %s is missing, so it is made with one slot", name)


def missing_pools(session: "Session", dag_id: str, run_id: str) -> list[str]:
    """The pools that the pipeline's tasks of a DAG run name and that don't exist."""
    from airflow.models.pool import Pool  # noqa: PLC0415 - see above
    from airflow.models.taskinstance import TaskInstance  # noqa: PLC0415
    from sqlalchemy import select  # noqa: PLC0415

    query = (
        select(TaskInstance.pool)
        .outerjoin(Pool, Pool.pool == TaskInstance.pool)
        .where(
            TaskInstance.dag_id == dag_id,
            TaskInstance.run_id == run_id,
            TaskInstance.operator == _OPERATOR,
            Pool.id.is_(None),
        )
        .distinct()
    )
    with session.no_autoflush:
        return sorted(session.scalars(query))


def _insert(session: "Session", name: str) -> Any:
    """The statement that makes a pool unless another scheduler was quicker.

    It is part of the scheduler's transaction, which an error would end: no savepoint is allowed in there.
    """
    from airflow.models.pool import Pool  # noqa: PLC0415 - see above
    from sqlalchemy import insert  # noqa: PLC0415
    from sqlalchemy.dialects import postgresql, sqlite  # noqa: PLC0415

    values = {"pool": name, "slots": 1, "description": DESCRIPTION, "include_deferred": False}
    match session.get_bind().dialect.name:
        case "postgresql":
            return postgresql.insert(Pool).values(values).on_conflict_do_nothing()
        case "sqlite":
            return sqlite.insert(Pool).values(values).on_conflict_do_nothing()
        case _:
            return insert(Pool).values(values).prefix_with("IGNORE", dialect="mysql")
