"""The order of runs is that in which they were opened; their dates are for people, and can be wrong."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median_high, median_low
from typing import TypeVar

from sqlalchemy import Select, desc, func, select, text
from sqlalchemy.orm import Session

from loadtasks.errors import NotStoredError
from loadtasks.plain_text import plain
from loadtasks.results.findings.validity import ClockWentBack
from loadtasks.results.schema import RUN_SEQUENCE, RunRow, RunSequenceRow

_Selected = TypeVar("_Selected")
_MAX_SHOWN = 100
"""Characters of a run id that was typed."""
_TOLERANCE = timedelta(minutes=10)
"""So much may a run be dated before an earlier one: its start is noted, the target is probed, and only then is it
opened; clocks of several load generators differ by seconds."""
_REMEMBERED_RUNS = 90
"""Among so many earlier runs wrong dates are looked for: as many as a baseline holds."""
_NEIGHBOURS = 2
"""So many runs on either side of a run tell whether its date can be right."""
_NEWEST = 3
"""The dates of so many runs, the newest ones, tell whether the clock can be right; so many run ids are offered where an
unknown one was asked for."""


def newest_first(query: Select[_Selected], service: str | None) -> Select[_Selected]:
    """A query of runs, of one service where one is named, the one opened last first."""
    return (query if service is None else query.where(RunRow.service == service)).order_by(desc(RunRow.sequence))


def find_run(session: Session, run_id: str) -> RunRow:
    """A run by its id.

    Raises:
        NotStoredError: there is none; the sentence offers the newest ones.
    """
    row = session.get(RunRow, run_id)
    if row is None:
        newest = [_shown(known) for known in session.scalars(newest_first(select(RunRow.id), None).limit(_NEWEST))]
        offered = f"the newest are {', '.join(newest)}" if newest else "there is none yet"
        raise NotStoredError(f"there is no run {_shown(run_id)!r}; {offered}; `python -m loadtasks runs` lists them.")
    return row


def next_number(session: Session) -> int:
    """The number of a run that is about to be opened: one more than any before, also than those of deleted runs."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer anyway
        session.execute(text("LOCK TABLE run_sequence IN SHARE ROW EXCLUSIVE MODE"))
    row = session.get(RunSequenceRow, RUN_SEQUENCE)
    if row is None:  # deleted by hand
        row = RunSequenceRow(name=RUN_SEQUENCE, last=0)
        session.add(row)
    row.last = max(row.last, session.scalar(select(func.max(RunRow.sequence))) or 0) + 1
    session.flush()
    return row.last


def clock_went_back(session: Session, run: RunRow) -> ClockWentBack | None:
    """Which earlier runs of a run's service are dated after it; None where the dates are in order."""
    query = (
        select(RunRow.id, RunRow.started_at)
        .where(RunRow.service == run.service, RunRow.sequence < run.sequence)
        .order_by(desc(RunRow.sequence))
        .limit(_REMEMBERED_RUNS)
    )
    later = [(began, run_id) for run_id, began in session.execute(query) if began > run.started_at + _TOLERANCE]
    if not later:
        return None
    began, run_id = max(later)
    return ClockWentBack(started_at=run.started_at, other_run=run_id, other_started_at=began, runs=len(later))


def plausible_dates(dates: Sequence[datetime], now: datetime) -> list[datetime]:
    """When runs began, as far as their neighbours in the order of runs bear that out; never earlier than that.

    A run that a wrong clock dated long ago has the date of its neighbours, as has one that is dated in the future.

    Args:
        dates: When the runs began by their clocks, in the order in which they were opened.
        now: What the clock says.
    """
    found = []
    for place, own in enumerate(dates):
        around = median_low(dates[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS + 1])
        found.append(around if own > now else max(own, around))
    return found


def is_clock_ahead(dates: Sequence[datetime], before: datetime) -> bool:
    """Whether even the newest runs are older than a moment, as they are where the clock is years ahead.

    Args:
        dates: When the runs began by their clocks, in the order in which they were opened.
        before: The moment.
    """
    newest = dates[-_NEWEST:]
    return bool(newest) and median_high(newest) < before


def _shown(run_id: str) -> str:
    """A run id, which may be anything that was typed, as it stands in a sentence."""
    return plain(run_id)[:_MAX_SHOWN]
