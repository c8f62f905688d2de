"""The CPUs that this thread may run on, and threads that are kept to some of them for a while."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager


def usable_cpus() -> set[int]:
    """Their numbers; none where the system ties no thread to a CPU.

    Raises:
        OSError: the system doesn't let this process ask.
    """
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


@contextmanager
def tied_to(cpus: Collection[int], *processes: int) -> Iterator[None]:
    """Keep this thread, and the first thread of each of the processes, to these CPUs; then let them go where this was.

    Raises:
        OSError: the system refuses it, or a process has ended.
    """
    before = os.sched_getaffinity(0)
    try:
        _run_on(cpus, processes)
        yield
    finally:
        _run_on(before, processes)


def _run_on(cpus: Collection[int], processes: Collection[int]) -> None:
    for thread in (0, *processes):
        os.sched_setaffinity(thread, cpus)
