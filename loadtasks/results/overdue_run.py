"""Runs that should have begun, or ended, by now."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from loadtasks.results.schema import LateRunRow


@dataclass(frozen=True)
class OverdueRun:
    """A run that has not ended, or not begun, although its time is over."""

    run_id: str
    """The id that it has, or would have had."""
    service: str | None
    """Whose run it is; None where that isn't known."""
    due: datetime
    """When it was to begin."""
    dag_id: str
    """The DAG that makes it."""


def note_late_run(session: Session, run: OverdueRun) -> None:
    """Keep that a run is late, until people were told."""
    session.merge(LateRunRow(run_id=run.run_id, service=run.service, dag_id=run.dag_id, due=run.due))


def late_runs(session: Session) -> list[OverdueRun]:
    """The late runs of which people are still to be told, the one that was due first first."""
    rows = session.scalars(select(LateRunRow).order_by(LateRunRow.due, LateRunRow.run_id))
    return [OverdueRun(row.run_id, row.service, row.due, row.dag_id) for row in rows]


def forget_late_run(session: Session, run_id: str) -> None:
    """Forget that a run is late: people were told, or it has ended."""
    session.execute(delete(LateRunRow).where(LateRunRow.run_id == run_id))
