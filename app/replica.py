"""A read-only copy of the PostgreSQL database, which the service can do without."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from app import metrics
from app.postgresql import open_pool

CONNECT_TIMEOUT_S = 2
UNANSWERED_MS = 2000
RETRY_S = 1.0
PORT = 5432
HAS_REPLAYED = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


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
        self._works = True
        self._retry_at = 0.0
        self._awaited: str | None = None
        self._lock = threading.Lock()

    @property
    def works(self) -> bool:
        """Whether the last question was answered."""
        return self._works

    def ask(self, question: Callable[[Connection], Answer], otherwise: Callable[[], Answer]) -> Answer:
        """Ask the replica, or do otherwise where it is gone or behind; exceptions not of the database are the caller's.

        Args:
            question: What to do with a connection. It may be begun in vain, so it must leave no trace.
            otherwise: What to do instead.
        """
        if not self._works and not self._may_retry():
            return otherwise()
        try:
            with self._engine.connect() as connection:
                is_current = self._is_current(connection)
                answer = question(connection) if is_current else None
        except SQLAlchemyError as error:
            self._lose(error)
            return otherwise()
        self._find()
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
        metrics.REPLICA_UP.labels(self.name).set(1)
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

    def _may_retry(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._retry_at:
                return False
            self._retry_at = now + RETRY_S
            return True

    def _lose(self, error: SQLAlchemyError) -> None:
        with self._lock:
            self._retry_at = time.monotonic() + RETRY_S
            lost, self._works = self._works, False
        metrics.REPLICA_UP.labels(self.name).set(0)
        if lost:
            log.warning("The replica %s is gone (%s): the primary is read", self.name, type(error).__name__)

    def _find(self) -> None:
        if self._works:
            return
        with self._lock:
            found, self._works = not self._works, True
        metrics.REPLICA_UP.labels(self.name).set(1)
        if found:
            log.warning("The replica %s is back", self.name)


def _offset(position: str) -> int:
    file, _, offset = position.partition("/")
    return (int(file, 16) << 32) + int(offset, 16)
