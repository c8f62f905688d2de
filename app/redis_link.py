"""The connection to Redis, which the service can do without: slower, and saying so."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from redis import Redis, RedisError
from redis.connection import AbstractConnection

from app import metrics

TIMEOUT_S = 0.5
RETRY_S = 1.0

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class RedisLink:
    """A connection pool to Redis that notices when Redis is gone and when it is back.

    Once a question failed, nobody waits for Redis for a second; after that one request tries again while the others go
    on without. What has to be told, and couldn't be, is told before the next question.

    Args:
        url: As redis-py takes it: ``redis://:password@host:6379/0``.
    """

    def __init__(self, url: str) -> None:
        self._greetings: list[tuple[str, ...]] = []
        self._owed: dict[str, Callable[[Redis], object]] = {}
        self.client: Redis = Redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, redis_connect_func=self._greet
        )
        self.name = re.sub("//.*@", "//***@", url)
        self._works = True
        self._retry_at = 0.0
        self._lock = threading.Lock()
        metrics.redis_up().set(1)
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
            if self._owed:
                self._pay()
            answer = question(self.client)
        except RedisError as error:
            self._lose(error)
            return otherwise()
        self._find()
        return answer

    def tell(self, name: str, message: Callable[[Redis], object]) -> None:
        """Tell Redis something: now, or before anything else that it is asked or told once it is back.

        Args:
            name: Of messages that couldn't be told only the last of each name is owed.
            message: Tells it; it may be told twice.
        """

        def owe() -> None:
            with self._lock:
                self._owed[name] = message

        self.ask(message, owe)

    def greet(self, *command: str) -> None:
        """Say a command on every connection from now on before it is used.

        A Redis that was started anew is greeted before anything is asked of it, since the old one's connections ended.
        """
        self._greetings.append(command)
        self.ask(lambda redis: redis.execute_command(*command), lambda: None)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _greet(self, connection: AbstractConnection) -> None:
        connection.on_connect()  # type: ignore[no-untyped-call]
        for command in self._greetings:
            connection.send_command(*command)  # type: ignore[no-untyped-call]
            connection.read_response()

    def _pay(self) -> None:
        for name, message in list(self._owed.items()):
            message(self.client)
            with self._lock:
                if self._owed.get(name) is message:
                    del self._owed[name]

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
            metrics.redis_up().set(0)
        if lost:
            log.warning("Redis at %s is gone (%s): this instance goes on by itself", self.name, error)

    def _find(self) -> None:
        if self._works:
            return
        with self._lock:
            found, self._works = not self._works, True
            metrics.redis_up().set(1)
        if found:
            log.warning("Redis at %s is back", self.name)
