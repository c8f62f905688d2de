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

from app.redis.client import TIMEOUT_S, RedisLink

# A subscription that is silent for so long is asked whether it is still there, and has as long to answer.
SILENCE_S = 1.0
PAUSE_MIN_S = 0.1
PAUSE_MAX_S = 2.0

log = logging.getLogger(__name__)


class Relay:
    """Hands messages on to all instances, by a thread that listens to Redis, again after each outage.

    An instance's own messages come back to it as those of others do, so that all hand out the same order. When one
    can't be expected to come back, it is handed out at once, and not again in case that it does. The constructor
    returns when the thread listens, or when Redis turns out not to answer.

    Args:
        channel: What the instances that hear each other have in common.
        link: How Redis is reached.
        hand_out: Takes each message that is heard; it must not wait for anything.
    """

    def __init__(self, channel: str, link: RedisLink, hand_out: Callable[[str], None]) -> None:
        # Redis knows channels by their name alone, whatever database a connection uses.
        self._channel = f"{channel}:{link.client.get_connection_kwargs().get('db', 0)}"
        self._link = link
        self._hand_out = hand_out
        self._name = secrets.token_hex(8)
        self._numbers = itertools.count()
        # Own messages that haven't come back, oldest first.
        self._awaited: dict[int, str] = {}
        self._lock = threading.Lock()
        self._subscription: PubSub | None = None
        self._listening = False
        self._begun, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()
        self._begun.wait(4 * TIMEOUT_S)

    def publish(self, message: str) -> None:
        """Hand a message to all instances; without Redis it is handed out here alone."""
        with self._lock:
            number, is_heard = next(self._numbers), self._listening
            self._awaited[number] = message
        envelope = f"{self._name} {number} {message}"

        def tell(redis: Redis) -> bool:
            redis.publish(self._channel, envelope)
            return True

        if not self._link.ask(tell, lambda: False) or not is_heard:
            self._hand_out_awaited()

    def close(self) -> None:
        """Stop listening."""
        self._stopping.set()
        with self._lock, suppress(RedisError):
            if self._subscription is not None:
                self._subscription.unsubscribe()  # type: ignore[no-untyped-call]  # its thread hears of it
        self._thread.join(2 * SILENCE_S)

    def _run(self) -> None:
        pause_s = PAUSE_MIN_S
        while not self._stopping.is_set():
            try:
                with closing(PubSub(self._link.client.connection_pool)) as subscription:
                    self._listen(subscription)
            except RedisError as error:
                if self._listening:
                    log.warning("other instances aren't heard any more: %s", error)
            except Exception:
                log.exception("other instances aren't heard for an error of ours")
            pause_s = PAUSE_MIN_S if self._listening else min(2 * pause_s, PAUSE_MAX_S)
            with self._lock:
                self._subscription, self._listening = None, False
            self._hand_out_awaited()
            self._begun.set()
            self._stopping.wait(pause_s)

    def _listen(self, subscription: PubSub) -> None:
        """Hand out what is heard until it is time to stop.

        Raises:
            RedisError: Redis is gone.
        """
        subscription.subscribe(self._channel)
        with self._lock:
            self._subscription = subscription
        is_asked = False
        while not self._stopping.is_set():
            heard = subscription.get_message(timeout=SILENCE_S)
            if heard is None and is_asked:
                raise RedisTimeoutError("silence")
            is_asked = heard is None
            if heard is None:
                subscription.ping()
            elif heard["type"] == "subscribe":
                with self._lock:
                    self._listening = True
                self._begun.set()
            elif heard["type"] == "message":
                self._hear(heard["data"])

    def _hear(self, envelope: bytes) -> None:
        try:
            name, number, message = envelope.decode().split(" ", 2)
        except ValueError:
            log.warning("a message that is none of an instance's was left out")
            return
        with self._lock:
            if name != self._name or self._awaited.pop(int(number), None) is not None:
                self._hand_out(message)

    def _hand_out_awaited(self) -> None:
        with self._lock:
            for message in self._awaited.values():
                self._hand_out(message)
            self._awaited.clear()
