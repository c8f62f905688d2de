"""The dashboard's statistics as the API shows them."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from app.web.responses import Count, ResponseModel, Share


class StatusCounts(ResponseModel):
    """The number of sessions in each state."""

    queued: Count
    running: Count
    completed: Count
    failed: Count
    cancelled: Count


class DayCount(ResponseModel):
    """The number of sessions created on a UTC day."""

    date: date
    sessions: Count


class Dashboard(ResponseModel):
    """Statistics over all sessions; means and rate are null when there is nothing to compute them from."""

    generated_at: datetime
    """When they were computed."""
    total_sessions: Count
    by_status: StatusCounts
    success_rate: Share | None
    """Completed sessions divided by completed and failed ones."""
    mean_size_reduction: float | None
    """Mean over the completed sessions, a share."""
    mean_speedup: float | None
    """Mean over the completed sessions, a factor."""
    sessions_per_day: list[DayCount] = Field(min_length=30, max_length=30)
    """The last 30 UTC days, oldest first, today last."""
