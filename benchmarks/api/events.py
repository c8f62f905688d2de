"""How long a session event of the shipped API takes to reach all WebSocket clients of an instance.

    .venv/bin/python -m benchmarks.api.events

Generator and server are pinned to different cores. A delivery time begins when the request that starts a session is
sent and ends when a client has received its event. One measurement uses the load engine; the others use clients that
only record when bytes arrive, with and without compression. A server that only sends is measured for comparison.
"""

import argparse
import asyncio
import statistics
from collections.abc import Sequence

import uvloop

from benchmarks.api.listeners import deliveries
from benchmarks.engine.bench import machine, pin, table
from benchmarks.engine.websockets import bare, shipped
from loadtasks.engine.net.descriptors import allow_sockets
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.scenarios.load import BroadcastLoad
from loadtasks.scenarios.model import BroadcastScenario

HEADER = ("server, client", "clients", "delivery p50", "p90", "p99", "max", "p99 limit", "delivered")
# Limit of the 99th percentile in milliseconds, by the number of clients.
MAX_P99_MS = {100: 20, 2000: 100}
LONG_S = 3600.0


def by_engine(target: Target, scenario: BroadcastScenario, load: BroadcastLoad) -> tuple[list[float], int]:
    """Measure with the load engine: quantiles in milliseconds, and the number of deliveries."""
    (found,) = run_scenario(scenario.model_copy(update={"load": load}), target)
    if found.conservation_gap or found.counts.completed != found.counts.scheduled:
        raise SystemExit(f"not everything was delivered: {found.counts} {found.errors}")
    shares = (0.5, 0.9, 0.99, 1.0)
    return [(found.service.quantile_s(share) or 0.0) * 1e3 for share in shares], found.counts.completed


def by_listeners(target: Target, load: BroadcastLoad, *, deflate: bool) -> tuple[list[float], int]:
    """Measure with lightweight clients: quantiles in milliseconds, and the number of deliveries."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        taken_s = runner.run(
            deliveries(target, clients=load.listeners, events=load.events, rate=load.rate, deflate=deflate)
        )
    cuts = statistics.quantiles(taken_s, n=100)
    return [quantile_s * 1e3 for quantile_s in (cuts[49], cuts[89], cuts[98], max(taken_s))], len(taken_s)


def row(name: str, clients: int, quantiles_ms: Sequence[float], delivered: int) -> list[str]:
    """One row of the table."""
    limit = f"< {MAX_P99_MS[clients]} ms" if clients in MAX_P99_MS else ""
    return [name, f"{clients:,}", *(f"{quantile_ms:.1f} ms" for quantile_ms in quantiles_ms), limit, f"{delivered:,}"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[100, 2000])
    parser.add_argument("--events", type=int, default=50)
    parser.add_argument("--rate", type=float, default=5.0, help="events a second")
    options = parser.parse_args()
    pin()
    print(machine())
    allow_sockets(max(options.clients))
    rows = []
    for clients in options.clients:
        load = BroadcastLoad(listeners=clients, events=options.events, rate=options.rate)
        with shipped(LONG_S) as (target, scenario):
            rows.append(row("API, load engine", clients, *by_engine(target, scenario, load)))
            rows.append(row("API, plain", clients, *by_listeners(target, load, deflate=False)))
            rows.append(row("API, compressed", clients, *by_listeners(target, load, deflate=True)))
        with bare() as (target, scenario):
            rows.append(row("bare fan-out, load engine", clients, *by_engine(target, scenario, load)))
    print(table(HEADER, rows))


if __name__ == "__main__":
    main()
