"""A file's results merged into a results database, all of it or nothing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from loadtasks.results.pruning import prune_run
from loadtasks.results.removal import remove_run
from loadtasks.results.schema import (
    RUN_SEQUENCE,
    BaselineRow,
    MeasurementRow,
    MessageRow,
    MoveRow,
    RegressionRow,
    RemovedRunRow,
    ResultsBase,
    RunRow,
    RunSequenceRow,
    VerdictRow,
)
from loadtasks.results.transfer.approvals import merge_approvals
from loadtasks.results.transfer.messages import merge_messages
from loadtasks.results.transfer.regressions import History, merge_regressions, renamed_in
from loadtasks.results.transfer.run_copies import (
    OF_A_RUN,
    Places,
    RunCopy,
    check_services,
    copy_rows,
    merged_numbers,
    read_removed,
    read_runs,
)

_NUMBERED: tuple[type[ResultsBase], ...] = (MeasurementRow, BaselineRow, RegressionRow, MoveRow, MessageRow)
_LOCKED = ("run_sequence", "runs", "regressions", "moves", "baselines", "messages")
"""In the order in which a run that is opened locks them."""


@dataclass
class MergedResults:
    """What a file added to a results database."""

    runs: int
    """How many runs the file holds."""
    new: int
    replaced: int
    """How many runs were known, and are newer in the file: begun anew, ended or judged again since."""
    removed: list[str]
    """The ids of the runs that were deleted in the other database."""
    left_out: int
    """How many of its runs were deleted here."""
    regressions: int
    """How many regressions are new."""
    moved: int
    """How many regressions have other moves now."""
    approvals: int
    messages: int

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was changed."""
        counts = (self.new, self.replaced, self.regressions, self.moved, self.approvals, self.messages)
        return not any(counts) and not self.removed


def lock(session: Session) -> None:
    """See that nobody writes what is merged until the transaction ends; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"LOCK TABLE {', '.join(_LOCKED)} IN SHARE ROW EXCLUSIVE MODE"))


def keep_service(session: Session, service: str) -> None:
    """Delete from a file's database what is not of one service."""
    for table in (RunRow, RegressionRow, MessageRow, RemovedRunRow):
        session.execute(delete(table).where(table.service != service))
    session.expire_all()


def merge(here: Session, there: Session, recipients: Collection[str]) -> MergedResults:
    """Write what another database holds, and the results database doesn't, into the results database.

    Args:
        here: The results database, within a transaction that has locked it.
        there: The other one, a copy that nobody else uses: what was deleted here is deleted there, too.
        recipients: Who gets the messages of this results database: addresses of mails, names of other channels.

    Raises:
        BadInputError: runs of both that are not the same have one id, or a message is being sent.
    """
    in_file = len(read_runs(there))
    gone_here, gone_there = read_removed(here), read_removed(there)
    left_out = _remove(there, gone_here)
    removed = _remove(here, gone_there)
    ours, theirs = read_runs(here), read_runs(there)
    check_services(ours, theirs)
    superseded = {run_id for run_id in ours.keys() & theirs.keys() if ours[run_id].age < theirs[run_id].age}
    outdated = {run_id for run_id in ours.keys() & theirs.keys() if ours[run_id].age > theirs[run_id].age}
    begun_anew = {run_id for run_id in superseded | outdated if ours[run_id].started_at != theirs[run_id].started_at}
    with_gone = [_with_gone(side, gone, ours, theirs) for side, gone in ((ours, gone_here), (theirs, gone_there))]
    everything = with_gone[1] | with_gone[0] | {run_id: theirs[run_id] for run_id in superseded}
    numbers = merged_numbers(*with_gone)
    histories = (
        History(here, Places(with_gone[0], everything, numbers), superseded),
        History(there, Places(with_gone[1], everything, numbers), outdated),
    )
    regressions = merge_regressions(*histories, numbers)
    _write_runs(histories, superseded | (theirs.keys() - ours.keys()), numbers, regressions.ids)
    runs = {run_id: copy for run_id, copy in everything.items() if run_id in ours or run_id in theirs}
    approvals = merge_approvals(*histories, runs, begun_anew, numbers)
    messages = merge_messages(*histories, regressions, numbers, recipients)
    _write_removed(here, gone_here | gone_there, runs, numbers)
    _note_last_number(here, there, numbers)
    _prune(here, ours, superseded)
    return MergedResults(
        runs=in_file,
        new=len(theirs.keys() - ours.keys()),
        replaced=len(superseded),
        removed=removed,
        left_out=len(left_out),
        regressions=regressions.new,
        moved=regressions.changed,
        approvals=approvals,
        messages=messages,
    )


def _remove(session: Session, gone: Mapping[str, tuple[RunCopy, Any]]) -> list[str]:
    """Remove the runs that were removed from the other database after they were made. Returns their ids."""
    found = []
    for run_id, copy in read_runs(session).items():
        if run_id in gone and copy.service == gone[run_id][0].service and copy.started_at <= gone[run_id][1]:
            row = session.get(RunRow, run_id)
            if row is not None:
                remove_run(session, row)
                found.append(run_id)
    return found


def _with_gone(
    runs: Mapping[str, RunCopy],
    gone: Mapping[str, tuple[RunCopy, Any]],
    ours: Mapping[str, RunCopy],
    theirs: Mapping[str, RunCopy],
) -> dict[str, RunCopy]:
    """The runs of a database, and those that were removed from it and are not in either."""
    return {run_id: copy for run_id, (copy, _) in gone.items() if run_id not in ours and run_id not in theirs} | dict(
        runs
    )


def _write_runs(
    histories: tuple[History, History],
    taken: Collection[str],
    numbers: Mapping[str, int],
    regressions: Mapping[int, int],
) -> None:
    """Give all runs their places, and write those that are taken from the file, in place of older copies."""
    here, there = (history.session for history in histories)
    here.execute(delete(RunRow).where(RunRow.id.in_(histories[0].superseded)))
    stored = dict(here.execute(select(RunRow.id, RunRow.sequence)).all())
    moved = [run_id for run_id, sequence in stored.items() if sequence != numbers[run_id]]
    for run_id in moved:  # first out of the way of each other
        here.execute(update(RunRow).where(RunRow.id == run_id).values(sequence=-stored[run_id]))
    for run_id in moved:
        here.execute(update(RunRow).where(RunRow.id == run_id).values(sequence=numbers[run_id]))
    for run_id in sorted(taken, key=lambda one: numbers[one]):
        copy_rows(there, here, RunRow, RunRow.id == run_id, lambda row: row | {"sequence": numbers[row["id"]]})
        for table in OF_A_RUN:
            of_run = table.__table__.c.run_id == run_id
            if table is MeasurementRow:
                copy_rows(there, here, table, of_run, _without_id)
            elif table is VerdictRow:
                copy_rows(
                    there, here, table, of_run, lambda row: row | {"findings": renamed_in(row["findings"], regressions)}
                )
            else:
                copy_rows(there, here, table, of_run)
    here.expire_all()


def _without_id(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}


def _write_removed(
    session: Session,
    gone: Mapping[str, tuple[RunCopy, Any]],
    runs: Collection[str],
    numbers: Mapping[str, int],
) -> None:
    """Keep which runs were removed from either database, but for those that were made again since."""
    session.execute(delete(RemovedRunRow))
    session.expunge_all()
    session.add_all(
        RemovedRunRow(
            id=run_id,
            service=copy.service,
            sequence=numbers.get(run_id, copy.sequence),
            started_at=copy.started_at,
            removed_at=removed_at,
        )
        for run_id, (copy, removed_at) in gone.items()
        if run_id not in runs
    )
    session.flush()


def _note_last_number(here: Session, there: Session, numbers: Mapping[str, int]) -> None:
    """Note the last number that a run was given, in PostgreSQL also the last ids, which were given by hand."""
    lasts = [session.scalar(select(RunSequenceRow.last)) or 0 for session in (here, there)]
    here.merge(RunSequenceRow(name=RUN_SEQUENCE, last=max(*lasts, 0, *numbers.values())))
    here.flush()
    if here.get_bind().dialect.name == "postgresql":
        for table in _NUMBERED:
            name = table.__tablename__
            last = here.scalar(select(func.max(table.__table__.c.id)))
            here.execute(
                text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last, :any)"),
                {"name": name, "last": last or 1, "any": last is not None},
            )


def _prune(session: Session, ours: Mapping[str, RunCopy], superseded: Collection[str]) -> None:
    """Prune the runs again that were pruned here, and whose copy in the file was not."""
    for run_id in superseded:
        pruned_at = ours[run_id].pruned_at
        if pruned_at is not None:
            prune_run(session, run_id, pruned_at)
