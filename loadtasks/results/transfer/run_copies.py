"""The runs of two databases: which copy of a run is the newer one, in which order they are, and how they are copied."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, insert, select, true
from sqlalchemy.orm import Session

from loadtasks.errors import BadInputError
from loadtasks.results.schema import (
    BeginningRow,
    CreepRow,
    FailureRow,
    MeasurementRow,
    PairingRow,
    RemovedRunRow,
    ResultsBase,
    RunRow,
    VerdictRow,
)
from loadtasks.results.transfer.interleaving import DatedKey, interleaved, numbered

_ROWS_AT_ONCE = 100
_NEVER = datetime.min.replace(tzinfo=UTC)
OF_A_RUN: tuple[type[ResultsBase], ...] = (MeasurementRow, FailureRow, BeginningRow, PairingRow, VerdictRow, CreepRow)
"""What belongs to a run and to nothing else."""


class RunCopy(NamedTuple):
    """A run as one database has it, or had it until somebody removed it there."""

    id: str
    service: str
    sequence: int
    started_at: datetime
    ended_at: datetime | None = None
    judged_at: datetime | None = None
    pruned_at: datetime | None = None

    @property
    def age(self) -> tuple[datetime, datetime]:
        """What is greater of the newer one of two copies: a run may be begun anew under its id, and judged again."""
        return self.started_at, self.judged_at or self.ended_at or _NEVER


def read_runs(session: Session) -> dict[str, RunCopy]:
    """The runs of a database by id, in their order."""
    columns = [getattr(RunRow, name) for name in RunCopy._fields]
    rows = session.execute(select(*columns).order_by(RunRow.sequence))
    return {row.id: RunCopy(*row) for row in rows}


def read_removed(session: Session) -> dict[str, tuple[RunCopy, datetime]]:
    """The runs that were removed from a database by id, with the time when they were."""
    rows = session.scalars(select(RemovedRunRow).order_by(RemovedRunRow.sequence, RemovedRunRow.id))
    return {row.id: (RunCopy(row.id, row.service, row.sequence, row.started_at), row.removed_at) for row in rows}


def check_services(here: Mapping[str, RunCopy], there: Mapping[str, RunCopy]) -> None:
    """Check that runs of one id are one run.

    Raises:
        BadInputError: they are of two services.
    """
    for run_id in here.keys() & there.keys():
        mine, theirs = here[run_id].service, there[run_id].service
        if mine != theirs:
            raise BadInputError(
                f"its run {run_id} is one of {theirs}, and the run of this id in the results database one of {mine}; "
                "two runs can't have one id: delete one of them, or import into another database."
            )


def merged_numbers(here: Mapping[str, RunCopy], there: Mapping[str, RunCopy]) -> dict[str, int]:
    """The places of all runs in the merged order, by id; those of `here` where it has all of them."""
    if there.keys() <= here.keys():
        return {copy.id: copy.sequence for copy in here.values()}
    order = interleaved(_entries(here.values()), _entries(there.values()))
    numbers = ({copy.id: copy.sequence for copy in side.values()} for side in (here, there))
    return numbered(order, *numbers)


def _entries(copies: Iterable[RunCopy]) -> list[DatedKey]:
    return [DatedKey(copy.id, copy.started_at) for copy in sorted(copies, key=lambda copy: (copy.sequence, copy.id))]


class Places:
    """Where the moments of one history are in the merged order, which has runs of another history in between."""

    def __init__(
        self, own: Mapping[str, RunCopy], everything: Mapping[str, RunCopy], numbers: Mapping[str, int]
    ) -> None:
        self._own: dict[str, list[tuple[int, str]]] = {}
        for copy in own.values():
            self._own.setdefault(copy.service, []).append((copy.sequence, copy.id))
        self._order: dict[str, list[RunCopy]] = {}
        for copy in sorted(everything.values(), key=lambda copy: numbers[copy.id]):
            self._order.setdefault(copy.service, []).append(copy)
        for places in self._own.values():
            places.sort()
        self._ids, self._numbers = set(own), numbers

    def number(self, service: str, sequence: int, at: datetime) -> int:
        """The number of the newest run of a service at a moment; 0 where there is none.

        Args:
            service: The service.
            sequence: The number of the newest run that this history knew at that moment.
            at: When that was: runs that began before it, and are not of this history, are older.
        """
        own, order = self._own.get(service, []), self._order.get(service, [])
        known = bisect_right(own, sequence, key=lambda place: place[0])
        last = own[known - 1][1] if known else None
        place = next((place for place, copy in enumerate(order) if copy.id == last), -1)
        while place + 1 < len(order) and order[place + 1].id not in self._ids and order[place + 1].started_at <= at:
            place += 1
        return self._numbers[order[place].id] if place >= 0 else 0


def copy_rows(
    source: Session,
    target: Session,
    table: type[ResultsBase],
    condition: ColumnElement[bool] | None = None,
    change: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> int:
    """Copy the rows of a table on which a condition holds, each changed. Returns how many."""
    core: Table = table.__table__  # type: ignore[assignment]
    query = select(core).where(true() if condition is None else condition).order_by(*core.primary_key.columns)
    count = 0
    for rows in source.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)).mappings().partitions():
        target.execute(insert(core), [change(dict(row)) for row in rows])
        count += len(rows)
    return count
