"""The database, SQLite in write-ahead mode or PostgreSQL: connections from a pool, troubles told in one sentence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from app.observability import metrics
from app.observability.server_timing import phase
from app.storage.models import Base
from app.storage.postgresql import open_pool
from app.storage.replica import Replica
from app.storage.schema_version import HEAD, SchemaError, upgrade, version

BUSY_TIMEOUT_MS = 10_000
CONNECT_TIMEOUT_S = 10
SPARE_CONNECTIONS = 4
POSTGRESQL = "postgresql"
AUTOCOMMIT = "AUTOCOMMIT"

Answer = TypeVar("Answer")


class Database:
    """Hands out connections. Waiting for one is the phase ``pool`` of the current request, its use the phase ``db``.

    Args:
        url: SQLAlchemy URL of an SQLite file, whose folder is created, or of a PostgreSQL database.
        threads: Threads that may want a connection at the same time; with SQLite none of them waits for another's.
        connections: Connections to PostgreSQL that are kept open.
        connections_max: Connections to PostgreSQL at the same time; who wants one more waits.
        replica_url: Of a copy to read from, with as many connections of its own; empty when there is none.
    """

    def __init__(
        self, url: str, threads: int = 1, *, connections: int = 10, connections_max: int = 20, replica_url: str = ""
    ) -> None:
        self.url = make_url(url)
        self._is_postgresql = self.url.get_backend_name() == POSTGRESQL
        # SQLite admits one writer; waiters poll it with growing pauses. Queueing here wakes the next one at once.
        self._writing: AbstractContextManager[Any] = nullcontext() if self._is_postgresql else threading.Lock()
        if self._is_postgresql:
            self._size = max(connections, connections_max)
            self._engine = open_pool(self.url, connections, connections_max, connect_timeout=CONNECT_TIMEOUT_S)
            self.url = self._engine.url
            # Nothing that is read needs a transaction, whose beginning and end are questions of their own.
            self._reading: Engine = self._engine.execution_options(isolation_level=AUTOCOMMIT)
        else:
            self._size = threads + SPARE_CONNECTIONS
            self._engine = self._reading = _open_file(self.url, self._size)
        self.replica = Replica(replica_url, connections, connections_max) if replica_url else None

    @property
    def name(self) -> str:
        """How people are told which database is meant; no password is in it."""
        return self.url.render_as_string(hide_password=True) if self._is_postgresql else self.url.database or ""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection to read with what every other process has written."""
        with self._taken(self._reading) as connection:
            yield connection

    def ask(self, question: Callable[[Connection], Answer]) -> Answer:
        """Read what may lack what other processes wrote just now: from the replica, where there is one that answers.

        Args:
            question: What to do with a connection. It may be begun twice, so it must leave no trace.
        """
        if self.replica is None:
            return self._ask_primary(question)
        with phase("db"):
            return self.replica.ask(question, lambda: self._ask_primary(question))

    def _ask_primary(self, question: Callable[[Connection], Answer]) -> Answer:
        with self.read() as connection:
            return question(connection)

    @contextmanager
    def write(self, *, durable: bool = False, told: bool = False) -> Iterator[Connection]:
        """Give a connection in a transaction that commits at the end of the block.

        Args:
            durable: Whether the commit must survive a loss of power too, at the price of a sync to the disk. Any
                commit survives the death of the process.
            told: Whether a client is told of it, and must find it in whatever it asks this process next.
        """
        with self._taken(self._engine, self._writing) as connection:
            with connection.begin():
                if not self._is_postgresql:
                    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                elif not durable:
                    connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
                yield connection
            if told and self.replica is not None:
                position = connection.exec_driver_sql("SELECT pg_current_wal_insert_lsn()::text").scalar_one()
                self.replica.await_write(position)

    def insert(self, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
        """Begin a statement that inserts, and can update what is there already (``on_conflict_do_update``)."""
        return postgresql.insert(table) if self._is_postgresql else sqlite.insert(table)

    def watch(self) -> None:
        """Let the metrics tell how many connections are in use, of this process from now on."""
        metrics.watch_pool(self._engine, self._size)
        if self.replica is not None:
            self.replica.watch()

    def before_statements(self, do: Callable[[], None]) -> None:
        """Let something be done before each statement, while its connection is held."""
        event.listen(self._engine, "before_cursor_execute", lambda *_: do())

    def create_schema(self) -> None:
        """Bring the tables and indexes up to date: all of it, or nothing.

        Raises:
            SchemaError: The database can't be used, or a newer version of the service has written it.
        """
        with self._troubles_told(), self._engine.connect() as connection:
            if not self._is_postgresql:
                # The driver begins a transaction only at the first change of a row, which would leave a half of it.
                driver: Any = connection.connection.driver_connection
                driver.isolation_level = None
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            upgrade(connection, self.name)
            connection.commit()
            connection.invalidate()

    def check_schema(self) -> None:
        """Make sure that the database answers and its schema is the one that this version needs.

        Raises:
            SchemaError: It doesn't, or isn't.
        """
        with self._troubles_told():
            fault = self.schema_fault()
        if fault:
            raise SchemaError(f"{self.name} {fault}: run python -m app migrate.")

    def schema_fault(self) -> str | None:
        """What is wrong with the schema, as the rest of a sentence about the database; None when nothing is."""
        with self.read() as connection:
            found = version(connection)
            missing = sorted(set(Base.metadata.tables) - set(inspect(connection).get_table_names()))
        if found is None:
            return "lacks its tables"
        if found != HEAD:
            return f"has version {found} of its tables, not {HEAD}"
        return f"lacks {', '.join(missing)}" if missing else None

    def analyze(self) -> None:
        """Let the database learn how the data is distributed, so that it picks the right index."""
        # PostgreSQL trusts an index alone only where VACUUM has seen the rows, and that runs outside of transactions.
        statement = "VACUUM ANALYZE" if self._is_postgresql else "ANALYZE"
        with self._writing, self._engine.connect() as connection:
            connection.execution_options(isolation_level=AUTOCOMMIT).exec_driver_sql(statement)

    def dispose(self) -> None:
        """Close the connections that aren't in use."""
        self._engine.dispose()
        if self.replica is not None:
            self.replica.dispose()

    @contextmanager
    def _taken(self, engine: Engine, *turns: AbstractContextManager[Any]) -> Iterator[Connection]:
        """Give a connection of an engine when these turns have come."""
        with ExitStack() as held:
            with phase("pool"):
                for turn in turns:
                    held.enter_context(turn)
                connection = held.enter_context(engine.connect())
            with phase("db"):
                yield connection

    @contextmanager
    def _troubles_told(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
            reason = lines[0].rpartition("FATAL: ")[2].strip().rstrip(".")
            advice = (
                "see that the server runs and that APP_DATABASE_URL names it, user, password and database right"
                if self._is_postgresql
                else "see that it is a database and that the file and its folder are writable"
            )
            raise SchemaError(f"{self.name} can't be used ({reason}): {advice}.") from error


def _open_file(url: URL, size: int) -> Engine:
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SchemaError(f"The folder of {path} can't be made ({error.strerror}): make it writable.") from error
    engine = create_engine(url, poolclass=QueuePool, pool_size=size, max_overflow=0, pool_use_lifo=True)
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
