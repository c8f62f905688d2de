"""The messages of a results database: saved before they are sent, claimed by one process at a time, and settled."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import desc, func, or_, select, text, update
from sqlalchemy.orm import Session

from loadtasks.errors import BadInputError
from loadtasks.results.database import ResultsDatabase
from loadtasks.results.message import MAIL_CHANNELS, Channel, Message, MessageKind, MessageState, ReportedMessage
from loadtasks.results.rows import message_of
from loadtasks.results.schema import MessageRow

CLAIM = timedelta(minutes=10)
"""How long a process may take for one attempt before it is taken for dead: several times what a mail server that
responds within its time limits can take."""
_STATES_THAT_TELL = (MessageState.PENDING.value, MessageState.DELIVERED.value)
_MAIL = tuple(channel.value for channel in MAIL_CHANNELS)
_WITH_NEWS = tuple(kind.value for kind in MessageKind if kind.has_news)


class Messages:
    """All messages. Every writing method is one transaction.

    All methods raise BadInputError, one sentence, when the database can't be read or written.
    """

    def __init__(self, database: ResultsDatabase) -> None:
        self._database = database

    def save(
        self, message: Message, *, newest: int | None = None, notifications: Sequence[Message] = ()
    ) -> Message | None:
        """Keep a message as pending, before it is sent. Returns it with its id.

        Args:
            message: The message.
            notifications: The same in short for other channels, kept together with it.
            newest: The id of the newest message of the service, 0 without any, that the news were compared with. If
                another process has saved one since, nothing is kept and None returned: both may tell the same.
        """
        with self._database.writing() as session:
            if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer anyway
                session.execute(text("LOCK TABLE messages IN SHARE ROW EXCLUSIVE MODE"))
            if newest is not None and _newest(session, message.service) != newest:
                return None
            row = MessageRow(**_values(message))
            session.add(row)
            session.flush()
            session.add_all([MessageRow(**_values(notification)) for notification in notifications])
            return message_of(row)

    def newest(self, service: str) -> int:
        """The id of the newest message of a service; 0 without any."""
        with self._database.reading() as session:
            return _newest(session, service)

    def reported(self, service: str) -> list[ReportedMessage]:
        """What the delivered and pending mails of a service have reported, oldest first."""
        columns = [getattr(MessageRow, name) for name in ReportedMessage.model_fields]
        query = select(*columns).where(
            MessageRow.service == service, MessageRow.state.in_(_STATES_THAT_TELL), MessageRow.channel.in_(_MAIL)
        )
        with self._database.reading() as session:
            return [
                ReportedMessage.model_validate(row._asdict()) for row in session.execute(query.order_by(MessageRow.id))
            ]

    def of_run(self, run_id: str) -> list[Message]:
        """The messages about a run, oldest first."""
        with self._database.reading() as session:
            query = select(MessageRow).where(MessageRow.run_id == run_id).order_by(MessageRow.id)
            return [message_of(row) for row in session.scalars(query)]

    def pending(self, channels: Sequence[Channel] = tuple(Channel)) -> list[Message]:
        """The pending messages of all services, oldest first."""
        query = select(MessageRow).where(
            MessageRow.state == MessageState.PENDING.value, MessageRow.channel.in_([one.value for one in channels])
        )
        with self._database.reading() as session:
            return [message_of(row) for row in session.scalars(query.order_by(MessageRow.id))]

    def newest_first(self, service: str | None = None, limit: int = 20) -> list[Message]:
        """The newest messages of a service, or of all, and every pending one."""
        query = select(MessageRow).order_by(desc(MessageRow.id))
        if service is not None:
            query = query.where(MessageRow.service == service)
        with self._database.reading() as session:
            newest = list(session.scalars(query.limit(limit)))
            pending = session.scalars(query.where(MessageRow.state == MessageState.PENDING.value))
            rows = {row.id: row for row in (*newest, *pending)}
            return [message_of(row) for _, row in sorted(rows.items(), reverse=True)]

    def given_up_since_the_last_one(self, service: str) -> list[Message]:
        """Messages of a service that were given up after the last one that was not, oldest first."""
        reported = select(func.max(MessageRow.id)).where(
            MessageRow.service == service,
            MessageRow.state.in_(_STATES_THAT_TELL),
            MessageRow.kind.in_(_WITH_NEWS),
            MessageRow.channel.in_(_MAIL),
        )
        query = select(MessageRow).where(MessageRow.service == service, MessageRow.state == MessageState.GIVEN_UP.value)
        with self._database.reading() as session:
            query = query.where(MessageRow.given_up_after >= (session.scalar(reported) or 0))
            return [message_of(row) for row in session.scalars(query.order_by(MessageRow.id))]

    def claim(self, number: int, now: datetime | None = None) -> Message | None:
        """Claim a message for one attempt. Returns it; None where it is settled, or another process is sending it.

        A claim expires after `CLAIM`; one that lies further ahead was made by a clock that was wrong.
        """
        now = now or datetime.now(UTC)
        free = or_(MessageRow.next_attempt_at <= now, MessageRow.next_attempt_at > now + CLAIM)
        claimed = (
            update(MessageRow)
            .where(MessageRow.id == number, MessageRow.state == MessageState.PENDING.value, free)
            .values(next_attempt_at=now + CLAIM, attempts=MessageRow.attempts + 1)
        )
        with self._database.writing() as session:
            if session.execute(claimed).rowcount != 1:  # type: ignore[attr-defined]
                return None
            return message_of(_row(session, number))

    def deliver(self, number: int, where: str, *, refused: str = "") -> Message:
        """Note that a message was delivered. `refused`: which of its recipients were refused, and why."""
        now = datetime.now(UTC)
        return self._change(
            number,
            state=MessageState.DELIVERED.value,
            delivered_at=now,
            next_attempt_at=None,
            where=where,
            last_error=refused,
        )

    def fail(self, number: int, error: str) -> Message:
        """Note that an attempt failed: the message can be tried again at any time."""
        return self._change(number, next_attempt_at=datetime.now(UTC), last_error=error)

    def give_up(self, number: int, error: str) -> Message:
        """Note that an attempt failed and no further one is made."""
        with self._database.writing() as session:
            row = _row(session, number)
            row.state, row.given_up_at, row.next_attempt_at = MessageState.GIVEN_UP.value, datetime.now(UTC), None
            row.given_up_after, row.last_error = _newest(session, row.service), error
            session.flush()
            return message_of(row)

    def _change(self, number: int, **values: Any) -> Message:
        with self._database.writing() as session:
            row = _row(session, number)
            for name, value in values.items():
                setattr(row, name, value)
            session.flush()
            return message_of(row)


def _row(session: Session, number: int) -> MessageRow:
    row = session.get(MessageRow, number)
    if row is None:
        raise BadInputError(
            f"message {number} was deleted meanwhile; `python -m loadtasks messages` lists what is left."
        )
    return row


def _newest(session: Session, service: str) -> int:
    return session.scalar(select(func.max(MessageRow.id)).where(MessageRow.service == service)) or 0


def _values(message: Message) -> dict[str, Any]:
    values = message.model_dump(exclude={"id", "topics", "kind", "channel", "state"})
    return values | message.model_dump(mode="json", include={"topics", "kind", "channel", "state"})
