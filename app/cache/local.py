"""Documents cached in the process, so that what many clients request is computed once.

Every cache promises: a document is never older than its time to live. After `invalidate` returns, no caller gets a
document whose computation began before. While a document is computed, everybody who requests it waits for that one
computation (single flight); if it fails, it fails for all of them and nothing is cached. A cache in the process knows
only the invalidations of its own process, so another process's write shows when the time to live is over;
`app.cache.shared` knows those of all instances.
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


def record_outcome(key: str, outcome: str) -> None:
    """Count the outcome of a lookup and show it in the current request's `Server-Timing`."""
    describe("cache", outcome)
    _counter(key, outcome).inc()


@cache
def _counter(key: str, outcome: str) -> Counter:
    return metrics.CACHE_REQUESTS.labels(key, outcome)


class Cache(Protocol):
    """A cache of documents. Its own work is the phase `cache` of a request; computing a document isn't part of it.

    The phase is described as `hit` (cached), `wait` (another request was computing it) or `miss`.
    """

    def get(self, key: str, ttl_s: float, compute: Callable[[], bytes]) -> bytes:
        """Return the document cached under a key, or compute and cache it.

        Args:
            key: Names the document.
            ttl_s: Seconds for which a document that is computed now stays cached.
            compute: Makes the document; its exceptions are raised for everybody who waits for it.
        """
        ...

    def invalidate(self, key: str) -> None:
        """Drop the document under a key; callers that already wait for its computation still get the result."""
        ...


class LocalCache:
    """Caches documents in the process."""

    def __init__(self) -> None:
        self._cached: dict[str, tuple[float, bytes]] = {}
        self._flights: dict[str, Future[bytes]] = {}
        self._lock = threading.Lock()

    def get(self, key: str, ttl_s: float, compute: Callable[[], bytes]) -> bytes:
        """See `Cache`."""
        with phase("cache"):
            value = self._find(key)
            if value is not None:
                record_outcome(key, HIT)
                return value
            with self._lock:
                value, flight = self._find(key), self._flights.get(key)
                if value is None and flight is None:
                    own_flight = self._flights[key] = Future[bytes]()
            if value is not None:
                record_outcome(key, HIT)
                return value
            if flight is not None:
                record_outcome(key, WAIT)
                return flight.result()
            record_outcome(key, MISS)
        return self._compute(key, ttl_s, compute, own_flight)

    def invalidate(self, key: str) -> None:
        """See `Cache`."""
        with self._lock:
            self._cached.pop(key, None)
            self._flights.pop(key, None)

    def _find(self, key: str) -> bytes | None:
        expires_at, value = self._cached.get(key, (0.0, None))
        return value if expires_at > time.monotonic() else None

    def _compute(self, key: str, ttl_s: float, compute: Callable[[], bytes], flight: Future[bytes]) -> bytes:
        expires_at = time.monotonic() + ttl_s
        try:
            value = compute()
        except BaseException as error:
            self._finish(key, flight, None)
            flight.set_exception(error)
            raise
        self._finish(key, flight, (expires_at, value))
        flight.set_result(value)
        return value

    def _finish(self, key: str, flight: Future[bytes], entry: tuple[float, bytes] | None) -> None:
        """End a computation; its result is cached unless the key was invalidated in the meantime."""
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
                if entry is not None:
                    self._cached[key] = entry


class NoCache:
    """Caches nothing: every document is computed anew."""

    def get(self, key: str, ttl_s: float, compute: Callable[[], bytes]) -> bytes:
        """See `Cache`."""
        record_outcome(key, MISS)
        return compute()

    def invalidate(self, key: str) -> None:
        """See `Cache`."""
