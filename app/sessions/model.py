"""Sessions as the API shows them, and the input of its session routes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.config.model import Criteria
from app.sessions.cursor import PageCursor
from app.sessions.listing import MAX_OFFSET, ListShape
from app.storage.models import LOWEST, Status, Technique
from app.web.input import PageQuery
from app.web.problems import ApiProblemError
from app.web.responses import Count, ResponseModel, Share

TIMESTAMP_FIELDS = ("created_at", "updated_at")

Sort = Literal[
    "created_at", "-created_at", "updated_at", "-updated_at", "size_reduction", "-size_reduction",
    "speedup", "-speedup", "accuracy_change", "-accuracy_change",
]  # fmt: skip


class Session(ResponseModel):
    """An optimisation session with the model that it works on."""

    id: int = Field(ge=1)
    model: str
    """Name of the model."""
    family: str
    """Family of the model."""
    parameters: Count
    """Number of the model's parameters."""
    technique: Technique
    status: Status
    progress: Share
    """Share of the work that is done."""
    size_reduction: float | None
    """Share by which the model got smaller; null unless completed."""
    speedup: float | None
    """Factor by which the model got faster; null unless completed."""
    accuracy_change: float | None
    """Change of the accuracy as a difference of shares; null unless completed."""
    failure: str | None
    """Why it failed; null unless it did."""
    created_at: datetime
    updated_at: datetime


class SessionDetails(Session):
    """A session with the criteria that it was started with."""

    criteria: Criteria | None
    """The session's own criteria; null when it uses the configured ones."""


class SessionPage(ResponseModel):
    """One page of a list of sessions. With a cursor nothing is counted: page, pages and total are null."""

    items: list[Session]
    page: int | None = Field(ge=1)
    """Number of the page, from 1."""
    page_size: int = Field(ge=1)
    """Sessions on a full page."""
    pages: Count | None
    """Number of pages."""
    total: Count | None
    """Number of sessions on all pages."""
    next: str | None
    """Cursor of the next page; null on the last page."""


class NewSession(BaseModel):
    """The start of a session."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    model: str
    """Name of the model to optimise."""
    technique: Technique
    criteria: Criteria | None = None
    """The session's own criteria; without them the configured ones apply."""


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


Timestamp = Annotated[datetime, AfterValidator(_in_utc)]


class SessionQuery(PageQuery):
    """Which sessions to list, and how, as given in a query string."""

    status: Status | None = None
    """Only sessions of this status."""
    model: str | None = None
    """Only sessions of the model of this name."""
    technique: Technique | None = None
    """Only sessions of this technique."""
    created_from: Timestamp | None = None
    """Only sessions created at this time or later; without a time zone it is UTC."""
    created_to: Timestamp | None = None
    """Only sessions created before this time; without a time zone it is UTC."""
    cursor: str | None = Field(default=None, max_length=256)
    """The `next` of a response with the same filters and sort, for the page after it. It costs the same however far it
    is into the list, and no row is repeated or missed while others are added."""
    sort: Sort = "-created_at"
    """The field to sort by, descending with a `-` before it. Sessions without a value come lowest."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.created_from and self.created_to and self.created_from > self.created_to:
            raise ApiProblemError.invalid("created_from", "must not be later than created_to")
        if (self.page - 1) * self.page_size > MAX_OFFSET:
            raise ApiProblemError.invalid(
                "page", f"begins after more than {MAX_OFFSET} sessions: use the cursor instead"
            )
        if self.cursor is not None and "page" in self.model_fields_set:
            raise ApiProblemError.invalid("cursor", "can't be given together with page")
        self.last_row()
        return self

    def last_row(self) -> PageCursor | None:
        """The decoded cursor: the row after which the page begins; None without a cursor.

        Raises:
            ApiProblemError: 422, it isn't a cursor, or it belongs to another sort.
        """
        if self.cursor is None:
            return None
        kind = datetime if self.field in TIMESTAMP_FIELDS else float
        try:
            return PageCursor.decode(self.cursor, self.sort, kind)
        except ValueError as error:
            raise ApiProblemError.invalid("cursor", str(error)) from None

    @property
    def field(self) -> str:
        """The field to sort by."""
        return self.sort.removeprefix("-")

    def shape(self) -> ListShape:
        """The shape of the list."""
        given = {"status", "technique", "created_from", "created_to"} & {n for n, value in self if value is not None}
        filters = given | ({"model_id"} if self.model is not None else set())
        return ListShape(self.field, self.sort.startswith("-"), frozenset(filters), self.cursor is not None)

    def parameters(self) -> dict[str, Any]:
        """The parameters of the list's statements, except for the model's id."""
        last_row, offset = self.last_row(), (self.page - 1) * self.page_size
        # One more than the page holds shows whether there is a next page.
        limit = self.page_size + 1
        return {
            "status": self.status and self.status.value,
            "technique": self.technique and self.technique.value,
            "created_from": self.created_from,
            "created_to": self.created_to,
            "after_value": last_row and last_row.value,
            "after_id": last_row and last_row.id,
            "limit": limit,
            "offset": offset,
            "end": offset + limit,
        }

    def next_cursor(self, last: dict[str, Any]) -> str:
        """The cursor of the page after a session."""
        value = last[self.field]
        if self.field in TIMESTAMP_FIELDS:
            value = datetime.fromisoformat(value)
        return PageCursor(self.sort, LOWEST if value is None else value, last["id"]).encode()
