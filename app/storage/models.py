"""The tables. A change here needs a migration in `migrations/versions` and a new `HEAD` in `schema_version.py`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, DateTime, ForeignKey, Index, String, Text, func, literal_column
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class Status(StrEnum):
    """The state of a session."""

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


class UtcTimestamp(TypeDecorator[datetime]):
    """A timestamp, stored in UTC without its time zone, which SQLite doesn't support."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware datetime into what is stored."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn what is stored into an aware datetime."""
        return None if value is None else value.replace(tzinfo=UTC)


class TableBase(DeclarativeBase):
    """Base class of all tables."""


class Model(TableBase):
    """A machine-learning model that sessions optimise. Its id is assigned by the sample data, not by the database."""

    __tablename__ = "models"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    family: Mapped[str] = mapped_column(String(32))
    parameters: Mapped[int] = mapped_column(BigInteger)
    """How many parameters the model has."""


LOWEST = -1e308
"""Lower than any value. SQLite uses an index on an expression only if the query has exactly the same text."""


def lowest_if_missing(column: Mapped[float | None]) -> ColumnElement[float]:
    """Make the key to sort a column by: missing values come lowest, whatever the database does with nulls."""
    return func.coalesce(column, literal_column(repr(LOWEST)))


class OptimizationSession(TableBase):
    """One attempt to optimise one model."""

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"))
    technique: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(16))
    progress: Mapped[float]
    """Share of the work that is done, 0 to 1."""
    size_reduction: Mapped[float | None]
    """Share by which the model got smaller; of completed sessions only."""
    speedup: Mapped[float | None]
    """Factor by which the model got faster; of completed sessions only."""
    accuracy_change: Mapped[float | None]
    """Change of the accuracy as a difference of shares; of completed sessions only."""
    failure: Mapped[str | None] = mapped_column(Text)
    criteria: Mapped[str | None] = mapped_column(Text)
    simulated: Mapped[bool]
    """Whether this service simulates the session's progress and resumes it after a restart."""
    created_at: Mapped[datetime] = mapped_column(UtcTimestamp)
    created_on: Mapped[date]
    """The UTC day of `created_at`."""
    updated_at: Mapped[datetime] = mapped_column(UtcTimestamp)

    __table_args__ = (
        # The dashboard reads these two indexes only, never the table.
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
# Three indexes per sort: one of all sessions, and two that begin with the filters; see `app.sessions.listing`.
_FILTERED_BY = (OptimizationSession.status, OptimizationSession.technique)
for _name, _key in SORT_KEYS.items():
    Index(f"sessions_by_{_name}", _key, OptimizationSession.id)
    Index(f"sessions_of_kind_by_{_name}", *_FILTERED_BY, _key, OptimizationSession.id)
    Index(f"sessions_of_model_by_{_name}", *_FILTERED_BY, OptimizationSession.model_id, _key, OptimizationSession.id)


class SessionCount(TableBase):
    """How many sessions there are of one status, technique and model.

    Triggers in the database update it in the transaction that writes the sessions, so it is exact whoever writes them.
    """

    __tablename__ = "session_counts"

    status: Mapped[str] = mapped_column(String(16), primary_key=True)
    technique: Mapped[str] = mapped_column(String(32), primary_key=True)
    model_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sessions: Mapped[int] = mapped_column(BigInteger)


class Revocation(TableBase):
    """The tokens of a subject that were issued up to `before`, a Unix time in seconds, are revoked."""

    __tablename__ = "revocations"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    before: Mapped[float]


class Document(TableBase):
    """A configuration document as JSON, stored under its name."""

    __tablename__ = "documents"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    body: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(UtcTimestamp)


class ConfigurationChange(TableBase):
    """One replacement of a configuration document: entity tags as in HTTP, bodies as JSON, and the token's user."""

    __tablename__ = "configuration_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    document: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(UtcTimestamp)
    changed_by: Mapped[str] = mapped_column(String(64))
    etag_before: Mapped[str] = mapped_column(String(80))
    etag_after: Mapped[str] = mapped_column(String(80))
    body_before: Mapped[str] = mapped_column(Text)
    body_after: Mapped[str] = mapped_column(Text)

    __table_args__ = (Index("configuration_changes_by_document", "document", "id"),)
