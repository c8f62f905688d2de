"""The connection to Redis, which the service can do without: slower, and saying so."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import TypeVar

from redis import Redis, RedisError
from redis.connection import AbstractConnection

from app.circuit_breaker import Availability
from app.observability import metrics

TIMEOUT_S = 0.5

Answer = TypeVar("Answer")


def without_password(url: str) -> str:
    """How people are told which Redis is meant."""
    return re.sub("//.*@", "//***@", url)


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
        self.name = without_password(url)
        self._lock = threading.Lock()
        without = "this instance goes on by itself"
        self._availability = Availability(f"Redis at {self.name}", without, metrics.redis_up())
        self.ask(lambda redis: bool(redis.ping()), lambda: False)

    @property
    def works(self) -> bool:
        """Whether the last question was answered."""
        return self._availability.works

    def ask(self, question: Callable[[Redis], Answer], otherwise: Callable[[], Answer]) -> Answer:
        """Ask Redis, or do otherwise when it is gone; exceptions other than Redis' own are the caller's."""
        if not self._availability.may_be_asked():
            return otherwise()
        try:
            if self._owed:
                self._pay()
            answer = question(self.client)
        except RedisError as error:
            self._availability.lose(error)
            return otherwise()
        self._availability.find()
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
