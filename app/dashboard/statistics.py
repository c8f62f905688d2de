"""The dashboard's statistics, computed by the database from covering indexes and cached."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from app.cache.local import Cache
from app.storage.database import AppDatabase
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


class DashboardStatistics:
    """Computes the statistics and caches them.

    A session that was started counts in every response to a request that was made after the response to its start.
    Progress and ends of sessions show within the time to live only: sessions move on many times a second, and if each
    step invalidated the statistics, they would never be cached.

    Args:
        database: Where the sessions are.
        cache: Where the statistics are cached.
        ttl_s: Seconds for which they are cached.
    """

    def __init__(self, database: AppDatabase, cache: Cache, ttl_s: float) -> None:
        self._database = database
        self._cache = cache
        self._ttl_s = ttl_s

    def get(self) -> bytes:
        """The statistics as JSON, see `compute_statistics`."""
        return self._cache.get(KEY, self._ttl_s, self._compute)

    def invalidate(self) -> None:
        """Compute the statistics anew for the next request."""
        self._cache.invalidate(KEY)

    def _compute(self) -> bytes:
        return encode_timed(compute_statistics(self._database))


def compute_statistics(database: AppDatabase) -> dict[str, Any]:
    """Compute the dashboard's statistics.

    Returns:
        What `app.dashboard.model.Dashboard` describes.
    """
    now = datetime.now(UTC)
    first = now.date() - timedelta(days=DAYS - 1)
    by_day = select(OptimizationSession.created_on, func.count()).group_by(OptimizationSession.created_on)
    by_day = by_day.where(OptimizationSession.created_on >= first)

    def run(connection: Connection) -> tuple[Any, Any]:
        return connection.execute(_BY_STATUS).all(), connection.execute(by_day).all()

    statuses, days = database.query(run)
    return {"generated_at": now.isoformat(), **_totals(statuses), "sessions_per_day": _days(first, days)}


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


def _days(first: date, rows: Any) -> list[dict[str, Any]]:
    counts = dict(rows)
    days = (first + timedelta(days=offset) for offset in range(DAYS))
    return [{"date": day.isoformat(), "sessions": counts.get(day, 0)} for day in days]
