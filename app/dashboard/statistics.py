"""The dashboard's figures, computed by the database from covering indexes and kept for a while."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from app.cache.local import Cache
from app.storage.database import Database
from app.storage.models import OptimizationSession, Status
from app.web.responses import encode_timed

DAYS = 30
KEY = "dashboard"

_BY_STATUS = select(
    OptimizationSession.status,
    func.count().label("sessions"),
    func.avg(OptimizationSession.size_reduction).label("size_reduction"),
    func.avg(OptimizationSession.speedup).label("speedup"),
).group_by(OptimizationSession.status)


class Dashboard:
    """The figures as they are told to clients.

    A session that was started counts in every answer to a request that is made after the start was answered. How far
    sessions have come since, and when they end, shows within the time to live: they move on many times a second, and
    figures made anew at each of their steps would never be kept.

    Args:
        database: Where the sessions are.
        cache: Where the figures are kept.
        ttl_s: Seconds for which they are kept.
    """

    def __init__(self, database: Database, cache: Cache, ttl_s: float) -> None:
        self._database = database
        self._cache = cache
        self._ttl_s = ttl_s

    def get(self) -> bytes:
        """The figures that ``compute_figures`` makes, as JSON."""
        return self._cache.get(KEY, self._ttl_s, self._compute)

    def forget(self) -> None:
        """Compute the figures anew when they are next asked for."""
        self._cache.invalidate(KEY)

    def _compute(self) -> bytes:
        return encode_timed(compute_figures(self._database))


def compute_figures(database: Database) -> dict[str, Any]:
    """Compute the dashboard's figures.

    Returns:
        ``total_sessions``; ``by_status`` (a count for every status); ``success_rate`` (completed over completed and
        failed, a share); ``mean_size_reduction`` (a share) and ``mean_speedup`` (a factor) of completed sessions;
        ``sessions_per_day``, the sessions created on each of the last 30 UTC days, oldest first, today last. Means
        and rate are null when there is nothing to compute them from.
    """
    now = datetime.now(UTC)
    first = now.date() - timedelta(days=DAYS - 1)
    by_day = select(OptimizationSession.created_on, func.count()).group_by(OptimizationSession.created_on)
    by_day = by_day.where(OptimizationSession.created_on >= first)

    def ask(connection: Connection) -> tuple[Any, Any]:
        return connection.execute(_BY_STATUS).all(), connection.execute(by_day).all()

    statuses, days = database.ask(ask)
    return {"generated_at": now.isoformat(), **_totals(statuses), "sessions_per_day": _each_day(first, days)}


def _totals(rows: list[Row[Any]] | Any) -> dict[str, Any]:
    counts = {status.value: 0 for status in Status} | {row.status: row.sessions for row in rows}
    completed = next((row for row in rows if row.status == Status.COMPLETED), None)
    ended = counts[Status.COMPLETED] + counts[Status.FAILED]
    return {
        "total_sessions": sum(counts.values()),
        "by_status": counts,
        "success_rate": round(counts[Status.COMPLETED] / ended, 6) if ended else None,
        "mean_size_reduction": round(completed.size_reduction, 6) if completed else None,
        "mean_speedup": round(completed.speedup, 6) if completed else None,
    }


def _each_day(first: date, rows: Any) -> list[dict[str, Any]]:
    counts = dict(rows)
    days = (first + timedelta(days=offset) for offset in range(DAYS))
    return [{"date": day.isoformat(), "sessions": counts.get(day, 0)} for day in days]
