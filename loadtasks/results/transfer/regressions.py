"""The regressions of a file written into a results database."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from loadtasks.results.regression import Regression
from loadtasks.results.rows import regression_of
from loadtasks.results.schema import MessageRow, MoveRow, RegressionRow
from loadtasks.results.transfer.regression_union import RegressionName, merged, name_of, unite
from loadtasks.results.transfer.run_copies import Places

_KEY = "regression"
"""The field of a finding's parameters, and of a topic, that holds the id of a regression."""


@dataclass
class MergedRegressions:
    """What the regressions of a file are called in the results database."""

    ids: dict[int, int] = field(default_factory=dict)
    """By id in the file."""
    found_runs: dict[RegressionName, str] = field(default_factory=dict)
    """The run that found each one whose name has changed: it is another database's run that found it first."""
    new: int = 0
    changed: int = 0
    """How many were known, and have other moves now."""


@dataclass(frozen=True)
class History:
    """One of two databases that are merged."""

    session: Session
    places: Places
    superseded: Collection[str]
    """The ids of the runs of which the other one has a newer copy."""


def merge_regressions(here: History, there: History, numbers: Mapping[str, int]) -> MergedRegressions:
    """Write the regressions of a file into the results database."""
    ours, theirs = _read(here), _read(there)
    outcome = MergedRegressions()
    gone = _withdrawn(ours, here.superseded, theirs)
    for number in gone:
        here.session.execute(delete(RegressionRow).where(RegressionRow.id == number))
    left_out = _withdrawn(theirs, there.superseded, ours)
    united = unite(
        [one for one in ours.values() if one.id not in gone],
        [one for one in theirs.values() if one.id not in left_out],
        numbers,
    )
    stored = {row.id: regression_of(row) for row in here.session.scalars(select(RegressionRow)) if row.id not in gone}
    used = set(stored) | _mentioned(here.session)
    for one in united:
        regression = merged(one, numbers, theirs_is_newer=bool(one.ours and one.ours.found_run in here.superseded))
        if one.ours is None:
            regression = regression.model_copy(update={"id": _free(regression.id, used)})
            used.add(regression.id)
            outcome.new += 1
        elif _without_places(regression) != _without_places(stored[regression.id]):
            outcome.changed += 1
        if stored.get(regression.id) != regression:
            _write(here.session, regression)
        if one.theirs is not None:
            outcome.ids[one.theirs.id] = regression.id
        for member in one.members:
            if member.found_run != regression.found_run:
                outcome.found_runs[name_of(member)] = regression.found_run
    return outcome


def renamed_in(findings: Iterable[dict[str, Any]], ids: Mapping[int, int]) -> list[dict[str, Any]]:
    """Findings of a file as data, with the ids that their regressions have in the results database."""
    return [_renamed(finding, ids) for finding in findings]


def renamed_topic(
    topic: dict[str, Any], service: str, found_runs: Mapping[RegressionName, str], ids: Mapping[int, int] | None
) -> dict[str, Any]:
    """What a message reports, as data, with the name that its regression has now.

    `ids`: those of the regressions of a file; None of a message of the results database itself.
    """
    if topic.get("kind") != "regression":
        return topic
    name = RegressionName(service, topic.get("scenario", ""), topic.get("part", ""), topic.get("name", ""))
    topic = topic | {"name": found_runs.get(name, name.found_run)}
    if ids is None:
        return topic
    number = topic.get(_KEY)
    return topic | {
        _KEY: ids.get(number) if isinstance(number, int) else None,
        "findings": renamed_in(topic.get("findings", []), ids),
    }


def _renamed(finding: dict[str, Any], ids: Mapping[int, int]) -> dict[str, Any]:
    parameters = finding.get("parameters")
    if not isinstance(parameters, dict) or not isinstance(parameters.get(_KEY), int):
        return finding
    number = ids.get(parameters[_KEY])
    known = {_KEY: number} if number is not None else {}
    return finding | {"parameters": {name: value for name, value in parameters.items() if name != _KEY} | known}


def _read(history: History) -> dict[int, Regression]:
    """The regressions of a database, whose moves have their places in the merged order."""
    found = {}
    for row in history.session.scalars(select(RegressionRow).order_by(RegressionRow.id)):
        regression = regression_of(row)
        moves = [
            move.model_copy(update={"sequence": history.places.number(regression.service, move.sequence, move.at)})
            for move in regression.moves
        ]
        found[row.id] = regression.model_copy(update={"moves": moves})
    return found


def _withdrawn(
    regressions: Mapping[int, Regression], superseded: Collection[str], others: Mapping[int, Regression]
) -> set[int]:
    """The ids of those that nobody has moved, and that the newer copy of the run that found them no longer finds."""
    names = {name_of(other) for other in others.values()}
    return {
        number
        for number, regression in regressions.items()
        if regression.found_run in superseded and len(regression.moves) == 1 and name_of(regression) not in names
    }


def _mentioned(session: Session) -> set[int]:
    """The ids that messages mention, also of regressions that are gone: no other one may pass for one of these."""
    topics = (topic for of_message in session.scalars(select(MessageRow.topics)) for topic in of_message)
    return {topic[_KEY] for topic in topics if isinstance(topic.get(_KEY), int)}


def _free(number: int, used: Collection[int]) -> int:
    return number if number not in used else max(used) + 1


def _without_places(regression: Regression) -> Regression:
    return regression.model_copy(
        update={"moves": [move.model_copy(update={"sequence": 0}) for move in regression.moves]}
    )


def _write(session: Session, regression: Regression) -> None:
    """Write a regression in place of the one of its id, with its moves in order."""
    values = regression.model_dump(mode="json", exclude={"moves"})
    session.merge(RegressionRow(**values))
    session.flush()
    session.execute(delete(MoveRow).where(MoveRow.regression_id == regression.id))
    last = session.scalar(select(func.max(MoveRow.id))) or 0
    for number, move in enumerate(regression.moves, last + 1):
        session.add(MoveRow(id=number, regression_id=regression.id, **move.model_dump()))
    session.flush()
