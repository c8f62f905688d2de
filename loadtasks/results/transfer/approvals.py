"""The approvals of two databases as if all had been given in one.

The first passing run of a scenario becomes its baseline run by itself, in each database another one. Of these approvals
the first one stands, unless somebody had approved a run before; those that people gave all stand, in their order.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from loadtasks.results.regression import AUTOMATIC
from loadtasks.results.schema import BaselineRow
from loadtasks.results.transfer.interleaving import DatedKey, interleaved
from loadtasks.results.transfer.regressions import History
from loadtasks.results.transfer.run_copies import RunCopy


class _Approval(NamedTuple):
    scenario: str
    run_id: str
    approved_by: str
    approved_at: datetime

    @property
    def key(self) -> str:
        return "\0".join((self.scenario, self.run_id, self.approved_by, self.approved_at.isoformat()))

    @property
    def is_automatic(self) -> bool:
        return self.approved_by == AUTOMATIC


def merge_approvals(
    here: History, there: History, runs: Mapping[str, RunCopy], begun_anew: set[str], numbers: Mapping[str, int]
) -> int:
    """Write the approvals of a file into the results database. Returns how many are new.

    Args:
        here: The results database.
        there: The file.
        runs: All runs by id.
        begun_anew: The ids of those of which the older copy is of an earlier time that they were made.
        numbers: The places of all runs in the merged order.
    """
    ours, theirs = _read(here, runs, begun_anew), _read(there, runs, begun_anew)
    values = theirs | ours
    entries = ([DatedKey(one.key, one.approved_at) for one, _ in side.values()] for side in (ours, theirs))
    order = [values[key] for key in interleaved(*entries)]
    touched = {_scenario(one, runs) for one, _ in (theirs[key] for key in theirs.keys() - ours.keys())}
    firsts = _first_automatic([one for one, _ in order], runs, numbers)
    final = [
        (one, columns)
        for one, columns in order
        if not one.is_automatic or _scenario(one, runs) not in touched or firsts.get(_scenario(one, runs)) == one.key
    ]
    stored = _stored(here.session)
    if [one.key for one, _ in final] != [one.key for one, _ in stored]:
        here.session.execute(delete(BaselineRow))
        here.session.expire_all()
        for number, (_, columns) in enumerate(final, 1):
            here.session.add(BaselineRow(id=number, **columns))
        here.session.flush()
    return len({one.key for one, _ in final} - {one.key for one, _ in stored})


def _stored(session: Session) -> list[tuple[_Approval, dict[str, Any]]]:
    """Every approval with its columns, in the order in which they were given."""
    names = [column.name for column in BaselineRow.__table__.columns if column.name != "id"]
    query = select(*(getattr(BaselineRow, name) for name in names)).order_by(BaselineRow.id)
    rows = [dict(row) for row in session.execute(query).mappings()]
    return [(_Approval(*(row[name] for name in _Approval._fields)), row) for row in rows]


def _read(
    history: History, runs: Mapping[str, RunCopy], begun_anew: set[str]
) -> dict[str, tuple[_Approval, dict[str, Any]]]:
    """The approvals of a database that stand, by key: not those of an older copy of a run, which may be outdated."""
    return {
        one.key: (one, columns)
        for one, columns in _stored(history.session)
        if one.run_id in runs
        and not (one.run_id in history.superseded and (one.is_automatic or one.run_id in begun_anew))
    }


def _scenario(approval: _Approval, runs: Mapping[str, RunCopy]) -> tuple[str, str]:
    return runs[approval.run_id].service, approval.scenario


def _first_automatic(
    approvals: list[_Approval], runs: Mapping[str, RunCopy], numbers: Mapping[str, int]
) -> dict[tuple[str, str], str | None]:
    """The automatic approval that stands of each scenario, by service and scenario; None where a person was first."""
    found: dict[tuple[str, str], _Approval] = {}
    before: set[tuple[str, str]] = set()
    late: set[str] = set()
    for approval in approvals:
        scenario = _scenario(approval, runs)
        if not approval.is_automatic:
            before.add(scenario)
            continue
        if scenario in before:
            late.add(approval.key)
        known = found.get(scenario)
        if known is None or numbers[approval.run_id] < numbers[known.run_id]:
            found[scenario] = approval
    return {scenario: None if one.key in late else one.key for scenario, one in found.items()}
