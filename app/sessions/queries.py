"""Optimisation sessions in the database: listed, looked up and started."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, insert, select, type_coerce

from app.sessions.cursor import MAX_ID
from app.sessions.listing import MAX_SORTED_RANGE, AnySelect, ListShape, count_statement, page_statement
from app.sessions.model import NewSession, SessionQuery
from app.storage.database import AppDatabase
from app.storage.models import Model, OptimizationSession, Status
from app.web.problems import ApiProblemError

UTC_SUFFIX = "+00:00"

# Timestamps are read without their time zone, UTC: appending it to the formatted text is much faster.
_COLUMNS: AnySelect = select(
    OptimizationSession.id,
    Model.name.label("model"),
    Model.family,
    Model.parameters,
    OptimizationSession.technique,
    OptimizationSession.status,
    OptimizationSession.progress,
    OptimizationSession.size_reduction,
    OptimizationSession.speedup,
    OptimizationSession.accuracy_change,
    OptimizationSession.failure,
    type_coerce(OptimizationSession.created_at, DateTime).label("created_at"),
    type_coerce(OptimizationSession.updated_at, DateTime).label("updated_at"),
).join(Model, Model.id == OptimizationSession.model_id)


def list_sessions(database: AppDatabase, query: SessionQuery) -> dict[str, Any]:
    """Read one page of sessions.

    Returns:
        What `SessionPage` describes.

    Raises:
        ApiProblemError: 422, there are too many sessions to sort them.
    """
    total, found = database.query(lambda connection: _find(connection, query))
    items = found[: query.page_size]
    counted = query.cursor is None
    return {
        "items": items,
        "page": query.page if counted else None,
        "page_size": query.page_size,
        "total": total if counted else None,
        "pages": -(-(total or 0) // query.page_size) if counted else None,
        "next": query.next_cursor(items[-1]) if len(found) > len(items) else None,
    }


def _find(connection: Connection, query: SessionQuery) -> tuple[int | None, list[dict[str, Any]]]:
    """Count the list, and read a page of it with the first session of the next page."""
    shape, parameters = query.shape(), query.parameters()
    if query.model is not None:
        parameters["model_id"] = connection.scalar(select(Model.id).where(Model.name == query.model))
        if parameters["model_id"] is None:
            return 0, []
    total = _count(connection, shape, parameters)
    if total is not None and total <= parameters["offset"]:
        return total, []
    return total, fetch_sessions(connection, page_statement(shape, _COLUMNS), parameters)


def _count(connection: Connection, shape: ListShape, parameters: dict[str, Any]) -> int | None:
    """Count the sessions of a list; None when neither the response nor a limit needs the number.

    Raises:
        ApiProblemError: 422, there are too many sessions to sort them.
    """
    if shape.after and not shape.needs_sort:
        return None
    total = connection.scalar(count_statement(shape), parameters) or 0
    if shape.needs_sort and total > MAX_SORTED_RANGE:
        detail = (
            f"must be by creation in a range of more than {MAX_SORTED_RANGE} sessions: "
            "choose that sort, a smaller range, or no range"
        )
        raise ApiProblemError.invalid("sort", detail)
    return int(total)


def get_session(database: AppDatabase, session_id: int) -> dict[str, Any]:
    """Read one session.

    Returns:
        What `SessionDetails` describes.

    Raises:
        ApiProblemError: 404, there is none with this id.
    """
    statement = _COLUMNS.add_columns(OptimizationSession.criteria).where(OptimizationSession.id == session_id)
    items = []
    if session_id <= MAX_ID:
        items = database.query(lambda connection: fetch_sessions(connection, statement))
    if not items:
        raise ApiProblemError(404, f"There is no session {session_id}.")
    return items[0]


def start_session(database: AppDatabase, new: NewSession) -> dict[str, Any]:
    """Insert a new session, queued.

    Returns:
        What `Session` describes.

    Raises:
        ApiProblemError: 422, there is no such model.
    """
    now = datetime.now(UTC)
    with database.write(acknowledged=True) as connection:
        model_id = connection.scalar(select(Model.id).where(Model.name == new.model))
        if model_id is None:
            raise ApiProblemError.invalid("model", f"there is no model {new.model}")
        row = {
            "model_id": model_id,
            "technique": new.technique.value,
            "status": Status.QUEUED.value,
            "progress": 0.0,
            "criteria": new.criteria.model_dump_json() if new.criteria else None,
            "simulated": True,
            "created_at": now,
            "created_on": now.date(),
            "updated_at": now,
        }
        statement = insert(OptimizationSession).returning(OptimizationSession.id)
        session_id = connection.execute(statement, row).scalar_one()
        return fetch_sessions(connection, _COLUMNS.where(OptimizationSession.id == session_id))[0]


def select_sessions(ids: list[int]) -> AnySelect:
    """Make the statement that selects these sessions in the order of their ids."""
    return _COLUMNS.where(OptimizationSession.id.in_(ids)).order_by(OptimizationSession.id)


def fetch_sessions(
    connection: Connection, statement: AnySelect, parameters: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Fetch sessions as the API shows them.

    Args:
        connection: A connection to read with.
        statement: Selects the columns that `select_sessions` does and, optionally, `criteria`.
        parameters: The statement's parameters.
    """
    result = connection.execute(statement, parameters)
    names = tuple(result.keys())
    items = [dict(zip(names, row, strict=True)) for row in result.all()]
    for item in items:
        item["created_at"] = item["created_at"].isoformat() + UTC_SUFFIX
        item["updated_at"] = item["updated_at"].isoformat() + UTC_SUFFIX
        if item.get("criteria") is not None:
            item["criteria"] = json.loads(item["criteria"])
    return items
