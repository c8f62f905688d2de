"""The counts that triggers keep are those of the rows, whoever writes them."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import func, insert, select, text

from app.sessions.model import NewSession, SessionQuery
from app.sessions.queries import list_sessions, start_session
from app.storage.database import AppDatabase
from app.storage.models import OptimizationSession, SessionCount

pytestmark = pytest.mark.every_database

WRITERS = 4
CHANGES = 15


def check_counts(database: AppDatabase) -> int:
    """Compare counts with rows; gives how many sessions there are."""
    kind = (OptimizationSession.status, OptimizationSession.technique, OptimizationSession.model_id)
    with database.read() as connection:
        rows = {tuple(row[:3]): row[3] for row in connection.execute(select(*kind, func.count()).group_by(*kind))}
        counts = {tuple(row[:3]): row[3] for row in connection.execute(select(SessionCount.__table__))}
    assert {cell: count for cell, count in counts.items() if count} == rows
    assert list_sessions(database, SessionQuery())["total"] == sum(rows.values())
    return sum(rows.values())


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM sessions WHERE id > 50",
        "DELETE FROM sessions",
        "UPDATE sessions SET status = 'cancelled' WHERE id > 30",
        "UPDATE sessions SET technique = 'pruning', model_id = 1",
        "UPDATE sessions SET progress = 0.5",
        "INSERT INTO sessions SELECT id + 1000, model_id, technique, status, progress, size_reduction, speedup, "
        "accuracy_change, failure, criteria, simulated, created_at, created_on, updated_at FROM sessions WHERE id > 40",
    ],
)
def test_statements_by_hand_are_counted(database: AppDatabase, statement: str):
    assert check_counts(database) == 100
    with database.write() as connection:
        connection.execute(text(statement))
    check_counts(database)


def test_a_rollback_is_not_counted(database: AppDatabase):
    with suppress(KeyError), database.write() as connection:
        connection.execute(text("DELETE FROM sessions WHERE id > 50"))
        raise KeyError
    assert check_counts(database) == 100


def test_many_writers_at_once(database: AppDatabase, url: str):
    def write(number: int) -> None:
        chance, mine = random.Random(number), AppDatabase(url)
        for _ in range(CHANGES):
            start_session(mine, NewSession(model="bert-base", technique="pruning"))
            # Several statements a transaction, the same rows in different orders: what could lock each other out.
            with mine.write() as connection:
                for session_id in chance.sample(range(1, 20), 3):
                    change = {"status": chance.choice(["queued", "failed"]), "id": session_id}
                    connection.execute(text("UPDATE sessions SET status = :status WHERE id = :id"), change)
                connection.execute(text("DELETE FROM sessions WHERE id = :id"), {"id": chance.randrange(20, 60)})
        mine.dispose()

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(write, range(WRITERS)))
    assert check_counts(database) > WRITERS * CHANGES


def test_a_migration_counts_what_is_there(database: AppDatabase):
    with database.write() as connection:
        connection.execute(text("UPDATE session_counts SET sessions = 7"))
        connection.execute(text("UPDATE app_version SET version_num = '0004'"))
    database.create_schema()
    assert check_counts(database) == 100


def test_sessions_inserted_many_at_a_time_count(database: AppDatabase):
    with database.read() as connection:
        rows = [dict(row) for row in connection.execute(select(OptimizationSession.__table__)).mappings()]
    with database.write() as connection:
        connection.execute(insert(OptimizationSession), [row | {"id": row["id"] + 1000} for row in rows])
    assert check_counts(database) == 200
