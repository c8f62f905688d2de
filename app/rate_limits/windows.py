"""Sliding windows that count the requests admitted in the last seconds, by key; in the process or in Redis.

In no span of the window's length, wherever it begins, more requests are admitted than the limit. Refused requests don't
count. A key is dropped when its window is over.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.redis.client import RedisClient

PREFIX = "optimisation-service:rate"


@dataclass(frozen=True, slots=True)
class Admission:
    """The decision on one request."""

    admitted: bool
    """Whether the request is admitted."""
    remaining: int
    """How many more requests would be admitted now."""
    reset_s: float
    """Seconds until the oldest request in the window leaves it."""


class SlidingWindows(Protocol):
    """Counts admitted requests by key."""

    def admit(self, key: str, limit: int) -> Admission:
        """Admit and count a request, or refuse it.

        Args:
            key: Whose window.
            limit: How many requests are admitted per window.
        """
        ...


class LocalWindows:
    """Sliding windows in the process.

    Args:
        window_s: Length of the windows in seconds.
        clock: A monotonic clock in whole nanoseconds, so that no rounding admits a request too early.
    """

    def __init__(self, window_s: float, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._window_ns = round(window_s * 1e9)
        self._clock = clock
        # When requests were admitted, oldest first; keys in the order of their last admitted request.
        self._admitted: OrderedDict[str, list[int]] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, key: str, limit: int) -> Admission:
        """See `SlidingWindows`."""
        with self._lock:
            now = self._clock()
            self._drop_until(now - self._window_ns)
            times = self._admitted.setdefault(key, [])
            while times and times[0] <= now - self._window_ns:
                del times[0]
            admitted = len(times) < limit
            if admitted:
                times.append(now)
                self._admitted.move_to_end(key)
            return Admission(admitted, limit - len(times), (times[0] + self._window_ns - now) / 1e9)

    def _drop_until(self, time_ns: int) -> None:
        """Drop the keys whose last request was admitted at this time or before."""
        while self._admitted:
            key, times = next(iter(self._admitted.items()))
            if times[-1] > time_ns:
                return
            del self._admitted[key]


# By Redis' own clock, since the clocks of instances differ. In microseconds, which Lua's numbers hold exactly.
_ADMIT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local oldest = redis.call('LINDEX', KEYS[1], 0)
while oldest and oldest + window <= now do
  redis.call('LPOP', KEYS[1])
  oldest = redis.call('LINDEX', KEYS[1], 0)
end
local count = redis.call('LLEN', KEYS[1])
local admitted = count < limit
if admitted then
  count = redis.call('RPUSH', KEYS[1], string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
end
return {admitted and 1 or 0, count, (oldest or now) + window - now}
"""


class RedisWindows:
    """Sliding windows in Redis, shared by all instances; while Redis is unreachable, each instance counts on its own.

    Args:
        redis: The connection to Redis.
        window_s: Length of the windows in seconds.
    """

    def __init__(self, redis: RedisClient, window_s: float) -> None:
        self._redis = redis
        self._window_us = round(window_s * 1e6)
        self._local = LocalWindows(window_s)
        self._script = redis.raw.register_script(_ADMIT)

    def admit(self, key: str, limit: int) -> Admission:
        """See `SlidingWindows`."""

        def run(_redis: object) -> Admission:
            admitted, count, reset_us = self._script([f"{PREFIX}:{key}"], [limit, self._window_us])
            return Admission(bool(admitted), limit - count, reset_us / 1e6)

        return self._redis.call(run, lambda: self._local.admit(key, limit))
