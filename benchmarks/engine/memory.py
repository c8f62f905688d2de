"""Memory of the engine while it sends ten million requests: none of them may stay.

    make benchmark-memory

Closed load, 10 connections, 1 KiB responses from nginx's memory on another core; resident memory of this process, read
twice a second while the load runs, from 100,000 responses on. Exits with 1 where the maximum is over 1 MiB above the
first.
"""

import argparse
import sys

import psutil  # type: ignore[import-untyped]

from benchmarks.engine.bench import machine, nginx, pin, table
from loadtasks.engine.generator.progress import Progress
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.scenarios.load import ClosedLoad
from loadtasks.scenarios.model import HttpScenario, Request

FIRST = 100_000
MAX_GROWTH_KIB = 1024
MAX_DURATION_S = 3600.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000_000)
    options = parser.parse_args()
    pin()
    print(machine())
    process = psutil.Process()
    records: list[tuple[int, int]] = []

    def record_memory(progress: Progress) -> None:
        if progress.done >= FIRST:
            records.append((progress.done, process.memory_info().rss // 1024))

    scenario = HttpScenario(
        name="static.closed",
        endpoint="static",
        requests=(Request(path="/k"),),
        load=ClosedLoad(workers=10, requests=options.requests, max_duration_s=MAX_DURATION_S),
    )
    with nginx() as server:
        (measurement,) = run_scenario(scenario, Target(server.url), record_memory)
    if measurement.counts.completed != options.requests:
        sys.exit(f"{measurement.counts} {measurement.errors}")
    first = records[0][1]
    chosen = [records[0], *(records[len(records) * part // 4] for part in (1, 2, 3)), records[-1]]
    rows = [[f"{done:,}", f"{kib:,}", f"{kib - first:+,}"] for done, kib in chosen]
    print(table(("responses", "resident, KiB", "above the first"), rows))
    growth = max(kib for _, kib in records) - first
    print(f"At most {growth:+,} KiB; {MAX_GROWTH_KIB:,} KiB are allowed.")
    sys.exit(growth > MAX_GROWTH_KIB)


if __name__ == "__main__":
    main()
