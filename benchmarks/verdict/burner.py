"""Another process on the machine, which loads one core at random, in spans of work and of rest."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

_MEAN_S, _MIN_S, _MAX_S = 0.7, 0.05, 3.0


@contextmanager
def burning(core: int, seed: str) -> Iterator[None]:
    """Load a core while inside; the same seed makes the same spans."""
    process = subprocess.Popen([sys.executable, __file__, str(core), seed], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _burn(core: int, seed: str) -> None:
    """Work and rest in turn, as long as the process that started it lives."""
    os.sched_setaffinity(0, {core})
    chance, parent = Random(seed), os.getppid()
    while os.getppid() == parent:
        until_s = time.perf_counter() + _span_s(chance)
        while time.perf_counter() < until_s:
            pass
        time.sleep(_span_s(chance))


def _span_s(chance: Random) -> float:
    return min(_MAX_S, max(_MIN_S, chance.expovariate(1 / _MEAN_S)))


if __name__ == "__main__":
    _burn(int(sys.argv[1]), sys.argv[2])
