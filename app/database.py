"""The database: SQLite in write-ahead mode, one connection a thread at work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from app import metrics
from app.models import Base
from app.timing import phase

BUSY_TIMEOUT_MS = 10_000
SPARE_CONNECTIONS = 4


class SchemaError(Exception):
    """The database can't be used as it is; the message is one sentence that says what to do."""


class Database:
    """Hands out connections. Their use counts as the phase ``db`` of the current request.

    Args:
        url: SQLAlchemy URL of an SQLite file; its folder is created.
        threads: Threads that may want a connection at the same time; none of them waits for another's.
    """

    def __init__(self, url: str, threads: int = 1) -> None:
        self._url = make_url(url)
        Path(self._url.database or "").parent.mkdir(parents=True, exist_ok=True)
        self._size = threads + SPARE_CONNECTIONS
        self._engine = create_engine(
            self._url, poolclass=QueuePool, pool_size=self._size, max_overflow=0, pool_use_lifo=True
        )
        event.listen(self._engine, "connect", _prepare)
        # SQLite admits one writer; waiters poll it with growing pauses. Queueing here wakes the next one at once.
        self._writing = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection to read with."""
        with phase("db"), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Connection]:
        """Give a connection in a transaction that commits at the end of the block.

        Args:
            durable: Whether the commit must survive a loss of power too, at the price of a sync to the disk. Any
                commit survives the death of the process.
        """
        with phase("db"), self._writing, self._engine.begin() as connection:
            connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            yield connection

    def create_schema(self) -> None:
        """Create the tables and indexes that don't exist yet."""
        Base.metadata.create_all(self._engine)

    def watch(self) -> None:
        """Let the metrics tell how many connections are in use, of this process from now on."""
        metrics.watch_pool(self._engine, self._size)

    def missing_tables(self) -> list[str]:
        """The tables that aren't there, by name."""
        with self.read() as connection:
            return sorted(set(Base.metadata.tables) - set(inspect(connection).get_table_names()))

    def check_schema(self) -> None:
        """Make sure that the tables are there.

        Raises:
            SchemaError: They aren't.
        """
        if missing := self.missing_tables():
            raise SchemaError(f"{self._url.database} lacks {', '.join(missing)}: run python -m app migrate.")

    def analyze(self) -> None:
        """Let SQLite learn how the data is distributed, so that it picks the right index."""
        with self.write() as connection:
            connection.execute(text("ANALYZE"))

    def dispose(self) -> None:
        """Close the connections that aren't in use."""
        self._engine.dispose()


def _prepare(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
