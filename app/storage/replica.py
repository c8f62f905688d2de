"""A read-only replica of the PostgreSQL database. The service works without it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from app.circuit_breaker import CircuitBreaker
from app.observability import metrics
from app.storage.postgresql import open_pool

CONNECT_TIMEOUT_S = 2
MAX_UNACKNOWLEDGED_MS = 2000
PORT = 5432
HAS_REPLAYED = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"

Result = TypeVar("Result")


class Replica:
    """A streaming replica, read while it is reachable and has every write that this process acknowledged to a client.

    After a failed query nobody waits for the replica for a second; then one request tries again while the others use
    the fallback.

    Args:
        url: SQLAlchemy URL of the replica.
        connections: Connections that are kept open.
        max_connections: Connections at the same time.
    """

    def __init__(self, url: str, connections: int, max_connections: int) -> None:
        parsed = make_url(url)
        self.name = f"{parsed.host}:{parsed.port or PORT}/{parsed.database}"
        self._size = max(connections, max_connections)
        limits = {"connect_timeout": CONNECT_TIMEOUT_S, "tcp_user_timeout": MAX_UNACKNOWLEDGED_MS}
        pool = open_pool(parsed, connections, max_connections, **limits)
        self._engine = pool.execution_options(isolation_level="AUTOCOMMIT")
        gauge = metrics.REPLICA_UP.labels(self.name)
        self._breaker = CircuitBreaker(f"The replica {self.name}", "the primary is read", gauge)
        self._required_position: str | None = None
        self._lock = threading.Lock()

    @property
    def available(self) -> bool:
        """Whether the last query succeeded."""
        return self._breaker.available

    def query(self, run: Callable[[Connection], Result], fallback: Callable[[], Result]) -> Result:
        """Query the replica, or use the fallback while it is unreachable or lags behind.

        Errors that aren't the database's are raised to the caller.

        Args:
            run: Reads with a connection. It may be started in vain, so it must have no side effects.
            fallback: What to do instead.
        """
        if not self._breaker.allows_call():
            return fallback()
        try:
            with self._engine.connect() as connection:
                is_current = self._is_current(connection)
                result = run(connection) if is_current else None
        except SQLAlchemyError as error:
            self._breaker.record_failure(type(error).__name__)
            return fallback()
        self._breaker.record_success()
        return result if is_current else fallback()  # type: ignore[return-value]

    def require(self, position: str) -> None:
        """Don't read the replica until it has replayed a write.

        Args:
            position: Where the write ends in the primary's write-ahead log (LSN).
        """
        with self._lock:
            if self._required_position is None or _offset(position) > _offset(self._required_position):
                self._required_position = position

    def watch(self) -> None:
        """Report the connection pool in the metrics of this process from now on."""
        metrics.watch_pool(self._engine, self._size)

    def dispose(self) -> None:
        """Close the connections that aren't in use."""
        self._engine.dispose()

    def _is_current(self, connection: Connection) -> bool:
        position = self._required_position
        if position is None:
            return True
        if not connection.exec_driver_sql(HAS_REPLAYED, (position,)).scalar():
            return False
        with self._lock:
            if self._required_position == position:
                self._required_position = None
        return True


def _offset(position: str) -> int:
    """The position as a number of bytes, which can be compared."""
    file, _, offset = position.partition("/")
    return (int(file, 16) << 32) + int(offset, 16)
