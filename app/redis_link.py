"""The connection to Redis, which the service can do without: slower, and saying so."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from redis import Redis, RedisError

from app import metrics

TIMEOUT_S = 0.5
RETRY_S = 1.0

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class RedisLink:
    """A connection pool to Redis that notices when Redis is gone and when it is back.

    Once a question failed, nobody waits for Redis for a second; after that one request tries again while the others go
    on without.

    Args:
        url: As redis-py takes it: ``redis://:password@host:6379/0``.
    """

    def __init__(self, url: str) -> None:
        self.client: Redis = Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
        self.name = re.sub("//.*@", "//***@", url)
        self._works = True
        self._retry_at = 0.0
        self._lock = threading.Lock()
        metrics.REDIS_UP.set(1)
        self.ask(lambda redis: bool(redis.ping()), lambda: False)

    @property
    def works(self) -> bool:
        """Whether the last question was answered."""
        return self._works

    def ask(self, question: Callable[[Redis], Answer], otherwise: Callable[[], Answer]) -> Answer:
        """Ask Redis, or do otherwise when it is gone; exceptions other than Redis' own are the caller's."""
        if not self._works and not self._may_retry():
            return otherwise()
        try:
            answer = question(self.client)
        except RedisError as error:
            self._lose(error)
            return otherwise()
        self._find()
        return answer

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _may_retry(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._retry_at:
                return False
            self._retry_at = now + RETRY_S
            return True

    def _lose(self, error: RedisError) -> None:
        with self._lock:
            self._retry_at = time.monotonic() + RETRY_S
            lost, self._works = self._works, False
        metrics.REDIS_UP.set(0)
        if lost:
            log.warning("Redis at %s is gone (%s): this instance goes on by itself", self.name, error)

    def _find(self) -> None:
        if self._works:
            return
        with self._lock:
            found, self._works = not self._works, True
        metrics.REDIS_UP.set(1)
        if found:
            log.warning("Redis at %s is back", self.name)
