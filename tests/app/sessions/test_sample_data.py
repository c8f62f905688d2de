from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.sessions.sample_data import insert_sample_data, make_sessions
from app.storage.database import AppDatabase
from app.storage.models import OptimizationSession

pytestmark = pytest.mark.every_database

TODAY = date(2026, 3, 1)


def test_equal_days_give_equal_sessions():
    assert list(make_sessions(500, TODAY)) == list(make_sessions(500, TODAY))


def test_another_day_moves_them_all_and_changes_nothing_else():
    for one, other in zip(make_sessions(500, TODAY), make_sessions(500, TODAY + timedelta(days=7)), strict=True):
        assert other.pop("created_at") - one.pop("created_at") == timedelta(days=7)
        assert other.pop("updated_at") - one.pop("updated_at") == timedelta(days=7)
        assert other.pop("created_on") - one.pop("created_on") == timedelta(days=7)
        assert other == one


def test_the_fields_of_sessions_match_their_status():
    rows = list(make_sessions(5_000, TODAY))
    assert set(Counter(row["status"] for row in rows)) == {"queued", "running", "completed", "failed", "cancelled"}
    assert all((row["speedup"] is not None) == (row["status"] == "completed") for row in rows)
    assert all((row["failure"] is not None) == (row["status"] == "failed") for row in rows)
    assert all(row["created_at"].date() == row["created_on"] for row in rows)
    created = [row["created_at"] for row in rows]
    assert created == sorted(created)
    assert datetime(2025, 12, 1, tzinfo=UTC) <= created[0] < created[-1] <= datetime(2026, 3, 1, tzinfo=UTC)


def test_only_an_empty_database_is_filled(url):
    database = AppDatabase(url)
    database.create_schema()
    assert insert_sample_data(database, 50, TODAY) == 50
    assert insert_sample_data(database, 70, TODAY) == 0
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(OptimizationSession)) == 50
    database.dispose()
