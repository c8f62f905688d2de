"""What answers look like, for the OpenAPI document. Handlers don't validate what they wrote."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.config.criteria import Criteria
from app.storage.models import Status, Technique

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Answer(BaseModel):
    """Part of an answer: it always has all of its fields and no others."""

    model_config = ConfigDict(extra="forbid")


class Session(_Answer):
    """An optimisation session with the model that it works on.

    Attributes:
        model: Name of the model.
        family: Family of the model.
        parameters: Count of the model's parameters.
        progress: Share that is done.
        size_reduction: Share of the size that went; null unless completed.
        speedup: Factor by which the model got faster; null unless completed.
        accuracy_change: Difference of shares; null unless completed.
        failure: Why it failed; null unless it did.
    """

    id: int = Field(ge=1)
    model: str
    family: str
    parameters: Count
    technique: Technique
    status: Status
    progress: Share
    size_reduction: float | None
    speedup: float | None
    accuracy_change: float | None
    failure: str | None
    created_at: datetime
    updated_at: datetime


class SessionDetails(Session):
    """A session with the criteria that it was started with.

    Attributes:
        criteria: Its own criteria; null when it has none.
    """

    criteria: Criteria | None


class SessionPage(_Answer):
    """One page of a list of sessions. With a cursor nothing is counted: page, pages and total are null.

    Attributes:
        page: Number of the page, from 1.
        page_size: Sessions on a full page.
        pages: Count of the pages.
        total: Count of the sessions on all pages.
        next: Cursor of the page after this one; null at the end.
    """

    items: list[Session]
    page: int | None = Field(ge=1)
    page_size: int = Field(ge=1)
    pages: Count | None
    total: Count | None
    next: str | None


class StatusCounts(_Answer):
    """How many sessions stand where."""

    queued: Count
    running: Count
    completed: Count
    failed: Count
    cancelled: Count


class DayCount(_Answer):
    """How many sessions were created on a UTC day."""

    date: date
    sessions: Count


class Dashboard(_Answer):
    """Figures over all sessions; means and rate are null when there is nothing to compute them from.

    Attributes:
        generated_at: When they were computed.
        success_rate: Completed over completed and failed, a share.
        mean_size_reduction: Of completed sessions, a share.
        mean_speedup: Of completed sessions, a factor.
        sessions_per_day: The last 30 UTC days, oldest first, today last.
    """

    generated_at: datetime
    total_sessions: Count
    by_status: StatusCounts
    success_rate: Share | None
    mean_size_reduction: float | None
    mean_speedup: float | None
    sessions_per_day: list[DayCount] = Field(min_length=30, max_length=30)


class Change(_Answer):
    """One change of the configuration.

    Attributes:
        changed_by: Name of the token that it was put with.
        etag_before: Tag of the document that was replaced.
        etag_after: Tag of the one that replaced it.
    """

    id: int = Field(ge=1)
    changed_at: datetime
    changed_by: str
    etag_before: str
    etag_after: str
    before: Criteria
    after: Criteria


class ChangePage(_Answer):
    """One page of the changes of the configuration, newest first.

    Attributes:
        page: Number of the page, from 1.
        page_size: Changes on a full page.
        pages: Count of the pages.
        total: Count of the changes on all pages.
    """

    items: list[Change]
    page: int = Field(ge=1)
    page_size: int = Field(ge=1)
    pages: Count
    total: Count


class Readiness(_Answer):
    """The service can be sent requests.

    Attributes:
        parts: What is needed for that, and how it is; of ``redis`` also, which the service can do without.
    """

    status: Literal["ready"]
    parts: dict[str, str]


class Health(_Answer):
    """The service can do its work.

    Attributes:
        redis: off, ok, or that it is gone and what that means.
    """

    status: Literal["ok"]
    database: Literal["ok"]
    redis: str


class Version(_Answer):
    """What is running.

    Attributes:
        revision: Source revision; null when nobody told.
    """

    name: str
    version: str
    revision: str | None


class InvalidField(_Answer):
    """One thing that is wrong with the input.

    Attributes:
        field: Dotted path of it.
        detail: One sentence for people.
    """

    field: str
    detail: str


class ProblemDocument(_Answer):
    """An error as RFC 9457 has it.

    Attributes:
        type: Always about:blank; the status says what it is.
        title: Phrase of the status.
        detail: One sentence for people.
        instance: Path of the request.
        errors: With invalid input, what is wrong with it.
        parts: Where the service isn't ready, how each part of it is.
    """

    type: Literal["about:blank"]
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    instance: str
    errors: list[InvalidField] = Field(default=[], min_length=1)
    parts: dict[str, str] = {}
