"""Results written to one file: an SQLite results database, compressed where its name ends with .gz."""

import gzip
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import ExceptionContext, event, select, text, update
from sqlalchemy.orm import Session

from loadtasks.errors import BadInputError
from loadtasks.input_files import MIB
from loadtasks.results.database import ResultsDatabase
from loadtasks.results.message import MessageState
from loadtasks.results.pruning import needed_runs, prune_run
from loadtasks.results.run_order import plausible_dates
from loadtasks.results.schema import (
    BaselineRow,
    MessageRow,
    MoveRow,
    RegressionRow,
    RemovedRunRow,
    ResultsBase,
    RunRow,
    RunSequenceRow,
)
from loadtasks.results.transfer.clean_copy import new_database
from loadtasks.results.transfer.run_copies import OF_A_RUN, copy_rows
from loadtasks.results.transfer.source_file import GZIP, SQLITE, beginning_of

_COMPRESSED = ".gz"


@dataclass(frozen=True)
class Selection:
    """What is exported."""

    service: str | None = None
    """The one service whose runs are; None: all."""
    newest: int | None = None
    """So many of the newest runs of each service, and those that later verdicts need; None: all."""
    since: datetime | None = None
    """Runs that began from then on, and those that later verdicts need; None: all."""
    pruned: bool = False
    """Whether runs are pruned in the file, as far as they may be."""


@dataclass(frozen=True)
class ExportedResults:
    """What was written."""

    runs: int
    left_out: int
    """How many runs were not selected."""
    regressions: int
    messages: int
    bytes: int
    """Of the file."""


def export(database: ResultsDatabase, path: Path, selection: Selection) -> ExportedResults:
    """Write the results of a database to a file, in place of an earlier export.

    The file is whole or not there. It has what one moment's database holds, whoever writes meanwhile.

    Raises:
        BadInputError: the file can't be written, or is something else than an export.
    """
    _check(path, database)
    unpacked = path.with_name(f"{path.name}.unpacked.partial")
    unfinished = path.with_name(f"{path.name}.partial")
    try:
        for left in (unpacked, unfinished):
            left.unlink(missing_ok=True)
        counts = _write(database, unpacked, selection)
        if path.suffix == _COMPRESSED:
            with (
                unpacked.open("rb") as source,
                unfinished.open("wb") as file,
                gzip.GzipFile("", "wb", fileobj=file, mtime=0, compresslevel=6) as packed,
            ):
                shutil.copyfileobj(source, packed, MIB)
            unfinished.replace(path)
        else:
            unpacked.replace(path)
        return ExportedResults(*counts, bytes=path.stat().st_size)
    except OSError as error:
        raise BadInputError(
            f"{path}: can't be written ({error.strerror or error}); name a file in a folder that can be written and "
            "has room."
        ) from error
    finally:
        for left in (unpacked, unfinished):
            with suppress(OSError):
                left.unlink(missing_ok=True)


def _check(path: Path, database: ResultsDatabase) -> None:
    """Check that a file may be written in place of what is there."""
    if database.is_in(path):
        raise BadInputError(f"{path}: this is the results database itself; name another file to export it to.")
    if not path.parent.is_dir():
        raise BadInputError(f"{path}: there is no folder {path.parent}; make it, or name a file in another one.")
    if path.exists() and not (path.is_file() and beginning_of(path).startswith((SQLITE, GZIP))):
        raise BadInputError(f"{path}: this is no earlier export, and is left as it is; name another file.")


def _write(database: ResultsDatabase, path: Path, selection: Selection) -> tuple[int, int, int, int]:
    """Write the file. Returns the numbers of runs written and left out, of regressions and of messages."""
    engine = new_database(path)

    @event.listens_for(engine, "handle_error")
    def failed(context: ExceptionContext) -> None:  # else it would pass for one of the results database
        raise OSError(f"{context.original_exception}") from context.original_exception

    try:
        with database.reading() as source, Session(engine) as target, target.begin():
            if source.get_bind().dialect.name == "postgresql":
                source.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            chosen, left_out = _chosen(source, selection)
            if not chosen and source.scalar(select(RemovedRunRow.id).limit(1)) is None:  # who imports that begins anew
                raise BadInputError("there is no run to export, so no file is written; make a run first.")
            _copy_runs(source, target, chosen)
            counts = _copy_rest(source, target, selection.service)
            if selection.pruned:
                _prune(target, chosen)
        if selection.pruned:
            with engine.connect() as connection:
                connection.exec_driver_sql("COMMIT")  # the transaction that has just begun: there is none of this
                connection.exec_driver_sql("VACUUM")
    finally:
        engine.dispose()
    return len(chosen), left_out, *counts


def _chosen(session: Session, selection: Selection) -> tuple[list[str], int]:
    """The ids of the runs that are written, in their order, and how many are not."""
    query = select(RunRow.id, RunRow.service, RunRow.started_at).order_by(RunRow.sequence)
    if selection.service is not None:
        query = query.where(RunRow.service == selection.service)
    of_service: dict[str, list[tuple[str, datetime]]] = {}
    for run_id, service, started_at in session.execute(query):
        of_service.setdefault(service, []).append((run_id, started_at))
    if selection.service is not None and not of_service:
        raise BadInputError(
            f"there is no run of {selection.service}; `python -m loadtasks runs` lists the runs with their services."
        )
    everything = [run_id for runs in of_service.values() for run_id, _ in runs]
    if selection.newest is None and selection.since is None:
        return everything, 0
    chosen = set(_needed(session))
    for runs in of_service.values():
        dates = plausible_dates([started_at for _, started_at in runs], datetime.now(UTC))
        recent = [
            run_id
            for (run_id, _), began in zip(runs, dates, strict=True)
            if selection.since is None or began >= selection.since
        ]
        chosen.update(recent if selection.newest is None else recent[-selection.newest :])
    kept = [run_id for run_id in everything if run_id in chosen]
    return kept, len(everything) - len(kept)


def _needed(session: Session) -> Iterable[str]:
    """The runs without which later ones would be judged otherwise: approved ones, and the ends of regressions."""
    yield from needed_runs(session)
    yield from session.scalars(select(BaselineRow.run_id))
    for row in session.execute(select(RegressionRow.first_run, RegressionRow.found_run)):
        yield from row


def _copy_runs(source: Session, target: Session, run_ids: list[str]) -> None:
    with_a_run: tuple[type[ResultsBase], ...] = (*OF_A_RUN, BaselineRow)
    for run_id in run_ids:
        copy_rows(source, target, RunRow, RunRow.id == run_id)
        for table in with_a_run:
            copy_rows(source, target, table, table.__table__.c.run_id == run_id)


def _copy_rest(source: Session, target: Session, service: str | None) -> tuple[int, int]:
    """Copy what belongs to no run. Returns the numbers of regressions and of messages."""
    counts = []
    of_a_service: tuple[type[ResultsBase], ...] = (RegressionRow, MessageRow, RemovedRunRow)
    for table in of_a_service:
        condition = table.__table__.c.service == service if service is not None else None
        counts.append(copy_rows(source, target, table, condition))
    regressions = select(RegressionRow.id)
    if service is not None:
        regressions = regressions.where(RegressionRow.service == service)
    copy_rows(source, target, MoveRow, MoveRow.regression_id.in_(regressions))
    copy_rows(source, target, RunSequenceRow)
    return counts[0], counts[1]


def _prune(session: Session, run_ids: list[str]) -> None:
    """Leave out of the file what no later verdict is made of, and the texts of mails that were sent or given up."""
    now = datetime.now(UTC)
    for run_id in run_ids:
        prune_run(session, run_id, now)
        session.flush()
        session.expunge_all()
    settled = MessageRow.state != MessageState.PENDING.value
    session.execute(update(MessageRow).where(settled).values(content=""))
