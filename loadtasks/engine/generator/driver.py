"""The load generator of one process: it drives one share of a scenario, and is watched while it does."""

import asyncio
import contextlib
import gc
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

import uvloop

from loadtasks.engine.generator.monitor import Monitor, Observation
from loadtasks.engine.generator.progress import OnProgress, ProgressReporter
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.pacer import pacer_of
from loadtasks.engine.profiles.shares import Share, SharedPacer, own_shifts, share_of, shared
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.runners.base import Runner
from loadtasks.engine.runners.broadcast import BroadcastRunner
from loadtasks.engine.runners.closed import ClosedRunner
from loadtasks.engine.runners.connections import ConnectionsRunner
from loadtasks.engine.runners.open import OpenRunner
from loadtasks.measurement.health import Calibration
from loadtasks.scenarios.load import ClosedLoad, OpenLoad, StagesLoad, WorkerStagesLoad
from loadtasks.scenarios.model import (
    BroadcastScenario,
    ConnectionsScenario,
    HttpScenario,
    PartScenario,
    Scenario,
    parts_of,
)

Begin = Callable[[], Awaitable[float]]
"""Waits for the moment at which the load begins, a time of `time.perf_counter`, and gives it."""


@dataclass(frozen=True)
class Work:
    """What one process has to do: share `number` (from 0) of a scenario."""

    scenario: Scenario
    target: Target
    number: int = 0
    processes: int = 1
    calibration: Calibration | None = None
    """What the generator can do at best, for the progress that it tells."""

    @property
    def process(self) -> str:
        """How people are told which process does it."""
        return f"process {self.number + 1} of {self.processes}"


@dataclass(frozen=True)
class Generated:
    """What one process recorded, by part ("" for a scenario that isn't mixed), and what was seen of it."""

    started_at: datetime
    recorders: dict[str, Recorder]
    observation: Observation


class Start:
    """The moment at which a load begins, a time of `time.perf_counter`; known once all is prepared."""

    def __init__(self) -> None:
        self.at = perf_counter()

    def __call__(self) -> float:
        """The moment."""
        return self.at


async def at_once() -> float:
    """Begin now."""
    return perf_counter()


def generate(work: Work, on_progress: OnProgress | None, begin: Begin = at_once) -> Generated:
    """Do the work to its end. What goes wrong with the target is recorded, never raised.

    `on_progress` is called on the event loop twice a second, so it has to be quick.
    """
    with quiet_collector(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_generate(work, on_progress, begin))


async def _generate(work: Work, on_progress: OnProgress | None, begin: Begin) -> Generated:
    parts = {
        kind: (part, share)
        for kind, part in parts_of(work.scenario).items()
        if (share := share_of(part, work.number, work.processes)) is not None
    }
    start = Start()
    runners = {kind: _runner(part, share, work.target, start) for kind, (part, share) in parts.items()}
    running = {runner: parts[kind][0].load for kind, runner in runners.items()}

    async def settle() -> float:
        gc.freeze()  # what was made ready for the load is to stop the clock no more than what was there before
        return await begin()

    return await drive(
        runners,
        start,
        settle,
        lambda monitor: ProgressReporter(running, monitor, work.calibration, start.at, on_progress),
    )


async def drive(
    runners: Mapping[str, Runner],
    start: Start,
    begin: Begin = at_once,
    telling: Callable[[Monitor], ProgressReporter] | None = None,
) -> Generated:
    """Prepare the runners of all parts, let them send their loads at one time, and close them."""
    monitor = Monitor()
    for runner in runners.values():
        monitor.watch(runner.sweep)
    monitor.start()
    try:
        for runner in runners.values():
            await runner.prepare()
        start.at = await begin()
        started_at = datetime.now(UTC)
        monitor.reset()
        teller = telling(monitor) if telling is not None else None
        if teller is not None:
            monitor.watch(teller)
        await asyncio.gather(*(runner.run() for runner in runners.values()))
        if teller is not None:
            teller.tell(perf_counter())
    finally:
        for runner in runners.values():
            await runner.close()
    return Generated(started_at, {kind: runner.recorder for kind, runner in runners.items()}, monitor.stop())


def _runner(whole: PartScenario, share: Share, target: Target, start: Callable[[], float]) -> Runner:
    part = shared(whole, share)
    match part, whole.load:
        case HttpScenario(load=ClosedLoad() | WorkerStagesLoad() as load), ClosedLoad() | WorkerStagesLoad() as profile:
            return ClosedRunner(part, load, target, shifts=own_shifts(profile, share), numbers=share.numbers)
        case HttpScenario(load=OpenLoad() | StagesLoad() as load), OpenLoad() | StagesLoad() as profile:
            pacer = SharedPacer(pacer_of(profile), share)
            return OpenRunner(part, load, target, pacer=pacer, start=start, numbers=share.numbers)
        case ConnectionsScenario(), _:
            return ConnectionsRunner(part, part.load, target)
        case BroadcastScenario(), _:
            return BroadcastRunner(part, part.load, target)
        case _:
            raise TypeError(f"{whole.name}: a share of another kind than the whole")


@contextlib.contextmanager
def quiet_collector() -> Iterator[None]:
    """Keep the collector off what was there before: a pass over a large heap (Airflow's) stops the clock for 0.1 s."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
