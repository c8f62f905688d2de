"""Answers that all instances keep together, in Redis.

What `app.cache.local` promises holds for all instances that reach Redis: after `invalidate` returned on one of them,
nobody on any of them gets an answer whose computation began before. A Redis that is started anew serves nothing that
it brings back from its disk.

Without Redis each instance goes on with a cache of its own, in which nothing grows older than ``ALONE_S``: so long may
what another instance wrote go unseen then. When only one instance is cut off, what it wrote meanwhile shows at the
others once it reaches Redis again, or when the time to live is over.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import cast

from app.cache.local import HIT, MISS, WAIT, LocalCache, note
from app.observability.server_timing import phase
from app.redis.client import RedisLink

ALONE_S = 1.0
# A computation that takes longer isn't kept.
FLIGHT_S = 60.0
# For so long an instance that died while it computed holds up the others.
PATIENCE_S = 3.0
POLL_S = 0.01

PREFIX = "optimisation-service:cache"

# A flight is a computation under way. Redis forgets it when its answer is kept and when the key is invalidated: as long
# as it is there, the key wasn't invalidated since the flight began.
_BOARD = """
local value = redis.call('GET', KEYS[1])
if value then return {value, false} end
local flight = redis.call('GET', KEYS[2])
if flight then return {false, flight} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {false, ARGV[1]}
"""
_LAND = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return end
redis.call('DEL', KEYS[2])
if tonumber(ARGV[3]) > 0 then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
"""
# The last invalidations before an end of Redis may not have reached its disk.
_FORGET_OTHER_RUNS = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if redis.call('GET', KEYS[1]) == run then return end
for _, name in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', name) end
redis.call('SET', KEYS[1], run)
"""


def _names(key: str) -> tuple[str, str]:
    """Where the value and the flight of a key are in Redis."""
    return f"{PREFIX}:value:{key}", f"{PREFIX}:flight:{key}"


@dataclass(frozen=True)
class _Seat:
    """One thread's part in a flight.

    Attributes:
        token: What Redis knows the flight by.
        answer: What all threads of this instance get that wait for the flight.
        leads: Whether it is this thread that provides the answer.
        computes: Whether it does so by computing it, rather than by watching another instance do it.
    """

    token: bytes
    answer: Future[bytes]
    leads: bool
    computes: bool


class RedisCache:
    """Keeps answers in Redis; one that is kept costs one round trip.

    Of an instance's threads that wait for another instance's computation one watches for all of them. When it fails or
    takes longer than ``PATIENCE_S``, that thread computes too.

    Args:
        link: Where they are kept.
    """

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._alone = LocalCache()
        self._flights: dict[bytes, Future[bytes]] = {}
        self._lock = threading.Lock()
        self._boarding = link.client.register_script(_BOARD)
        self._landing = link.client.register_script(_LAND)
        link.greet("EVAL", _FORGET_OTHER_RUNS, "1", f"{PREFIX}-run", f"{PREFIX}:*")

    def get(self, key: str, ttl_s: float, compute: Callable[[], bytes]) -> bytes:
        """See ``Cache``."""
        with phase("cache"):
            found: bytes | _Seat | None = self._find(key)
            if found is None:
                found = self._board(key)
            if isinstance(found, bytes):
                note(key, HIT)
                return found
            if found is not None and not found.leads:
                note(key, WAIT)
                return found.answer.result()
        if found is None:
            return self._alone.get(key, min(ttl_s, ALONE_S), compute)
        try:
            value = self._lead(found, key, ttl_s, compute)
        except BaseException as error:
            self._leave(found)
            found.answer.set_exception(error)
            raise
        self._leave(found)
        found.answer.set_result(value)
        return value

    def invalidate(self, key: str) -> None:
        """See ``Cache``."""
        self._link.tell(f"{PREFIX}:{key}", lambda redis: redis.delete(*_names(key)))
        self._alone.invalidate(key)

    def _find(self, key: str) -> bytes | None:
        return self._link.ask(lambda redis: cast(bytes | None, redis.get(_names(key)[0])), lambda: None)

    def _board(self, key: str) -> bytes | _Seat | None:
        """Join the flight of a key or begin one; the value if it is there by now, nothing if Redis is gone."""
        mine, answer = secrets.token_bytes(16), Future[bytes]()
        with self._lock:
            self._flights[mine] = answer  # before another thread can meet the token in Redis
        value, token = self._begin(key, mine)
        if token == mine:
            return _Seat(mine, answer, leads=True, computes=True)
        with self._lock:
            del self._flights[mine]
            if token is None:
                return value
            shared = self._flights.setdefault(token, answer)
        return _Seat(token, shared, leads=shared is answer, computes=False)

    def _begin(self, key: str, token: bytes) -> tuple[bytes | None, bytes | None]:
        """The value, or else the token of the flight under way, which is the given one if there was none before."""
        arguments: list[bytes | int] = [token, int(FLIGHT_S * 1000)]
        answer = self._link.ask(lambda redis: self._boarding(_names(key), arguments, redis), lambda: (None, None))
        value, known = cast(tuple[bytes | None, bytes | None], answer)
        return value, known

    def _leave(self, seat: _Seat) -> None:
        with self._lock:
            del self._flights[seat.token]

    def _lead(self, seat: _Seat, key: str, ttl_s: float, compute: Callable[[], bytes]) -> bytes:
        token: bytes | None = seat.token
        if not seat.computes:
            with phase("cache"):
                value, token = self._watch(key, seat.token)
            if value is not None:
                note(key, WAIT)
                return value
        if token is None:
            return self._alone.get(key, min(ttl_s, ALONE_S), compute)
        note(key, MISS)
        return self._compute(key, ttl_s, compute, token)

    def _watch(self, key: str, token: bytes) -> tuple[bytes | None, bytes | None]:
        """Wait for another instance's flight; gives the value, or else the token to compute with."""
        until = time.monotonic() + PATIENCE_S
        names = _names(key)
        flying = True
        while flying and time.monotonic() < until:
            time.sleep(POLL_S)
            flying = self._link.ask(lambda redis: redis.get(names[1]) == token, lambda: False)
        return self._begin(key, secrets.token_bytes(16))

    def _compute(self, key: str, ttl_s: float, compute: Callable[[], bytes], token: bytes) -> bytes:
        until = time.monotonic() + ttl_s
        try:
            value = compute()
        except BaseException:
            self._land(key, token, b"", 0)
            raise
        self._land(key, token, value, until - time.monotonic())
        return value

    def _land(self, key: str, token: bytes, value: bytes, ttl_s: float) -> None:
        """End a computation; what it made is kept unless the key was invalidated in the meantime."""
        arguments: list[bytes | int] = [token, value, int(ttl_s * 1000)]
        with phase("cache"):
            self._link.ask(lambda redis: self._landing(_names(key), arguments, redis), lambda: None)
