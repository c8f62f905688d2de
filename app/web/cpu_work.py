"""Work for the CPU of a calibrated amount, with which the fault `cpu` slows requests down.

It is an amount of work, not a time to wait: on a slow machine it takes longer, as an endpoint's own code does.
"""

from __future__ import annotations

import time
from functools import cache

_CALIBRATION_STEPS = 10_000
_CALIBRATION_RUNS = 50
"""The fastest run counts, since interruptions only ever make a run slower."""


@cache
def steps_per_s() -> float:
    """Measure how many steps one second of CPU time computes; once per process."""
    return _CALIBRATION_STEPS / min(_time_steps() for _ in range(_CALIBRATION_RUNS))


def compute(steps: int) -> int:
    """Compute this many steps of Lehmer's pseudo-random sequence."""
    number = 1
    for _ in range(steps):
        number = number * 48_271 % 2_147_483_647
    return number


def _time_steps() -> float:
    started_s = time.thread_time()
    compute(_CALIBRATION_STEPS)
    return time.thread_time() - started_s
