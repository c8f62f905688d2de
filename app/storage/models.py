"""The tables. A change here needs a migration in migrations/versions, and a new ``HEAD`` in schema.py."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, DateTime, ForeignKey, Index, String, Text, func, literal_column
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class Status(StrEnum):
    """Where a session stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = (Status.QUEUED, Status.RUNNING)


class Technique(StrEnum):
    """How a session makes a model smaller or faster."""

    QUANTIZATION = "quantization"
    PRUNING = "pruning"
    DISTILLATION = "distillation"
    FACTORIZATION = "factorization"
    COMPILATION = "compilation"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, kept in UTC: SQLite knows no time zones."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware datetime into what is stored."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn what is stored into an aware datetime."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Base of all tables."""


class Model(Base):
    """A machine-learning model that sessions optimise; ``parameters`` is their count. Its id is given, not counted."""

    __tablename__ = "models"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    family: Mapped[str] = mapped_column(String(32))
    parameters: Mapped[int] = mapped_column(BigInteger)


LOWEST = -1e308
"""Lower than any value. SQLite takes the index only for the very text that it was made with."""


def lowest_if_missing(column: Mapped[float | None]) -> ColumnElement[float]:
    """Make the key to sort a column by: no value comes lowest, whatever the database does with nulls."""
    return func.coalesce(column, literal_column(repr(LOWEST)))


class OptimizationSession(Base):
    """One attempt to optimise one model.

    ``progress`` and ``size_reduction`` are shares of 1, ``speedup`` a factor, ``accuracy_change`` a difference of
    shares; the last three are known of completed sessions only. ``created_on`` is the UTC day of ``created_at``.
    ``simulated`` marks sessions whose progress this service makes, so that it can take them up after a restart.
    """

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"))
    technique: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(16))
    progress: Mapped[float]
    size_reduction: Mapped[float | None]
    speedup: Mapped[float | None]
    accuracy_change: Mapped[float | None]
    failure: Mapped[str | None] = mapped_column(Text)
    criteria: Mapped[str | None] = mapped_column(Text)
    simulated: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_on: Mapped[date]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        # The dashboard never touches the table itself.
        Index("sessions_results", "status", "size_reduction", "speedup"),
        Index("sessions_by_day", "created_on"),
    )


SORT_KEYS: dict[str, ColumnElement[Any]] = {
    "creation": OptimizationSession.created_at.expression,
    "update": OptimizationSession.updated_at.expression,
    "size_reduction": lowest_if_missing(OptimizationSession.size_reduction),
    "speedup": lowest_if_missing(OptimizationSession.speedup),
    "accuracy_change": lowest_if_missing(OptimizationSession.accuracy_change),
}
# For each sort: one of all sessions, and two that begin with what can be filtered by; see `app.sessions.listing`.
_KIND = (OptimizationSession.status, OptimizationSession.technique)
for _name, _key in SORT_KEYS.items():
    Index(f"sessions_by_{_name}", _key, OptimizationSession.id)
    Index(f"sessions_of_kind_by_{_name}", *_KIND, _key, OptimizationSession.id)
    Index(f"sessions_of_model_by_{_name}", *_KIND, OptimizationSession.model_id, _key, OptimizationSession.id)


class SessionCount(Base):
    """How many sessions there are of one status, technique and model.

    Triggers in the database keep it, in the transaction that writes the sessions: it is exact whoever writes them.
    """

    __tablename__ = "session_counts"

    status: Mapped[str] = mapped_column(String(16), primary_key=True)
    technique: Mapped[str] = mapped_column(String(32), primary_key=True)
    model_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sessions: Mapped[int] = mapped_column(BigInteger)


class Revocation(Base):
    """The tokens of a subject that were issued up to ``before``, a Unix time in seconds, are revoked."""

    __tablename__ = "revocations"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    before: Mapped[float]


class Document(Base):
    """A configuration document as JSON, by name."""

    __tablename__ = "documents"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    body: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ConfigurationChange(Base):
    """One replacement of a configuration document; entity tags as in HTTP, bodies as JSON, who as a token's name."""

    __tablename__ = "configuration_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    document: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[str] = mapped_column(String(64))
    etag_before: Mapped[str] = mapped_column(String(80))
    etag_after: Mapped[str] = mapped_column(String(80))
    body_before: Mapped[str] = mapped_column(Text)
    body_after: Mapped[str] = mapped_column(Text)

    __table_args__ = (Index("configuration_changes_by_document", "document", "id"),)
