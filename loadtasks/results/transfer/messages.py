"""The messages of two databases as if all had been composed in one, so that nothing is mailed twice, nothing lost.

Two databases have the same message where its Message-ID is the same. Of its two states the settled one stands. A
pending message of a file is sent only to people who get the mails of this results database; else it is given up, so
that what it reports counts as unreported and is in the mail of the next run.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.orm import Session

from loadtasks.errors import BadInputError
from loadtasks.results.message import MessageState
from loadtasks.results.message_store import CLAIM
from loadtasks.results.schema import MessageRow
from loadtasks.results.transfer.interleaving import DatedKey, interleaved, numbered
from loadtasks.results.transfer.regressions import History, MergedRegressions, renamed_topic

_WEIGHT = {MessageState.PENDING.value: 0, MessageState.GIVEN_UP.value: 1, MessageState.DELIVERED.value: 2}
_STATE = (
    "state",
    "attempts",
    "next_attempt_at",
    "delivered_at",
    "given_up_at",
    "given_up_after",
    "where",
    "last_error",
)
"""The columns that say what became of a message."""
_OTHER_RECIPIENTS = "imported, and its recipients are not all among LOADTASKS_RECIPIENTS or LOADTASKS_NOTIFY_URLS"
_SMALL = tuple(column.name for column in MessageRow.__table__.columns if column.name != "content")


def merge_messages(
    here: History,
    there: History,
    regressions: MergedRegressions,
    numbers: Mapping[str, int],
    recipients: Collection[str],
) -> int:
    """Write the messages of a file into the results database. Returns how many are new.

    Raises:
        BadInputError: one is being sent, whose place among the others changes.
    """
    ours, theirs = _read(here.session), _read(there.session)
    ids = _ids(ours, theirs)
    places = _changed_places(here, ours, numbers), _changed_places(there, theirs, numbers)
    _give_ids(here.session, ours, ids)
    for message_id, row in ours.items():
        values = places[0].get(message_id, {})
        topics = [renamed_topic(topic, row.service, regressions.found_runs, None) for topic in row.topics]
        if topics != row.topics:
            values["topics"] = topics
        known = theirs.get(message_id)
        if known is not None and _outcome(known) > _outcome(row):
            values |= {name: getattr(known, name) for name in _STATE}
            values["given_up_after"] = _new_id(theirs, ids, known.service, known.given_up_after)
        elif row.id != ids[message_id]:
            values["given_up_after"] = _new_id(ours, ids, row.service, row.given_up_after)
        if values:
            here.session.execute(update(MessageRow).where(MessageRow.id == ids[message_id]).values(values))
    new = [row for message_id, row in theirs.items() if message_id not in ours]
    for row in new:
        values = row._asdict() | places[1].get(row.message_id, {})
        values["id"] = ids[row.message_id]
        values["content"] = there.session.scalar(select(MessageRow.content).where(MessageRow.id == row.id))
        values["given_up_after"] = _new_id(theirs, ids, row.service, row.given_up_after)
        values["topics"] = [
            renamed_topic(topic, row.service, regressions.found_runs, regressions.ids) for topic in row.topics
        ]
        if row.state == MessageState.PENDING.value and not set(row.recipients) <= set(recipients):
            values |= _given_up(theirs, ids, row)
        elif row.state == MessageState.PENDING.value and row.next_attempt_at is None:
            values["next_attempt_at"] = row.created_at
        here.session.execute(insert(MessageRow).values(values))
    return len(new)


def _read(session: Session) -> dict[str, Row[Any]]:
    """All messages by Message-ID without their contents, oldest first."""
    query = select(*(getattr(MessageRow, name) for name in _SMALL)).order_by(MessageRow.id)
    return {row.message_id: row for row in session.execute(query)}


def _ids(ours: Mapping[str, Row[Any]], theirs: Mapping[str, Row[Any]]) -> dict[str, int]:
    """The ids that give all messages one order, by Message-ID."""
    if theirs.keys() <= ours.keys():
        return {message_id: row.id for message_id, row in ours.items()}
    entries = ([DatedKey(row.message_id, row.created_at) for row in side.values()] for side in (ours, theirs))
    known = ({message_id: row.id for message_id, row in side.items()} for side in (ours, theirs))
    return numbered(interleaved(*entries), *known)


def _give_ids(session: Session, ours: Mapping[str, Row[Any]], ids: Mapping[str, int]) -> None:
    """Give the messages of the results database their new ids."""
    changed = [row for message_id, row in ours.items() if row.id != ids[message_id]]
    now = datetime.now(UTC)
    for row in changed:
        claimed = row.next_attempt_at is not None and now < row.next_attempt_at <= now + CLAIM
        if row.state == MessageState.PENDING.value and claimed:
            raise BadInputError(
                f"the message {row.message_id} is being sent; try again when that has ended, in "
                f"{CLAIM.total_seconds() / 60:.0f} minutes at the latest."
            )
    for row in changed:  # first out of the way of each other
        session.execute(update(MessageRow).where(MessageRow.id == row.id).values(id=-row.id))
    for row in changed:
        session.execute(update(MessageRow).where(MessageRow.id == -row.id).values(id=ids[row.message_id]))


def _changed_places(
    history: History, messages: Mapping[str, Row[Any]], numbers: Mapping[str, int]
) -> dict[str, dict[str, Any]]:
    """The sequences of messages that have another place in the merged order of runs, by Message-ID."""
    changed = {}
    for message_id, row in messages.items():
        sequence = numbers.get(row.run_id or "")
        if sequence is None:
            sequence = history.places.number(row.service, row.sequence, row.run_started_at)
        if sequence != row.sequence:
            changed[message_id] = {"sequence": sequence}
    return changed


def _new_id(messages: Mapping[str, Row[Any]], ids: Mapping[str, int], service: str, after: int | None) -> int | None:
    """The id, in the merged order, of the newest message of a service up to one; 0 where there is none."""
    if after is None:
        return None
    before = (row for row in messages.values() if row.service == service and row.id <= after)
    return max((ids[row.message_id] for row in before), default=0)


def _outcome(row: Row[Any]) -> tuple[int, int]:
    return _WEIGHT.get(row.state, -1), row.attempts


def _given_up(theirs: Mapping[str, Row[Any]], ids: Mapping[str, int], row: Row[Any]) -> dict[str, Any]:
    newest = max(other.id for other in theirs.values() if other.service == row.service)
    return {
        "state": MessageState.GIVEN_UP.value,
        "given_up_at": datetime.now(UTC),
        "next_attempt_at": None,
        "given_up_after": _new_id(theirs, ids, row.service, newest),
        "last_error": _OTHER_RECIPIENTS,
    }
