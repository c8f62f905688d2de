"""Runs that should have begun, or ended, by now."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from loadtasks.results.database import ResultsDatabase
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


class LateRuns:
    """The runs that have not ended in time, until people know. Who notices one may not be able to send mails.

    All methods raise BadInputError, one sentence, when the database can't be read or written.
    """

    def __init__(self, database: ResultsDatabase) -> None:
        self._database = database

    def note(self, run: OverdueRun) -> None:
        """Keep that a run is late, until people know."""
        with self._database.writing() as session:
            session.merge(LateRunRow(run_id=run.run_id, service=run.service, dag_id=run.dag_id, due=run.due))

    def all(self) -> list[OverdueRun]:
        """The late runs that people still have to know of, the one that was due first first."""
        with self._database.reading() as session:
            rows = session.scalars(select(LateRunRow).order_by(LateRunRow.due, LateRunRow.run_id))
            return [OverdueRun(row.run_id, row.service, row.due, row.dag_id) for row in rows]

    def forget(self, run_id: str) -> None:
        """Forget that a run is late: people know, or it has ended."""
        with self._database.writing() as session:
            session.execute(delete(LateRunRow).where(LateRunRow.run_id == run_id))
