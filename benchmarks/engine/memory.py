"""Memory of this engine while it sends: 10 million requests must cost no more than 1 MiB above 100 thousand.

    .venv/bin/python -m benchmarks.engine.memory

One closed load, 10 connections, 1 KiB answers from nginx's memory on a core of its own; every request recorded in full.
The process that sends looks at its own memory on the way and at the end. What counts is its private memory, since pages
of libraries are shared with whoever else has them open. Ends with 1 where it grew by more than 1 MiB.
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

from benchmarks.engine.bench import machine, nginx, pin, table
from loadtasks.engine.progress import Progress
from loadtasks.engine.run import run_scenario
from loadtasks.engine.target import Target
from loadtasks.scenarios.load import ClosedLoad
from loadtasks.scenarios.model import HttpScenario, Request

CONNECTIONS = 10
FIRST = 100_000
MOST_GROWTH_KIB = 1024


class Memory(NamedTuple):
    """What the process holds after so many requests, in KiB (proc(5), smaps_rollup)."""

    requests: int
    resident: int
    private: int


def memory(requests: int) -> Memory:
    """The memory of this process now."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    kib = {name: int(size.split()[0]) for name, _, size in (line.partition(":") for line in lines)}
    return Memory(requests, kib["Rss"], kib["Private_Clean"] + kib["Private_Dirty"])


class Watch:
    """Looks at the memory once the first 100 thousand requests have ended, at each tenfold of them, and at the end."""

    def __init__(self, requests: int) -> None:
        self.seen: list[Memory] = []
        self._requests = requests
        self._next = FIRST

    def look(self, progress: Progress) -> None:
        """Look if it is time."""
        if progress.done >= self._next:
            self.seen.append(memory(progress.done))
            self._next = min(self._next * 10, self._requests) if progress.done < self._requests else sys.maxsize


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000_000)
    options = parser.parse_args()
    if options.requests <= FIRST:
        parser.error(f"--requests must be more than {FIRST:,}")
    print(machine())
    pin()
    load = ClosedLoad(workers=CONNECTIONS, requests=options.requests, max_duration_s=float(options.requests))
    scenario = HttpScenario(name="benchmark.memory", endpoint="benchmark", requests=(Request(path="/k"),), load=load)
    watch = Watch(options.requests)
    with nginx() as server:
        (measurement,) = run_scenario(scenario, Target(server.url), watch.look)
    if measurement.counts.completed != options.requests:
        raise SystemExit(f"not every request was answered: {measurement.counts}, {measurement.errors}")
    rows = [(f"{seen.requests:,}", f"{seen.resident:,} KiB", f"{seen.private:,} KiB") for seen in watch.seen]
    print(table(("after requests", "resident", "private"), rows))
    first, last = watch.seen[0], watch.seen[-1]
    grown = last.private - first.private
    print(
        f"{last.requests - first.requests:,} requests more cost {grown:,} KiB of private memory "
        f"({last.resident - first.resident:,} KiB resident), at {measurement.throughput_per_s:,.0f} requests/s"
    )
    sys.exit(grown > MOST_GROWTH_KIB)


if __name__ == "__main__":
    main()
