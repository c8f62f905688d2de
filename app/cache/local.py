"""Answers that are kept for a while, so that what many ask for is computed once.

What is promised: an answer is never older than its time to live. After ``invalidate`` returns, nobody gets an answer
whose computation began before. While an answer is computed, all who ask for it wait for that one computation; when it
fails, it fails for all of them and nothing is kept. A cache in the process knows only of the invalidations of its own
process: what another one writes shows when the time to live is over. ``app.cache.shared`` knows of all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from typing import Protocol

from prometheus_client import Counter

from app.observability import metrics
from app.observability.server_timing import describe, phase

HIT, WAIT, MISS = "hit", "wait", "miss"


def note(key: str, outcome: str) -> None:
    """Describe the phase of the current request, and count what came of it."""
    describe("cache", outcome)
    _counter(key, outcome).inc()


@cache
def _counter(key: str, outcome: str) -> Counter:
    return metrics.CACHE_REQUESTS.labels(key, outcome)


class Cache(Protocol):
    """Where answers are kept. What it does counts as the phase ``cache``, computations don't.

    The phase is described as ``hit`` (it was there), ``wait`` (another request was computing it) or ``miss``.
    """

    def get(self, key: str, ttl_s: float, compute: Callable[[], bytes]) -> bytes:
        """Give what is kept under a key, or else compute it and keep it.

        Args:
            key: What it is.
            ttl_s: Seconds for which it is kept when it is computed now.
            compute: Makes it; what it raises is raised for all who wait.
        """
        ...

    def invalidate(self, key: str) -> None:
        """Forget what is kept under a key; a computation under way still answers those who wait for it already."""
        ...


class LocalCache:
    """Keeps answers in the process."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._flights: dict[str, Future[bytes]] = {}
        self._lock = threading.Lock()

    def get(self, key: str, ttl_s: float, compute: Callable[[], bytes]) -> bytes:
        """See ``Cache``."""
        with phase("cache"):
            value = self._find(key)
            if value is not None:
                note(key, HIT)
                return value
            with self._lock:
                value, flight = self._find(key), self._flights.get(key)
                if value is None and flight is None:
                    mine = self._flights[key] = Future[bytes]()
            if value is not None:
                note(key, HIT)
                return value
            if flight is not None:
                note(key, WAIT)
                return flight.result()
            note(key, MISS)
        return self._compute(key, ttl_s, compute, mine)

    def invalidate(self, key: str) -> None:
        """See ``Cache``."""
        with self._lock:
            self._kept.pop(key, None)
            self._flights.pop(key, None)

    def _find(self, key: str) -> bytes | None:
        until, value = self._kept.get(key, (0.0, None))
        return value if until > time.monotonic() else None

    def _compute(self, key: str, ttl_s: float, compute: Callable[[], bytes], flight: Future[bytes]) -> bytes:
        until = time.monotonic() + ttl_s
        try:
            value = compute()
        except BaseException as error:
            self._land(key, flight, None)
            flight.set_exception(error)
            raise
        self._land(key, flight, (until, value))
        flight.set_result(value)
        return value

    def _land(self, key: str, flight: Future[bytes], kept: tuple[float, bytes] | None) -> None:
        """End a computation; what it made is kept unless the key was invalidated in the meantime."""
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
                if kept is not None:
                    self._kept[key] = kept


class NoCache:
    """Keeps nothing: every answer is computed."""

    def get(self, key: str, ttl_s: float, compute: Callable[[], bytes]) -> bytes:
        """See ``Cache``."""
        note(key, MISS)
        return compute()

    def invalidate(self, key: str) -> None:
        """See ``Cache``."""
