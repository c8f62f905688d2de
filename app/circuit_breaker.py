"""Whether something that the service can do without answers, and when to try it again."""

from __future__ import annotations

import logging
import threading
import time

from prometheus_client import Gauge

RETRY_S = 1.0

log = logging.getLogger(__name__)


class Availability:
    """Knows whether it answered last. Once it did not, one request a second tries it; the others go on without.

    Args:
        name: How people are told which it is.
        without: What happens meanwhile, for people.
        gauge: 1 while it answers.
    """

    def __init__(self, name: str, without: str, gauge: Gauge) -> None:
        self._name = name
        self._without = without
        self._gauge = gauge
        self._works = True
        self._retry_at = 0.0
        self._lock = threading.Lock()
        gauge.set(1)

    @property
    def works(self) -> bool:
        """Whether the last question was answered."""
        return self._works

    def may_be_asked(self) -> bool:
        """Whether it is to be asked: it works, or it is time to try it again."""
        if self._works:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._retry_at:
                return False
            self._retry_at = now + RETRY_S
            return True

    def lose(self, why: object) -> None:
        """It did not answer."""
        with self._lock:
            self._retry_at = time.monotonic() + RETRY_S
            lost, self._works = self._works, False
            self._gauge.set(0)
        if lost:
            log.warning("%s is gone (%s): %s", self._name, why, self._without)

    def find(self) -> None:
        """It answered."""
        if self._works:
            return
        with self._lock:
            found, self._works = not self._works, True
            self._gauge.set(1)
        if found:
            log.warning("%s is back", self._name)
