"""Work that takes the processor a known time, so that an answer can be made to need more of it on purpose.

It is an amount of work, not a time to wait: where the machine is slow it takes longer, as an endpoint's own code does.
"""

from __future__ import annotations

import time
from functools import cache

_MEASURED_STEPS = 10_000
_TRIES = 50
"""The fastest counts: nothing that comes between makes a computation faster."""


@cache
def steps_per_s() -> float:
    """How many steps the processor does in a second of its time, measured once in a process."""
    return _MEASURED_STEPS / min(_measured_s() for _ in range(_TRIES))


def compute(steps: int) -> int:
    """Do so many steps of a pseudo-random sequence (Lehmer's)."""
    number = 1
    for _ in range(steps):
        number = number * 48_271 % 2_147_483_647
    return number


def _measured_s() -> float:
    started_s = time.thread_time()
    compute(_MEASURED_STEPS)
    return time.thread_time() - started_s
