"""The connection to Redis. The service works without Redis, more slowly, and reports that it does."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import TypeVar

from redis import Redis, RedisError
from redis.connection import AbstractConnection

from app.circuit_breaker import CircuitBreaker
from app.observability import metrics

TIMEOUT_S = 0.5

Result = TypeVar("Result")


def without_password(url: str) -> str:
    """Replace the user and password in a Redis URL by `***`, for messages."""
    return re.sub("//.*@", "//***@", url)


class RedisClient:
    """A connection pool to Redis that notices when Redis becomes unreachable and when it is back.

    After a failed command nobody waits for Redis for a second; then one request tries again while the others use their
    fallbacks. Commands given to `send_eventually` that failed are sent before the next command that reaches Redis.

    Args:
        url: As redis-py takes it: `redis://:password@host:6379/0`.
    """

    def __init__(self, url: str) -> None:
        self._connection_commands: list[tuple[str, ...]] = []
        self._deferred: dict[str, Callable[[Redis], object]] = {}
        self.raw: Redis = Redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, redis_connect_func=self._set_up
        )
        self.name = without_password(url)
        self._lock = threading.Lock()
        fallback = "this instance works on its own"
        self._breaker = CircuitBreaker(f"Redis at {self.name}", fallback, metrics.redis_up())
        self.call(lambda redis: bool(redis.ping()), lambda: False)

    @property
    def available(self) -> bool:
        """Whether the last command succeeded."""
        return self._breaker.available

    def call(self, command: Callable[[Redis], Result], fallback: Callable[[], Result]) -> Result:
        """Run a command, or its fallback when Redis is unreachable. Only Redis' own errors are caught.

        Args:
            command: Uses the connection pool.
            fallback: What to do instead.
        """
        if not self._breaker.allows_call():
            return fallback()
        try:
            if self._deferred:
                self._send_deferred()
            result = command(self.raw)
        except RedisError as error:
            self._breaker.record_failure(error)
            return fallback()
        self._breaker.record_success()
        return result

    def send_eventually(self, name: str, command: Callable[[Redis], object]) -> None:
        """Run a command now or, while Redis is unreachable, before any other command once it is back.

        Args:
            name: Of several deferred commands of the same name only the last one is kept.
            command: Uses the connection pool; it may run twice.
        """

        def defer() -> None:
            with self._lock:
                self._deferred[name] = command

        self.call(command, defer)

    def run_on_connect(self, *command: str) -> None:
        """Run a command on every new connection before that is used, and once now.

        A restarted Redis has lost its connections, so it gets the command before anything else is sent to it.
        """
        self._connection_commands.append(command)
        self.call(lambda redis: redis.execute_command(*command), lambda: None)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Close the connections."""
        self.raw.close()

    def _set_up(self, connection: AbstractConnection) -> None:
        connection.on_connect()  # type: ignore[no-untyped-call]
        for command in self._connection_commands:
            connection.send_command(*command)  # type: ignore[no-untyped-call]
            connection.read_response()

    def _send_deferred(self) -> None:
        for name, command in list(self._deferred.items()):
            command(self.raw)
            with self._lock:
                if self._deferred.get(name) is command:
                    del self._deferred[name]
