"""Documents cached in Redis, shared by all instances.

What `app.cache.local` promises holds for all instances that reach Redis: after `invalidate` returned on one of them,
no caller on any of them gets a document whose computation began before. A restarted Redis serves nothing that it
restored from its disk.

While Redis is unreachable an instance uses a cache of its own, whose documents live for `MAX_AGE_WITHOUT_REDIS_S` at
most: for that long it may miss another instance's write. If only one instance can't reach Redis, the other instances
see what it wrote once it reaches Redis again, or when the time to live is over.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import cast

from app.cache.local import HIT, MISS, WAIT, LocalCache, record_outcome
from app.observability.server_timing import phase
from app.redis.client import RedisClient

MAX_AGE_WITHOUT_REDIS_S = 1.0
# The result of a computation that takes longer isn't cached.
MAX_COMPUTATION_S = 60.0
# How long other instances wait for one that may have died during its computation.
MAX_WAIT_S = 3.0
POLL_S = 0.01

PREFIX = "optimisation-service:cache"

# A flight is a computation under way. Redis drops its entry when the result is cached and when the key is invalidated,
# so an entry that is still there proves that the key wasn't invalidated since the flight began.
_JOIN = """
local value = redis.call('GET', KEYS[1])
if value then return {value, false} end
local flight = redis.call('GET', KEYS[2])
if flight then return {false, flight} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {false, ARGV[1]}
"""
_FINISH = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return end
redis.call('DEL', KEYS[2])
if tonumber(ARGV[3]) > 0 then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
"""
# Invalidations just before Redis ended may not have reached its disk, so a new process of it starts with no documents.
_DROP_EARLIER_PROCESS = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if redis.call('GET', KEYS[1]) == run then return end
for _, name in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', name) end
redis.call('SET', KEYS[1], run)
"""


def _names(key: str) -> tuple[str, str]:
    """The names of a key's document and flight in Redis."""
    return f"{PREFIX}:value:{key}", f"{PREFIX}:flight:{key}"


@dataclass(frozen=True)
class _Flight:
    """One thread's part in a flight."""

    token: bytes
    """Identifies the flight in Redis."""
    result: Future[bytes]
    """What all threads of this instance get that wait for the flight."""
    leads: bool
    """Whether this thread provides the result."""
    computes: bool
    """Whether this thread computes the result itself, rather than polling for another instance's."""


class RedisCache:
    """Caches documents in Redis; a hit costs one round trip.

    Of an instance's threads that wait for another instance's computation one polls on behalf of all. If that
    computation fails or takes longer than `MAX_WAIT_S`, the polling thread computes the document too.

    Args:
        redis: The connection to Redis.
    """

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._local = LocalCache()
        self._flights: dict[bytes, Future[bytes]] = {}
        self._lock = threading.Lock()
        self._join_script = redis.raw.register_script(_JOIN)
        self._finish_script = redis.raw.register_script(_FINISH)
        redis.run_on_connect("EVAL", _DROP_EARLIER_PROCESS, "1", f"{PREFIX}-run", f"{PREFIX}:*")

    def get(self, key: str, ttl_s: float, compute: Callable[[], bytes]) -> bytes:
        """See `Cache`."""
        with phase("cache"):
            found: bytes | _Flight | None = self._find(key)
            if found is None:
                found = self._join(key)
            if isinstance(found, bytes):
                record_outcome(key, HIT)
                return found
            if found is not None and not found.leads:
                record_outcome(key, WAIT)
                return found.result.result()
        if found is None:
            return self._local.get(key, min(ttl_s, MAX_AGE_WITHOUT_REDIS_S), compute)
        try:
            value = self._lead(found, key, ttl_s, compute)
        except BaseException as error:
            self._leave(found)
            found.result.set_exception(error)
            raise
        self._leave(found)
        found.result.set_result(value)
        return value

    def invalidate(self, key: str) -> None:
        """See `Cache`."""
        self._redis.send_eventually(f"{PREFIX}:{key}", lambda redis: redis.delete(*_names(key)))
        self._local.invalidate(key)

    def _find(self, key: str) -> bytes | None:
        return self._redis.call(lambda redis: cast(bytes | None, redis.get(_names(key)[0])), lambda: None)

    def _join(self, key: str) -> bytes | _Flight | None:
        """Join the flight of a key or begin one; the document if it is cached by now, None without Redis."""
        own_token, result = secrets.token_bytes(16), Future[bytes]()
        with self._lock:
            self._flights[own_token] = result  # before another thread can find the token in Redis
        value, token = self._begin(key, own_token)
        if token == own_token:
            return _Flight(own_token, result, leads=True, computes=True)
        with self._lock:
            del self._flights[own_token]
            if token is None:
                return value
            shared = self._flights.setdefault(token, result)
        return _Flight(token, shared, leads=shared is result, computes=False)

    def _begin(self, key: str, token: bytes) -> tuple[bytes | None, bytes | None]:
        """The document, or else the token of the flight under way: the given one if there was none before."""
        arguments: list[bytes | int] = [token, int(MAX_COMPUTATION_S * 1000)]
        found = self._redis.call(lambda redis: self._join_script(_names(key), arguments, redis), lambda: (None, None))
        value, current_token = cast(tuple[bytes | None, bytes | None], found)
        return value, current_token

    def _leave(self, flight: _Flight) -> None:
        with self._lock:
            del self._flights[flight.token]

    def _lead(self, flight: _Flight, key: str, ttl_s: float, compute: Callable[[], bytes]) -> bytes:
        token: bytes | None = flight.token
        if not flight.computes:
            with phase("cache"):
                value, token = self._poll(key, flight.token)
            if value is not None:
                record_outcome(key, WAIT)
                return value
        if token is None:
            return self._local.get(key, min(ttl_s, MAX_AGE_WITHOUT_REDIS_S), compute)
        record_outcome(key, MISS)
        return self._compute(key, ttl_s, compute, token)

    def _poll(self, key: str, token: bytes) -> tuple[bytes | None, bytes | None]:
        """Wait for another instance's flight; the document, or else the token to compute it with."""
        deadline = time.monotonic() + MAX_WAIT_S
        names = _names(key)
        flying = True
        while flying and time.monotonic() < deadline:
            time.sleep(POLL_S)
            flying = self._redis.call(lambda redis: redis.get(names[1]) == token, lambda: False)
        return self._begin(key, secrets.token_bytes(16))

    def _compute(self, key: str, ttl_s: float, compute: Callable[[], bytes], token: bytes) -> bytes:
        expires_at = time.monotonic() + ttl_s
        try:
            value = compute()
        except BaseException:
            self._finish(key, token, b"", 0)
            raise
        self._finish(key, token, value, expires_at - time.monotonic())
        return value

    def _finish(self, key: str, token: bytes, value: bytes, ttl_s: float) -> None:
        """End a computation; its result is cached unless the key was invalidated in the meantime."""
        arguments: list[bytes | int] = [token, value, int(ttl_s * 1000)]
        with phase("cache"):
            self._redis.call(lambda redis: self._finish_script(_names(key), arguments, redis), lambda: None)
