"""WebSockets from one process: opening them, delivering to them, and what each costs in memory.

    .venv/bin/python -m benchmarks.engine.websockets

Generator and server are pinned to different cores. The shipped API is one server; the other does nothing but send what
is published to every listener, so that what is measured over it is little more than the sending and the generator's
work. A delivery lasts from the moment that the publishing request's bytes leave until the listener has the event, so
that the last of a thousand listeners waits for the 999 sends before its own.
"""

import argparse
import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import uvloop

from benchmarks.engine.bench import GENERATOR_CORE, SERVER_CORE, machine, on_server_core, pin, table
from loadtasks.engine.net.descriptors import allow_sockets
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.engine.websocket.opener import Opener
from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.load import BroadcastLoad, ConnectionsLoad
from loadtasks.scenarios.model import BroadcastScenario, ConnectionsScenario, Event, Publish, Request
from tests.app.service import prepare, running
from tests.loadtasks.engine.websocket.fanout import in_process

HEADER = (
    "server", "connect p50", "connect p99", "first message", "delivery p50", "delivery p99", "delivered", "missed",
    "duplicate", "out of order", "loop lag p99", "CPU",
)  # fmt: skip


@contextlib.contextmanager
def shipped(duration_s: float = 0.0) -> Iterator[tuple[Target, BroadcastScenario]]:
    """The shipped API under gunicorn; each session that is started publishes its steps for `duration_s`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = prepare(folder, 200)
        os.sched_setaffinity(0, {SERVER_CORE})  # what is started inherits it
        with running(database, folder, APP_SESSION_DURATION_S=str(duration_s)) as service:
            os.sched_setaffinity(0, {GENERATOR_CORE})
            body = {"model": "resnet-50", "technique": "quantization"}
            yield (
                Target(service.url, service.token),
                BroadcastScenario(
                    name="websocket.broadcast",
                    endpoint="websocket",
                    path="/api/v1/events",
                    load=BroadcastLoad(listeners=1, events=1, rate=1),
                    publish=Publish(
                        request=Request(method="POST", path="/api/v1/optimization/sessions", json=body), id="id"
                    ),
                    event=Event(where={"type": "session.created"}, id="session.id"),
                ),
            )


@contextlib.contextmanager
def bare() -> Iterator[tuple[Target, BroadcastScenario]]:
    """A server that only sends."""
    with in_process(*on_server_core([])) as url:
        yield (
            Target(url),
            BroadcastScenario(
                name="websocket.broadcast",
                endpoint="websocket",
                path="/events",
                load=BroadcastLoad(listeners=1, events=1, rate=1),
                publish=Publish(request=Request(method="POST", path="/events", json={}), id="id"),
                event=Event(where={"type": "created"}, id="thing.id"),
            ),
        )


async def memory_kib(target: Target, path: str, counts: list[int]) -> dict[int, float]:
    """Resident memory of this process, in KiB, by the number of WebSockets that it holds."""
    process, held = psutil.Process(), {}
    for count in counts:
        opener = Opener(path, target, timeout_s=30, connect_timeout_s=10)
        allow_sockets(count)
        opened = await opener.open(count)
        if failed := [opening.failure for opening in opened if opening.failure is not None]:
            raise SystemExit(f"{len(failed)} WebSockets did not open: {failed[0].text}")
        held[count] = process.memory_info().rss / 1024
        await opener.close()
    return held


def measure(target: Target, scenario: BroadcastScenario, load: BroadcastLoad) -> tuple[Measurement, Measurement]:
    """Opening alone, then a broadcast."""
    opening = ConnectionsScenario(
        name="websocket.connections",
        endpoint="websocket",
        path=scenario.path,
        load=ConnectionsLoad(connections=load.listeners),
    )
    (opened,) = run_scenario(opening, target)
    (delivered,) = run_scenario(scenario.model_copy(update={"load": load}), target)
    return opened, delivered


def row(name: str, opened: Measurement, delivered: Measurement) -> list[str]:
    """One server's line of the table."""
    if opened.counts.failed or opened.conservation_gap or delivered.conservation_gap:
        raise SystemExit(f"{name}: {opened.counts} {opened.errors}; {delivered.counts}")
    errors = {error.code: error.count for error in delivered.errors}
    first = delivered.phases["first_message"].mean_s or 0.0
    return [
        name,
        _ms(opened.response, 0.5),
        _ms(opened.response, 0.99),
        f"{first * 1e3:.0f} ms",
        _ms(delivered.service, 0.5),
        _ms(delivered.service, 0.99),
        f"{delivered.counts.completed:,}",
        *(f"{errors.get(code, 0):,}" for code in ("missed", "duplicate", "out_of_order")),
        f"{delivered.health.loop_lag_p99_s * 1e3:.1f} ms",
        f"{delivered.health.cpu_share:.0%}",
    ]


def _ms(histogram: Histogram, share: float) -> str:
    return f"{(histogram.quantile_s(share) or 0.0) * 1e3:.1f} ms"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listeners", type=int, default=1000)
    parser.add_argument("--events", type=int, default=50)
    parser.add_argument("--rate", type=float, default=10.0, help="events a second")
    options = parser.parse_args()
    pin()
    print(machine())
    load = BroadcastLoad(listeners=options.listeners, events=options.events, rate=options.rate)
    with bare() as (target, scenario), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        held = runner.run(memory_kib(target, scenario.path, [1, options.listeners, 2 * options.listeners]))
    kib = {count: (rss - held[1]) / count for count, rss in held.items() if count > 1}
    print("; ".join(f"{count:,} held: {per_connection:.1f} KiB a connection" for count, per_connection in kib.items()))
    rows = []
    for name, serving in (("shipped API", shipped), ("bare fan-out", bare)):
        with serving() as (target, scenario):
            rows.append(row(name, *measure(target, scenario, load)))
    print(f"{load.events} events at {load.rate:g}/s to {load.listeners} listeners")
    print(table(HEADER, rows))


if __name__ == "__main__":
    main()
