"""Moving windows: how many requests were let through in the last seconds, by key; in the process or in Redis.

What is promised: in no span of the window's length, wherever it begins, more are let through than the limit. Refused
requests don't count. A key is forgotten when its window is over.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.redis.client import RedisLink

PREFIX = "optimisation-service:rate"


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of one request.

    Attributes:
        admitted: Whether it is let through.
        remaining: How many more would be at this moment.
        reset_s: Seconds until the oldest one that counts no longer does.
    """

    admitted: bool
    remaining: int
    reset_s: float


class Windows(Protocol):
    """Where it is counted."""

    def take(self, key: str, limit: int) -> Admission:
        """Let one request through and count it, or refuse it.

        Args:
            key: Whose window.
            limit: How many are let through in one window.
        """
        ...


class LocalWindows:
    """Counts in the process.

    Args:
        window_s: Length of the windows.
        clock: Tells nanoseconds, whole ones so that none is lost, and never fewer than before.
    """

    def __init__(self, window_s: float, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._window_ns = round(window_s * 1e9)
        self._clock = clock
        # Moments at which requests were let through, oldest first; the key with the oldest last one first.
        self._taken: OrderedDict[str, list[int]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str, limit: int) -> Admission:
        """See ``Windows``."""
        with self._lock:
            now = self._clock()
            self._forget(now - self._window_ns)
            taken = self._taken.setdefault(key, [])
            while taken and taken[0] <= now - self._window_ns:
                del taken[0]
            admitted = len(taken) < limit
            if admitted:
                taken.append(now)
                self._taken.move_to_end(key)
            return Admission(admitted, limit - len(taken), (taken[0] + self._window_ns - now) / 1e9)

    def _forget(self, until: int) -> None:
        while self._taken:
            key, taken = next(iter(self._taken.items()))
            if taken[-1] > until:
                return
            del self._taken[key]


# By Redis' own clock, since those of the instances differ. Microseconds, which its numbers hold exactly.
_TAKE = """
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
    """Counts in Redis, for all instances together; while Redis is gone, each counts by itself.

    Args:
        link: The connection.
        window_s: Length of the windows.
    """

    def __init__(self, link: RedisLink, window_s: float) -> None:
        self._link = link
        self._window_us = round(window_s * 1e6)
        self._alone = LocalWindows(window_s)
        self._script = link.client.register_script(_TAKE)

    def take(self, key: str, limit: int) -> Admission:
        """See ``Windows``."""

        def ask(_redis: object) -> Admission:
            admitted, count, reset_us = self._script([f"{PREFIX}:{key}"], [limit, self._window_us])
            return Admission(bool(admitted), limit - count, reset_us / 1e6)

        return self._link.ask(ask, lambda: self._alone.take(key, limit))
