"""How many WebSockets there may be at the same time."""

from __future__ import annotations

import threading

from app.observability import metrics


class Seats:
    """Counts the WebSockets of this process, so that none is accepted that there is no room for.

    Args:
        limit: WebSockets there may be.
        pending_limit: How many of them may not have told their token yet.
    """

    def __init__(self, limit: int, pending_limit: int) -> None:
        self._limit = limit
        self._pending_limit = pending_limit
        self._taken = 0
        self._pending = 0
        self._lock = threading.Lock()

    def take(self, *, pending: bool) -> bool:
        """Take one, if there is room.

        Args:
            pending: Whether the client still has to tell its token.
        """
        with self._lock:
            if self._taken >= self._limit or (pending and self._pending >= self._pending_limit):
                return False
            self._count(1, int(pending))
            return True

    def confirm(self) -> None:
        """A client that took one told its token."""
        with self._lock:
            self._count(0, -1)

    def give_back(self, *, pending: bool) -> None:
        """Give one back."""
        with self._lock:
            self._count(-1, -int(pending))

    def _count(self, taken: int, pending: int) -> None:
        self._taken += taken
        self._pending += pending
        metrics.WEBSOCKETS.inc(taken)
        metrics.PENDING.inc(pending)
