"""Optimisation sessions: listed, looked up and started."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Connection, DateTime, insert, select, type_coerce

from app.config.criteria import Criteria
from app.sessions.cursor import ID_MAX, Cursor
from app.sessions.listing import DEPTH_MAX, RANGE_MAX, AnySelect, Shape, count_statement, page_statement
from app.storage.database import Database
from app.storage.models import LOWEST, Model, OptimizationSession, Status, Technique
from app.web.input import MAX_PAGE, MAX_PAGE_SIZE
from app.web.problems import Problem

UTC_SUFFIX = "+00:00"
MOMENTS = ("created_at", "updated_at")

Sort = Literal[
    "created_at", "-created_at", "updated_at", "-updated_at", "size_reduction", "-size_reduction",
    "speedup", "-speedup", "accuracy_change", "-accuracy_change",
]  # fmt: skip

# Moments come without their zone, UTC: they are told as text, and adding it to that is much cheaper.
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


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


Moment = Annotated[datetime, AfterValidator(_in_utc)]


class SessionQuery(BaseModel):
    """What to list, as given in a query string.

    Attributes:
        page: Number of the page, from 1.
        page_size: Sessions on a page.
        status: Only these.
        model: Only those of the model of this name.
        technique: Only these.
        created_from: Only those created then or later; without a time zone it is UTC.
        created_to: Only those created before then.
        cursor: The ``next`` of an answer with the same filters and sort: what comes after it, at the same cost however
            far into the list, and without rows repeated or missed when others are added meanwhile.
        sort: A field to sort by, descending with a ``-`` before it. Sessions without a value come lowest.
    """

    model_config = ConfigDict(extra="forbid")

    page: int = Field(default=1, ge=1, le=MAX_PAGE)
    page_size: int = Field(default=20, ge=1, le=MAX_PAGE_SIZE)
    status: Status | None = None
    model: str | None = None
    technique: Technique | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None
    cursor: str | None = Field(default=None, max_length=256)
    sort: Sort = "-created_at"

    @model_validator(mode="after")
    def _range_is_one(self) -> Self:
        if self.created_from and self.created_to and self.created_from > self.created_to:
            raise Problem.invalid("created_from", "must not be later than created_to")
        if (self.page - 1) * self.page_size > DEPTH_MAX:
            raise Problem.invalid("page", f"begins after more than {DEPTH_MAX} sessions: read on by cursor instead")
        if self.cursor is not None and "page" in self.model_fields_set:
            raise Problem.invalid("cursor", "can't be given together with page")
        self.after()
        return self

    def after(self) -> Cursor | None:
        """The row after which the page begins.

        Raises:
            Problem: 422, the cursor is none, or one of another sort.
        """
        if self.cursor is None:
            return None
        kind = datetime if self.field in MOMENTS else float
        try:
            return Cursor.decode(self.cursor, self.sort, kind)
        except ValueError as error:
            raise Problem.invalid("cursor", str(error)) from None

    @property
    def field(self) -> str:
        """The field to sort by."""
        return self.sort.removeprefix("-")

    def shape(self) -> Shape:
        """What kind of list it is."""
        given = {"status", "technique", "created_from", "created_to"} & {n for n, value in self if value is not None}
        filters = given | ({"model_id"} if self.model is not None else set())
        return Shape(self.field, self.sort.startswith("-"), frozenset(filters), self.cursor is not None)

    def parameters(self) -> dict[str, Any]:
        """The values that the statements of the list need; of the model its name."""
        after, offset = self.after(), (self.page - 1) * self.page_size
        # One more than asked for tells whether there is a next page.
        limit = self.page_size + 1
        return {
            "status": self.status and self.status.value,
            "technique": self.technique and self.technique.value,
            "created_from": self.created_from,
            "created_to": self.created_to,
            "after_value": after and after.value,
            "after_id": after and after.id,
            "limit": limit,
            "offset": offset,
            "end": offset + limit,
        }

    def next_cursor(self, last: dict[str, Any]) -> str:
        """The cursor of what comes after a session."""
        value = last[self.field]
        if self.field in MOMENTS:
            value = datetime.fromisoformat(value)
        return Cursor(self.sort, LOWEST if value is None else value, last["id"]).encode()


class NewSession(BaseModel):
    """What a session is started with: a model's name, a technique and its own criteria where the usual won't do."""

    model_config = ConfigDict(extra="forbid")

    model: str
    technique: Technique
    criteria: Criteria | None = None


def list_sessions(database: Database, query: SessionQuery) -> dict[str, Any]:
    """Give one page of sessions.

    Returns:
        ``items``, ``page``, ``page_size``, ``total`` (sessions on all pages), ``pages``, and ``next``, the cursor of
        the next page (null after the last one). With a cursor ``page``, ``total`` and ``pages`` are null: nothing is
        counted.
    """
    total, found = database.ask(lambda connection: _find(connection, query))
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
    """Find the sessions of a page, the first of the next one too, and count all of the list."""
    shape, parameters = query.shape(), query.parameters()
    if query.model is not None:
        parameters["model_id"] = connection.scalar(select(Model.id).where(Model.name == query.model))
        if parameters["model_id"] is None:
            return 0, []
    total = _count(connection, shape, parameters)
    if total is not None and total <= parameters["offset"]:
        return total, []
    return total, fetch_sessions(connection, page_statement(shape, _COLUMNS), parameters)


def _count(connection: Connection, shape: Shape, parameters: dict[str, Any]) -> int | None:
    """Count the sessions of a list; None where that is neither told nor needed.

    Raises:
        Problem: 422, they are too many to be sorted.
    """
    if shape.after and not shape.gathered:
        return None
    total = connection.scalar(count_statement(shape), parameters) or 0
    if shape.gathered and total > RANGE_MAX:
        detail = f"sorts more than {RANGE_MAX} sessions of a range by creation only: narrow the range, or leave it out"
        raise Problem.invalid("sort", detail)
    return int(total)


def get_session(database: Database, session_id: int) -> dict[str, Any]:
    """Give one session, with the criteria it was started with (null: the usual ones).

    Raises:
        Problem: 404, there is none with this id.
    """
    statement = _COLUMNS.add_columns(OptimizationSession.criteria).where(OptimizationSession.id == session_id)
    items = []
    if session_id <= ID_MAX:
        items = database.ask(lambda connection: fetch_sessions(connection, statement))
    if not items:
        raise Problem(404, f"There is no session {session_id}.")
    return items[0]


def start_session(database: Database, new: NewSession) -> dict[str, Any]:
    """Store a new session, queued.

    Raises:
        Problem: 422, there is no such model.
    """
    now = datetime.now(UTC)
    with database.write(told=True) as connection:
        model_id = connection.scalar(select(Model.id).where(Model.name == new.model))
        if model_id is None:
            raise Problem.invalid("model", f"there is no model {new.model}")
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
    """Make the statement for these sessions, by id."""
    return _COLUMNS.where(OptimizationSession.id.in_(ids)).order_by(OptimizationSession.id)


def fetch_sessions(
    connection: Connection, statement: AnySelect, parameters: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Fetch sessions, each with its model, as they are told to clients.

    Args:
        connection: A connection to read with.
        statement: A selection of the columns that ``select_sessions`` takes, ``criteria`` too if wanted.
        parameters: Values that the statement needs.
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
