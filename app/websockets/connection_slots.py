"""The limit on open WebSockets."""

from __future__ import annotations

import threading

from app.observability import metrics


class ConnectionSlots:
    """Counts the WebSockets of this process, so that none is accepted beyond the limits.

    Args:
        limit: WebSockets that may be open.
        pending_limit: How many of them may be without a token.
    """

    def __init__(self, limit: int, pending_limit: int) -> None:
        self._limit = limit
        self._pending_limit = pending_limit
        self._used = 0
        self._pending = 0
        self._lock = threading.Lock()

    def acquire(self, *, pending: bool) -> bool:
        """Acquire a slot if one is free.

        Args:
            pending: Whether the client still has to send its token.
        """
        with self._lock:
            if self._used >= self._limit or (pending and self._pending >= self._pending_limit):
                return False
            self._count(1, int(pending))
            return True

    def authenticated(self) -> None:
        """Note that a client in a pending slot sent a valid token."""
        with self._lock:
            self._count(0, -1)

    def release(self, *, pending: bool) -> None:
        """Release a slot.

        Args:
            pending: Whether its client hasn't sent a valid token.
        """
        with self._lock:
            self._count(-1, -int(pending))

    def _count(self, used: int, pending: int) -> None:
        self._used += used
        self._pending += pending
        metrics.WEBSOCKETS.inc(used)
        metrics.PENDING.inc(pending)
