"""The regressions of a results database: saved when they are found, and moved from state to state until they end."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import desc, func, select
from sqlalchemy.orm import Session

from loadtasks.errors import NotStoredError
from loadtasks.results.database import ResultsDatabase
from loadtasks.results.regression import AUTOMATIC, MovePlace, Regression, RegressionState
from loadtasks.results.rows import regression_of
from loadtasks.results.schema import MoveRow, RegressionRow, RunRow


class Regressions:
    """All regressions. Every writing method is one transaction and can be repeated.

    All methods raise BadInputError, one sentence, when the database can't be read or written.
    """

    def __init__(self, database: ResultsDatabase) -> None:
        self._database = database

    def find(self, number: int) -> Regression:
        """A regression by its id.

        Raises:
            BadInputError: there is none.
        """
        with self._database.reading() as session:
            return _regression(session, number)

    def has(self, number: int) -> bool:
        """Whether there is a regression of this id."""
        with self._database.reading() as session:
            return session.get(RegressionRow, number) is not None

    def all(self, service: str | None = None, *, ended: bool = True) -> list[Regression]:
        """All regressions of a service, or of all, or only those that have not ended, newest first."""
        query = select(RegressionRow).order_by(desc(RegressionRow.id))
        if service is not None:
            query = query.where(RegressionRow.service == service)
        with self._database.reading() as session:
            found = [regression_of(row) for row in session.scalars(query)]
        return [regression for regression in found if ended or not regression.state.ended]

    def save(self, run_id: str, found: Sequence[Regression]) -> list[Regression]:
        """Save what a run found, in place of what it had found before and nobody has moved. Returns them with ids.

        What it had found before keeps its id, under which people know it.
        """
        with self._database.writing() as session:
            rows = session.scalars(select(RegressionRow).where(RegressionRow.found_run == run_id)).all()
            before = {(row.scenario, row.part): row for row in rows}
            kept = []
            for regression in found:
                row = before.pop((regression.scenario, regression.part), None)
                if row is None:
                    row = _row(regression)
                    session.add(row)
                elif len(row.moves) == 1:
                    for name, value in _values(regression).items():
                        setattr(row, name, value)
                kept.append(row)
            for row in before.values():
                if len(row.moves) == 1:
                    session.delete(row)
            session.flush()
            return [regression_of(row) for row in kept]

    def join(self, numbers: Collection[int], shared_since: str) -> None:
        """Make regressions that were known before part of one that most scenarios share."""
        with self._database.writing() as session:
            for row in session.scalars(select(RegressionRow).where(RegressionRow.id.in_(numbers))):
                row.shared_since = shared_since

    def group_of(self, number: int) -> list[Regression]:
        """The regressions that people know by one id, or by that of any of them; the one that gives the id first.

        Raises:
            BadInputError: there is none of this id.
        """
        with self._database.reading() as session:
            own = _regression(session, number)
            if own.shared_since is None:
                return [own]
            query = select(RegressionRow).where(
                RegressionRow.service == own.service, RegressionRow.shared_since == own.shared_since
            )
            return [regression_of(row) for row in session.scalars(query.order_by(RegressionRow.id))]

    def move(  # noqa: PLR0913 - all but two are named
        self,
        number: int,
        state: RegressionState,
        *,
        who: str = AUTOMATIC,
        why: str,
        place: MovePlace = MovePlace.PIPELINE,
        run_id: str | None = None,
    ) -> Regression:
        """Move a regression to another state.

        Args:
            number: its id.
            state: the next state.
            who: the name of the person who decides.
            why: the reason.
            place: where that person decides.
            run_id: the run that shows it, where no person decides.

        Raises:
            BadInputError: there is none of this id, or the state can't follow the one it has.
        """
        with self._database.writing() as session:
            regression = _regression(session, number)
            regression.check_may_become(state)
            newest = select(func.max(RunRow.sequence)).where(RunRow.service == regression.service)
            session.add(
                MoveRow(
                    regression_id=number,
                    state=state.value,
                    at=datetime.now(UTC),
                    sequence=session.scalar(newest) or 0,
                    run_id=run_id,
                    who=who,
                    why=why,
                    place=place.value,
                )
            )
            session.flush()
            session.expire_all()
            return _regression(session, number)


def _regression(session: Session, number: int) -> Regression:
    row = session.get(RegressionRow, number)
    if row is None:
        raise NotStoredError(f"there is no regression {number}; `python -m loadtasks regressions` lists them.")
    return regression_of(row)


def _row(regression: Regression) -> RegressionRow:
    return RegressionRow(**_values(regression), moves=[MoveRow(**move.model_dump()) for move in regression.moves])


def _values(regression: Regression) -> dict[str, Any]:
    return regression.model_dump(mode="json", exclude={"id", "moves"})
