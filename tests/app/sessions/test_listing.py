"""Lists are those that sorting and filtering all rows in Python gives, whichever way the database comes by them."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import select

from app.sessions import queries
from app.sessions.queries import SessionQuery, list_sessions
from app.storage.database import Database
from app.storage.models import LOWEST, OptimizationSession
from app.web.problems import Problem

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


def test_every_filter_with_every_sort(database: Database):
    with database.read() as connection:
        rows = list(connection.execute(select(OptimizationSession.__table__)))
    given = [{"status": "completed"}, {"technique": "pruning"}, {"model": "t5-small"}]
    for chosen, limits, sort in product(product((True, False), repeat=3), RANGES, SOME_SORTS):
        filters = {k: v for use, each in zip(chosen, given, strict=True) if use for k, v in each.items()} | limits
        wanted, found = expected(rows, sort, filters), []
        page = list_sessions(database, SessionQuery(sort=sort, page_size=33, **filters))
        assert page["total"] == len(wanted), (sort, filters)
        second = list_sessions(database, SessionQuery(sort=sort, page=2, page_size=33, **filters))
        assert [item["id"] for item in second["items"]] == wanted[33:66], (sort, filters)
        found += page["items"]
        while page["next"]:
            page = list_sessions(database, SessionQuery(sort=sort, page_size=33, cursor=page["next"], **filters))
            found += page["items"]
        assert [item["id"] for item in found] == wanted, (sort, filters)


@pytest.mark.parametrize("after", [False, True])
def test_a_range_of_too_many_is_not_sorted_by_something_else(database: Database, monkeypatch, after: bool):
    query = {"sort": "-speedup", "created_from": "2020-01-01", "page_size": 10}
    if after:
        query["cursor"] = list_sessions(database, SessionQuery.model_validate(query))["next"]
    monkeypatch.setattr(queries, "RANGE_MAX", 99)
    with pytest.raises(Problem, match="more than 99 sessions of a range by creation only"):
        list_sessions(database, SessionQuery.model_validate(query))
    monkeypatch.setattr(queries, "RANGE_MAX", 100)
    assert list_sessions(database, SessionQuery.model_validate(query))


def test_pages_end_where_only_a_cursor_is_cheap():
    assert SessionQuery(page=101, page_size=100)
    with pytest.raises(Problem, match="read on by cursor"):
        SessionQuery(page=102, page_size=100)
