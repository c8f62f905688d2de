"""A read-only copy of the PostgreSQL database, which the service can do without."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from app.circuit_breaker import Availability
from app.observability import metrics
from app.storage.postgresql import open_pool

CONNECT_TIMEOUT_S = 2
UNANSWERED_MS = 2000
PORT = 5432
HAS_REPLAYED = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"

Answer = TypeVar("Answer")


class Replica:
    """A streaming replica that is read while it answers and has what this process told its clients.

    Once a question failed, nobody waits for the replica for a second; after that one request tries again while the
    others go on without.

    Args:
        url: SQLAlchemy URL of it.
        connections: Connections that are kept open.
        connections_max: Connections at the same time.
    """

    def __init__(self, url: str, connections: int, connections_max: int) -> None:
        parsed = make_url(url)
        self.name = f"{parsed.host}:{parsed.port or PORT}/{parsed.database}"
        self._size = max(connections, connections_max)
        limits = {"connect_timeout": CONNECT_TIMEOUT_S, "tcp_user_timeout": UNANSWERED_MS}
        pool = open_pool(parsed, connections, connections_max, **limits)
        self._engine = pool.execution_options(isolation_level="AUTOCOMMIT")
        gauge = metrics.REPLICA_UP.labels(self.name)
        self._availability = Availability(f"The replica {self.name}", "the primary is read", gauge)
        self._awaited: str | None = None
        self._lock = threading.Lock()

    @property
    def works(self) -> bool:
        """Whether the last question was answered."""
        return self._availability.works

    def ask(self, question: Callable[[Connection], Answer], otherwise: Callable[[], Answer]) -> Answer:
        """Ask the replica, or do otherwise where it is gone or behind; exceptions not of the database are the caller's.

        Args:
            question: What to do with a connection. It may be begun in vain, so it must leave no trace.
            otherwise: What to do instead.
        """
        if not self._availability.may_be_asked():
            return otherwise()
        try:
            with self._engine.connect() as connection:
                is_current = self._is_current(connection)
                answer = question(connection) if is_current else None
        except SQLAlchemyError as error:
            self._availability.lose(type(error).__name__)
            return otherwise()
        self._availability.find()
        return answer if is_current else otherwise()  # type: ignore[return-value]

    def await_write(self, position: str) -> None:
        """Ask nothing of the replica until it has what was written.

        Args:
            position: Of the end of the write in the primary's log (LSN).
        """
        with self._lock:
            if self._awaited is None or _offset(position) > _offset(self._awaited):
                self._awaited = position

    def watch(self) -> None:
        """Let the metrics tell of it, of this process from now on."""
        metrics.watch_pool(self._engine, self._size)

    def dispose(self) -> None:
        """Close the connections that aren't in use."""
        self._engine.dispose()

    def _is_current(self, connection: Connection) -> bool:
        awaited = self._awaited
        if awaited is None:
            return True
        if not connection.exec_driver_sql(HAS_REPLAYED, (awaited,)).scalar():
            return False
        with self._lock:
            if self._awaited == awaited:
                self._awaited = None
        return True


def _offset(position: str) -> int:
    file, _, offset = position.partition("/")
    return (int(file, 16) << 32) + int(offset, 16)
