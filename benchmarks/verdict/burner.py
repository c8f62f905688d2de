"""Another process on the machine, which is busy at random, in spans of work and of rest."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

_MEAN_S, _MIN_S, _MAX_S = 0.7, 0.05, 3.0


@contextmanager
def burning(core: int | None, seed: str) -> Iterator[None]:
    """Load a core while inside, whichever the system gives it when None; the same seed makes the same spans."""
    where = "any" if core is None else str(core)
    process = subprocess.Popen([sys.executable, __file__, where, seed], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _burn(where: str, seed: str) -> None:
    """Work and rest in turn, as long as the process that started it lives."""
    if where != "any":
        os.sched_setaffinity(0, {int(where)})
    chance, parent = Random(seed), os.getppid()
    while os.getppid() == parent:
        until_s = time.perf_counter() + _span_s(chance)
        while time.perf_counter() < until_s:
            pass
        time.sleep(_span_s(chance))


def _span_s(chance: Random) -> float:
    return min(_MAX_S, max(_MIN_S, chance.expovariate(1 / _MEAN_S)))


if __name__ == "__main__":
    _burn(sys.argv[1], sys.argv[2])
