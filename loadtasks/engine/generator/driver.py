"""The load generator of one process: it drives a share of a scenario, and is monitored meanwhile."""

import asyncio
import contextlib
import gc
import itertools
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

import uvloop

from loadtasks.engine.generator.monitor import GeneratorObservation, Monitor
from loadtasks.engine.generator.progress import OnProgress, ProgressReporter
from loadtasks.engine.internal_errors import LoopGuard
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.shares import share_of, share_slice
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.runners.base import Runner
from loadtasks.engine.runners.selection import runner_for
from loadtasks.measurement.health import Calibration
from loadtasks.scenarios.model import Scenario, parts_of

_LOADS_PER_COLLECTION = 5
_loads = itertools.count(1)
"""Numbers the loads of this process."""
Begin = Callable[[], Awaitable[float]]
"""Waits until the load begins, and returns that time (of `time.perf_counter`)."""


@dataclass(frozen=True)
class Work:
    """What one process has to do: drive its share of a scenario."""

    scenario: Scenario
    target: Target
    number: int = 0
    """Which of the processes this is, from 0."""
    processes: int = 1
    """How many processes share the scenario."""
    calibration: Calibration | None = None
    """What the generator can do at best, for the progress that it reports."""

    @property
    def process(self) -> str:
        """The process as people read it: `process 1 of 2`."""
        return f"process {self.number + 1} of {self.processes}"


@dataclass(frozen=True)
class GeneratedLoad:
    """What one process recorded of the load that it generated, and what its monitor saw of the process meanwhile."""

    started_at: datetime
    recorders: dict[str, Recorder]
    """By part; its name is empty for a scenario that isn't mixed."""
    observation: GeneratorObservation

    @property
    def recorder(self) -> Recorder:
        """What all parts recorded together."""
        return Recorder.merged(self.recorders.values())


class Start:
    """The time (of `time.perf_counter`) at which a load begins; known once all runners are prepared."""

    def __init__(self) -> None:
        self.at = perf_counter()

    def __call__(self) -> float:
        """The time."""
        return self.at


async def at_once() -> float:
    """Begin now."""
    return perf_counter()


def generate(work: Work, on_progress: OnProgress | None, begin: Begin = at_once) -> GeneratedLoad:
    """Do the work to its end. What goes wrong with the target is recorded, never raised.

    `on_progress` is called on the event loop twice a second, so it has to be quick.
    """
    with quiet_collector(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_generate(work, on_progress, begin))


async def _generate(work: Work, on_progress: OnProgress | None, begin: Begin) -> GeneratedLoad:
    parts, start = parts_of(work.scenario), Start()
    runners = {
        name: runner_for(share_slice(part, share), work.target, start=start)
        for name, part in parts.items()
        if (share := share_of(part, work.number, work.processes)) is not None
    }
    running = {runner: parts[name].load for name, runner in runners.items()}

    async def settle() -> float:
        gc.freeze()  # what was prepared for the load must not make a collection longer
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
    reporter_for: Callable[[Monitor], ProgressReporter] | None = None,
) -> GeneratedLoad:
    """Prepare the runners of all parts, let them send their loads at the same time, and close them.

    Args:
        runners: by part.
        start: is set to the time at which the loads begin.
        begin: waits for that time, once all runners are prepared.
        reporter_for: makes what reports the progress, from the monitor; without it none is reported.
    """
    monitor = Monitor()
    for runner in runners.values():
        monitor.watch(runner.sweep)
    guard = LoopGuard()
    monitor.start()
    try:
        for runner in runners.values():
            await guard.run(runner.prepare())
        start.at = await begin()
        started_at = datetime.now(UTC)
        monitor.reset()
        reporter = reporter_for(monitor) if reporter_for is not None else None
        if reporter is not None:
            monitor.watch(reporter)
        await guard.run(_together(runners.values()))
        if reporter is not None:
            reporter.report(perf_counter())
    finally:
        for runner in runners.values():
            await runner.close()
        await asyncio.sleep(0)  # connections hear of their end in the loop's next turn, and may fail on that
        await asyncio.sleep(0)
        if guard.failure is not None:
            for runner in runners.values():
                runner.recorder.break_off(guard.failure)
    return GeneratedLoad(started_at, {name: runner.recorder for name, runner in runners.items()}, monitor.stop())


async def _together(runners: Collection[Runner]) -> None:
    await asyncio.gather(*(runner.run() for runner in runners))


@contextlib.contextmanager
def quiet_collector() -> Iterator[None]:
    """Keep the garbage collector off what is there already: a pass over a large heap (Airflow's) takes 0.1 s and more.

    For the same reason nothing is collected before: garbage of the past can wait until the load has ended, and until
    there is some: a load leaves 2 to 3 MB.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if next(_loads) % _LOADS_PER_COLLECTION == 0:
            gc.collect()
