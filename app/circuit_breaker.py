"""A circuit breaker: a dependency that failed isn't called again for a second."""

from __future__ import annotations

import logging
import threading
import time

from prometheus_client import Gauge

RETRY_S = 1.0

log = logging.getLogger(__name__)


class CircuitBreaker:
    """Remembers whether a dependency is available.

    After a failure a single call per second is let through to try the dependency again; all other callers use their
    fallback without waiting.

    Args:
        name: What the log calls the dependency.
        fallback: What the log says the service does without it.
        gauge: Set to 1 while the dependency is available, else to 0.
    """

    def __init__(self, name: str, fallback: str, gauge: Gauge) -> None:
        self._name = name
        self._fallback = fallback
        self._gauge = gauge
        self._available = True
        self._retry_at = 0.0
        self._lock = threading.Lock()
        gauge.set(1)

    @property
    def available(self) -> bool:
        """Whether the last call succeeded."""
        return self._available

    def allows_call(self) -> bool:
        """Whether the dependency may be called: it is available, or the next retry is due."""
        if self._available:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._retry_at:
                return False
            self._retry_at = now + RETRY_S
            return True

    def record_failure(self, reason: object) -> None:
        """Note that a call failed; the first failure is logged."""
        with self._lock:
            self._retry_at = time.monotonic() + RETRY_S
            was_available, self._available = self._available, False
            self._gauge.set(0)
        if was_available:
            log.warning("%s is unreachable (%s): %s", self._name, reason, self._fallback)

    def record_success(self) -> None:
        """Note that a call succeeded; the first success after a failure is logged."""
        if self._available:
            return
        with self._lock:
            was_available, self._available = self._available, True
            self._gauge.set(1)
        if not was_available:
            log.warning("%s is reachable again", self._name)
