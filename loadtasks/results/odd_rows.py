"""Rows that this version didn't write: found and named when reading a results database has failed."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, String, cast, inspect, literal_column, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from loadtasks.plain_text import plain
from loadtasks.results.beginnings import Beginning
from loadtasks.results.creep_record import record_of
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.rows import (
    baseline_of,
    failure_of,
    measurement_of,
    message_of,
    move_of,
    pairing_of,
    regression_of,
    run_of,
    run_verdict_of,
    verdict_of,
)
from loadtasks.results.schema import (
    BaselineRow,
    BeginningRow,
    CreepRow,
    FailureRow,
    MeasurementRow,
    MessageRow,
    MoveRow,
    PairingRow,
    RegressionRow,
    RemovedRunRow,
    ResultsBase,
    RunRow,
    RunSequenceRow,
    VerdictRow,
)

_MAX_LENGTH = 200
_ROWS_AT_ONCE = 100
_ADDRESS = {"sqlite": "rowid", "postgresql": "CAST(ctid AS text)"}
"""What tells rows apart whatever is in their columns."""


def _read_run(row: RunRow) -> None:
    run_of(row)
    run_verdict_of(row)


def _read_measurement(row: MeasurementRow) -> None:
    measurement_of(row)
    if row.reason is not None:
        RepetitionReason(row.reason)


_READERS: Mapping[type[ResultsBase], Callable[[Any], object]] = {
    RunSequenceRow: lambda row: row.last,
    RemovedRunRow: lambda row: row.removed_at,
    RunRow: _read_run,
    FailureRow: failure_of,
    BeginningRow: lambda row: Beginning.model_validate({name: getattr(row, name) for name in Beginning.model_fields}),
    VerdictRow: verdict_of,
    BaselineRow: baseline_of,
    MoveRow: move_of,
    RegressionRow: regression_of,
    MessageRow: message_of,
    PairingRow: pairing_of,
    CreepRow: record_of,
    MeasurementRow: _read_measurement,
}
"""What reads a row of each table, those with the fewest and smallest rows first."""


def read_all(connection: Connection) -> None:
    """Read every row of every table once.

    Raises:
        Exception: of any kind, where a row is odd; `first_odd_row` says which one it is.
    """
    for table, read in _READERS.items():
        with Session(connection) as session:
            for row in session.scalars(select(table).execution_options(yield_per=_ROWS_AT_ONCE)):
                read(row)
                session.expunge(row)


def first_odd_row(connection: Connection) -> str | None:
    """The first row that can't be read and why, in words; None where all can be read."""
    for table, read in _READERS.items():
        for address in _addresses(connection, table):
            try:
                with Session(connection) as session:
                    row = session.scalars(select(table).where(_address(connection) == address)).one_or_none()
                    if row is not None:
                        read(row)
            except Exception as error:  # whatever an odd value leads to
                return f"{_name(connection, table, address)} is not as loadtasks writes it ({_reason(error)})"
    return None


def _address(connection: Connection) -> Any:
    return literal_column(_ADDRESS[connection.dialect.name])


def _addresses(connection: Connection, table: type[ResultsBase]) -> Iterator[Any]:
    address = _address(connection).label("address")
    yield from connection.scalars(select(address).select_from(table.__table__).order_by(address)).all()


def _name(connection: Connection, table: type[ResultsBase], address: Any) -> str:
    """Which row it is: by its key, else by its number."""
    keys = inspect(table).primary_key
    query = select(*(cast(key, String) for key in keys)).where(_address(connection) == address)
    try:
        values = connection.execute(query).one()
    except DBAPIError:  # the key itself is odd
        return f"row {address} of its table {table.__tablename__}"
    named = ", ".join(f"{key.name} {value}" for key, value in zip(keys, values, strict=True))
    return f"a row of its table {table.__tablename__} ({plain(named)[:_MAX_LENGTH]})"


def _reason(error: Exception) -> str:
    said = error.orig if isinstance(error, DBAPIError) else error
    lines = str(said).strip().splitlines() or [type(said).__name__]
    if len(lines) > 1 and "validation error" in lines[0]:  # pydantic: the field, then what is wrong with it
        lines = [f"{lines[1].strip()}: {lines[2].strip() if len(lines) > 2 else ''}"]  # noqa: PLR2004
    return plain(lines[0])[:_MAX_LENGTH]
