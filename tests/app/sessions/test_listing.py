"""Lists are compared with sorting and filtering all rows in Python."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import select

from app.sessions import queries
from app.sessions.model import SessionQuery
from app.sessions.queries import list_sessions
from app.storage.database import AppDatabase
from app.storage.models import LOWEST, OptimizationSession
from app.web.problems import ApiProblemError

pytestmark = pytest.mark.every_database

T5_SMALL = 10
SOME_SORTS = ("-created_at", "updated_at", "-speedup", "accuracy_change")
NOW = datetime.now(UTC)
RANGES = [{}, {"created_from": NOW - timedelta(days=40)}, {"created_to": NOW - timedelta(days=20)}]


def expected(rows: list, sort: str, filters: dict) -> list[int]:
    """Ids in order."""

    def meets(row) -> bool:
        return (
            filters.get("status") in (None, row.status)
            and filters.get("technique") in (None, row.technique)
            and ("model" not in filters or row.model_id == T5_SMALL)
            and ("created_from" not in filters or row.created_at >= filters["created_from"])
            and ("created_to" not in filters or row.created_at < filters["created_to"])
        )

    def key(row) -> tuple:
        value = getattr(row, sort.removeprefix("-"))
        return (LOWEST if value is None else value, row.id)

    return [row.id for row in sorted(filter(meets, rows), key=key, reverse=sort.startswith("-"))]


@pytest.mark.slow
def test_every_filter_with_every_sort(database: AppDatabase):
    with database.read() as connection:
        rows = list(connection.execute(select(OptimizationSession.__table__)))
    given = [{"status": "completed"}, {"technique": "pruning"}, {"model": "t5-small"}]
    for chosen, limits, sort in product(product((True, False), repeat=3), RANGES, SOME_SORTS):
        filters = {k: v for use, options in zip(chosen, given, strict=True) if use for k, v in options.items()} | limits
        expected_ids, found = expected(rows, sort, filters), []
        page = list_sessions(database, SessionQuery(sort=sort, page_size=33, **filters))
        assert page["total"] == len(expected_ids), (sort, filters)
        second = list_sessions(database, SessionQuery(sort=sort, page=2, page_size=33, **filters))
        assert [item["id"] for item in second["items"]] == expected_ids[33:66], (sort, filters)
        found += page["items"]
        while page["next"]:
            page = list_sessions(database, SessionQuery(sort=sort, page_size=33, cursor=page["next"], **filters))
            found += page["items"]
        assert [item["id"] for item in found] == expected_ids, (sort, filters)


@pytest.mark.parametrize("after", [False, True])
def test_a_range_of_too_many_is_not_sorted_by_something_else(database: AppDatabase, monkeypatch, after: bool):
    query = {"sort": "-speedup", "created_from": "2020-01-01", "page_size": 10}
    if after:
        query["cursor"] = list_sessions(database, SessionQuery.model_validate(query))["next"]
    monkeypatch.setattr(queries, "MAX_SORTED_RANGE", 99)
    with pytest.raises(ApiProblemError, match="range of more than 99 sessions"):
        list_sessions(database, SessionQuery.model_validate(query))
    monkeypatch.setattr(queries, "MAX_SORTED_RANGE", 100)
    assert list_sessions(database, SessionQuery.model_validate(query))


def test_pages_end_where_only_a_cursor_is_cheap():
    assert SessionQuery(page=101, page_size=100)
    with pytest.raises(ApiProblemError, match="use the cursor instead"):
        SessionQuery(page=102, page_size=100)
