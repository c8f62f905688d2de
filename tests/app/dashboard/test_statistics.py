from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select

from app.storage.models import OptimizationSession
from tests.app.service import STATS, Service

pytestmark = pytest.mark.every_database


def test_figures_are_those_of_the_rows(service: Service):
    stats = service.get(STATS).json()
    with service.database.read() as connection:
        rows = connection.execute(select(OptimizationSession.__table__)).all()
    seen = [row for row in rows if row.created_at < datetime.fromisoformat(stats["generated_at"])]
    completed = [row for row in seen if row.status == "completed"]
    assert stats["total_sessions"] == len(seen) >= 5_000
    assert set(stats["by_status"]) == {"queued", "running", "completed", "failed", "cancelled"}
    assert stats["by_status"]["cancelled"] == sum(row.status == "cancelled" for row in seen)
    assert abs(stats["by_status"]["completed"] - len(completed)) < 20  # some may have ended in between
    assert abs(stats["mean_size_reduction"] - sum(row.size_reduction for row in completed) / len(completed)) < 1e-3
    assert abs(stats["mean_speedup"] - sum(row.speedup for row in completed) / len(completed)) < 1e-2
    counts = stats["by_status"]
    assert stats["success_rate"] == round(counts["completed"] / (counts["completed"] + counts["failed"]), 6)


def test_thirty_days_end_today(service: Service):
    days = service.get(STATS).json()["sessions_per_day"]
    today = datetime.now(UTC).date()
    assert [day["date"] for day in days] == [str(today - timedelta(days=back)) for back in range(29, -1, -1)]
    assert all(day["sessions"] > 0 for day in days[:-1])


def test_a_started_session_counts_at_once(service: Service):
    before = service.get(STATS).json()
    service.start_session()
    after = service.get(STATS).json()
    assert after["total_sessions"] == before["total_sessions"] + 1
    assert after["sessions_per_day"][-1]["sessions"] == before["sessions_per_day"][-1]["sessions"] + 1


def test_means_of_nothing_are_null(start, database):
    with database.write() as connection:
        connection.execute(delete(OptimizationSession))
    stats = start().get(STATS).json()
    assert stats["total_sessions"] == 0
    assert (stats["success_rate"], stats["mean_size_reduction"], stats["mean_speedup"]) == (None, None, None)
    assert set(stats["by_status"].values()) == {0}
