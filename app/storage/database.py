"""The database, SQLite in write-ahead mode or PostgreSQL: pooled connections, and errors in one sentence."""

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
from app.storage.models import TableBase
from app.storage.postgresql import open_pool
from app.storage.replica import Replica
from app.storage.schema_version import HEAD, SchemaError, read_version, upgrade

BUSY_TIMEOUT_MS = 10_000
CONNECT_TIMEOUT_S = 10
SPARE_CONNECTIONS = 4
POSTGRESQL = "postgresql"
AUTOCOMMIT = "AUTOCOMMIT"

Result = TypeVar("Result")


class AppDatabase:
    """Gives out connections. Waiting for one is the phase `pool` of the current request, using it the phase `db`.

    Args:
        url: SQLAlchemy URL of an SQLite file, whose folder is created, or of a PostgreSQL database.
        threads: Threads that may need a connection at the same time; with SQLite each of them gets one at once.
        connections: Connections to PostgreSQL that are kept open.
        max_connections: Connections to PostgreSQL at the same time; a request that needs another one waits.
        replica_url: SQLAlchemy URL of a replica to read from, with as many connections of its own; empty: none.
    """

    def __init__(
        self, url: str, threads: int = 1, *, connections: int = 10, max_connections: int = 20, replica_url: str = ""
    ) -> None:
        self.url = make_url(url)
        self._is_postgresql = self.url.get_backend_name() == POSTGRESQL
        # SQLite admits one writer, and waiting writers poll with growing pauses. A lock wakes the next one at once.
        self._write_lock: AbstractContextManager[Any] = nullcontext() if self._is_postgresql else threading.Lock()
        if self._is_postgresql:
            self._size = max(connections, max_connections)
            self._engine = open_pool(self.url, connections, max_connections, connect_timeout=CONNECT_TIMEOUT_S)
            self.url = self._engine.url
            # Reads need no transaction, and beginning and ending one would cost two more round trips.
            self._reading_engine: Engine = self._engine.execution_options(isolation_level=AUTOCOMMIT)
        else:
            self._size = threads + SPARE_CONNECTIONS
            self._engine = self._reading_engine = _open_file(self.url, self._size)
        self.replica = Replica(replica_url, connections, max_connections) if replica_url else None

    @property
    def name(self) -> str:
        """What messages call the database; without its password."""
        return self.url.render_as_string(hide_password=True) if self._is_postgresql else self.url.database or ""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees the writes of every process."""
        with self._connect(self._reading_engine) as connection:
            yield connection

    def query(self, run: Callable[[Connection], Result]) -> Result:
        """Read from the replica if there is a usable one, else from the primary.

        The result may lack recent writes of other processes, but has those that this process acknowledged.

        Args:
            run: Reads with a connection. It may be started twice, so it must have no side effects.
        """
        if self.replica is None:
            return self._query_primary(run)
        with phase("db"):
            return self.replica.query(run, lambda: self._query_primary(run))

    def _query_primary(self, run: Callable[[Connection], Result]) -> Result:
        with self.read() as connection:
            return run(connection)

    @contextmanager
    def write(self, *, durable: bool = False, acknowledged: bool = False) -> Iterator[Connection]:
        """Give a connection in a transaction that commits at the end of the block.

        Args:
            durable: Whether the commit must survive a power failure too, at the price of a sync to the disk. Every
                commit survives the end of the process.
            acknowledged: Whether a client gets to know of the write and must see it in its next requests to this
                process; the replica isn't read until it has the write.
        """
        with self._connect(self._engine, self._write_lock) as connection:
            with connection.begin():
                if not self._is_postgresql:
                    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                elif not durable:
                    connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
                yield connection
            if acknowledged and self.replica is not None:
                position = connection.exec_driver_sql("SELECT pg_current_wal_insert_lsn()::text").scalar_one()
                self.replica.require(position)

    def insert(self, table: type[TableBase]) -> sqlite.Insert | postgresql.Insert:
        """Begin an INSERT that can also update an existing row (`on_conflict_do_update`)."""
        return postgresql.insert(table) if self._is_postgresql else sqlite.insert(table)

    def watch(self) -> None:
        """Report the connection pool in the metrics of this process from now on."""
        metrics.watch_pool(self._engine, self._size)
        if self.replica is not None:
            self.replica.watch()

    def before_statements(self, callback: Callable[[], None]) -> None:
        """Call a function before each statement, while its connection is held."""
        event.listen(self._engine, "before_cursor_execute", lambda *_: callback())

    def create_schema(self) -> None:
        """Bring the tables and indexes up to date: all of them, or none.

        Raises:
            SchemaError: The database can't be used, or a newer version of the service has migrated it.
        """
        with self._errors_in_one_sentence(), self._engine.connect() as connection:
            if not self._is_postgresql:
                # The driver begins a transaction only at the first change of a row; a failure would leave half of it.
                driver: Any = connection.connection.driver_connection
                driver.isolation_level = None
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            upgrade(connection, self.name)
            connection.commit()
            connection.invalidate()

    def check_schema(self) -> None:
        """Check that the database is reachable and its schema is the one that this version needs.

        Raises:
            SchemaError: The database is unreachable, or its schema is another one.
        """
        with self._errors_in_one_sentence():
            problem = self.schema_problem()
        if problem:
            raise SchemaError(f"{self.name} {problem}: run python -m app migrate.")

    def schema_problem(self) -> str | None:
        """What is wrong with the schema, as the rest of a sentence about the database; None when nothing is."""
        with self.read() as connection:
            version = read_version(connection)
            missing = sorted(set(TableBase.metadata.tables) - set(inspect(connection).get_table_names()))
        if version is None:
            return "lacks its tables"
        if version != HEAD:
            return f"has version {version} of its tables, not {HEAD}"
        return f"lacks {', '.join(missing)}" if missing else None

    def analyze(self) -> None:
        """Update the database's statistics, from which it chooses indexes."""
        # PostgreSQL answers from an index alone only for rows that VACUUM has seen, which runs outside of transactions.
        statement = "VACUUM ANALYZE" if self._is_postgresql else "ANALYZE"
        with self._write_lock, self._engine.connect() as connection:
            connection.execution_options(isolation_level=AUTOCOMMIT).exec_driver_sql(statement)

    def dispose(self) -> None:
        """Close the connections that aren't in use."""
        self._engine.dispose()
        if self.replica is not None:
            self.replica.dispose()

    @contextmanager
    def _connect(self, engine: Engine, *locks: AbstractContextManager[Any]) -> Iterator[Connection]:
        """Give a connection of an engine while these locks are held."""
        with ExitStack() as held:
            with phase("pool"):
                for lock in locks:
                    held.enter_context(lock)
                connection = held.enter_context(engine.connect())
            with phase("db"):
                yield connection

    @contextmanager
    def _errors_in_one_sentence(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
            reason = lines[0].rpartition("FATAL: ")[2].strip().rstrip(".")
            advice = (
                "check that the server runs and that APP_DATABASE_URL has its host, user, password and database right"
                if self._is_postgresql
                else "check that it is a database and that the file and its folder are writable"
            )
            raise SchemaError(f"{self.name} can't be used ({reason}): {advice}.") from error


def _open_file(url: URL, size: int) -> Engine:
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SchemaError(f"The folder of {path} can't be created ({error.strerror}): make it writable.") from error
    engine = create_engine(url, poolclass=QueuePool, pool_size=size, max_overflow=0, pool_use_lifo=True)
    event.listen(engine, "connect", _configure_connection)
    return engine


def _configure_connection(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
