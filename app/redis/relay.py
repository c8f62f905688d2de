"""Messages between instances, through Redis' publish and subscribe."""

from __future__ import annotations

import itertools
import logging
import secrets
import threading
from collections.abc import Callable
from contextlib import closing, suppress

from redis import Redis, RedisError
from redis import TimeoutError as RedisTimeoutError
from redis.client import PubSub

from app.redis.client import TIMEOUT_S, RedisClient

# A subscription that is silent for this long gets a ping, which it has to answer within the same time.
SILENCE_S = 1.0
MIN_PAUSE_S = 0.1
MAX_PAUSE_S = 2.0

log = logging.getLogger(__name__)


class Relay:
    """Delivers messages to all instances, with a thread that subscribes to Redis and resubscribes after each outage.

    An instance receives its own messages through Redis like those of others, so that all instances deliver in the same
    order. A message that may not come back, because Redis or the subscription failed, is delivered locally at once and
    ignored if it does come back. The constructor returns when the thread has subscribed or Redis didn't answer.

    Args:
        channel: The channel that all instances use.
        redis: The connection to Redis.
        deliver: Takes every message of the channel; it must not block.
    """

    def __init__(self, channel: str, redis: RedisClient, deliver: Callable[[str], None]) -> None:
        # A channel spans all databases of a Redis server, so the database's number becomes part of its name.
        self._channel = f"{channel}:{redis.raw.get_connection_kwargs().get('db', 0)}"
        self._redis = redis
        self._deliver = deliver
        self._sender_id = secrets.token_hex(8)
        self._numbers = itertools.count()
        # Own messages that haven't come back from Redis yet, oldest first.
        self._outstanding: dict[int, str] = {}
        self._lock = threading.Lock()
        self._subscription: PubSub | None = None
        self._subscribed = False
        self._first_attempt, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()
        self._first_attempt.wait(4 * TIMEOUT_S)

    def publish(self, message: str) -> None:
        """Send a message to all instances; while Redis is unreachable, to this one alone."""
        with self._lock:
            number, subscribed = next(self._numbers), self._subscribed
            self._outstanding[number] = message
        envelope = f"{self._sender_id} {number} {message}"

        def send(redis: Redis) -> bool:
            redis.publish(self._channel, envelope)
            return True

        if not self._redis.call(send, lambda: False) or not subscribed:
            self._deliver_outstanding()

    def close(self) -> None:
        """Unsubscribe and end the thread."""
        self._stopping.set()
        with self._lock, suppress(RedisError):
            if self._subscription is not None:
                self._subscription.unsubscribe()  # type: ignore[no-untyped-call]  # wakes the thread
        self._thread.join(2 * SILENCE_S)

    def _run(self) -> None:
        pause_s = MIN_PAUSE_S
        while not self._stopping.is_set():
            try:
                with closing(PubSub(self._redis.raw.connection_pool)) as subscription:
                    self._listen(subscription)
            except RedisError as error:
                if self._subscribed:
                    log.warning("the subscription to other instances' events ended: %s", error)
            except Exception:
                log.exception("the subscription to other instances' events failed unexpectedly")
            pause_s = MIN_PAUSE_S if self._subscribed else min(2 * pause_s, MAX_PAUSE_S)
            with self._lock:
                self._subscription, self._subscribed = None, False
            self._deliver_outstanding()
            self._first_attempt.set()
            self._stopping.wait(pause_s)

    def _listen(self, subscription: PubSub) -> None:
        """Deliver messages until `close` is called.

        Raises:
            RedisError: Redis became unreachable.
        """
        subscription.subscribe(self._channel)
        with self._lock:
            self._subscription = subscription
        pinged = False
        while not self._stopping.is_set():
            received = subscription.get_message(timeout=SILENCE_S)
            if received is None and pinged:
                raise RedisTimeoutError("the subscription answered no ping")
            pinged = received is None
            if received is None:
                subscription.ping()
            elif received["type"] == "subscribe":
                with self._lock:
                    self._subscribed = True
                self._first_attempt.set()
            elif received["type"] == "message":
                self._receive(received["data"])

    def _receive(self, envelope: bytes) -> None:
        try:
            sender_id, number, message = envelope.decode().split(" ", 2)
        except ValueError:
            log.warning("ignored a message on %s that no instance sent", self._channel)
            return
        with self._lock:
            if sender_id != self._sender_id or self._outstanding.pop(int(number), None) is not None:
                self._deliver(message)

    def _deliver_outstanding(self) -> None:
        with self._lock:
            for message in self._outstanding.values():
                self._deliver(message)
            self._outstanding.clear()
