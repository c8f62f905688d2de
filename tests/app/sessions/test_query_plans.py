"""The query plans of the lists, which never read a whole table."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import event

from app.dashboard.statistics import compute_statistics
from app.sessions.model import SessionQuery, Sort
from app.sessions.queries import list_sessions
from app.storage.database import AppDatabase
from tests.app.service import prepare

pytestmark = [pytest.mark.every_database, pytest.mark.slow]

RECENTLY = str(datetime.now(UTC).date() - timedelta(days=10))
FILTERS: list[dict[str, str]] = [
    {},
    {"status": "completed"},
    {"status": "queued"},
    {"model": "t5-small"},
    {"model": "nobody"},
    {"technique": "pruning"},
    {"created_from": RECENTLY},
    {"created_to": "2020-01-01"},
    {"created_from": RECENTLY, "created_to": "2100-01-01"},
    {"status": "failed", "technique": "pruning"},
    {"status": "failed", "model": "t5-small"},
    {"technique": "pruning", "model": "t5-small"},
    {"status": "failed", "technique": "pruning", "model": "t5-small", "created_from": RECENTLY},
]
WHOLE = re.compile(r"^SCAN sessions$|Seq Scan on sessions\b", re.MULTILINE)
# Of an index that begins with a status and a technique both are given, or what is found would have to be sorted.
# PostgreSQL shows on the next line which part of the index it reads.
WHOLE_INDEX = re.compile(
    r"^SCAN sessions|INDEX sessions_of_\w+ \(status=\?\)"
    r"|Scan (Backward )?using \w+ on sessions\b[^\n]*\n(?!\s*Index Cond)",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, new_url: Callable[[Path], str]) -> Iterator[AppDatabase]:
    """A database with 20,000 sessions."""
    folder = tmp_path_factory.mktemp("many")
    made = prepare(folder, 20_000, new_url(folder))
    yield made
    made.dispose()


def executed(database: AppDatabase, work: Callable[[], object]) -> list[tuple[str, object]]:
    """The statements that something makes, each with its parameters."""
    found: list[tuple[str, object]] = []

    def note(_connection, _cursor, statement, parameters, _context, _many) -> None:
        found.append((statement, parameters))

    event.listen(database._engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(database._engine, "before_cursor_execute", note)
    return found


def plans(database: AppDatabase, work: Callable[[], object]) -> str:
    explain = "EXPLAIN QUERY PLAN " if database.url.get_backend_name() == "sqlite" else "EXPLAIN "
    statements = executed(database, work)
    with database.read() as connection:
        rows = [row for sql, given in statements for row in connection.exec_driver_sql(explain + sql, given)]
    return "\n".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize("filters", FILTERS, ids=lambda filters: "-".join(filters.values()) or "all")
def test_no_list_reads_a_whole_table_or_index(many: AppDatabase, filters: dict[str, str]):
    # All sessions are read in the order of an index, as far as the page goes.
    whole = WHOLE_INDEX if filters else WHOLE
    for sort in get_args(Sort):
        query = {"sort": sort, **filters}
        page: dict = {}
        first = plans(many, lambda: page.update(list_sessions(many, SessionQuery.model_validate(query))))  # noqa: B023
        assert not whole.search(first), (sort, first)
        if page["next"]:
            after = SessionQuery.model_validate(query | {"cursor": page["next"]})
            further = plans(many, lambda: list_sessions(many, after))  # noqa: B023
            assert not whole.search(further), (sort, further)


@pytest.mark.parametrize("sort", get_args(Sort))
def test_a_cursor_begins_within_the_index(many: AppDatabase, sort: str):
    page = list_sessions(many, SessionQuery(sort=sort))
    plan = plans(many, lambda: list_sessions(many, SessionQuery(sort=sort, cursor=page["next"])))
    assert re.search(
        r"SEARCH sessions USING (COVERING )?INDEX sessions_by|Index Cond: \(.*(created_at|updated_at|COALESCE)", plan
    ), plan


def test_the_dashboard_reads_indexes_only(many: AppDatabase):
    plan = plans(many, lambda: compute_statistics(many))
    assert not WHOLE.search(plan), plan


def test_a_page_takes_two_statements_and_a_cursor_s_one_however_long(many: AppDatabase):
    for size in (1, 100):
        page = list_sessions(many, SessionQuery(page_size=size))
        assert len(executed(many, lambda: list_sessions(many, SessionQuery(page_size=size)))) == 2  # noqa: B023
        after = SessionQuery(page_size=size, cursor=page["next"])
        assert len(executed(many, lambda: list_sessions(many, after))) == 1  # noqa: B023
