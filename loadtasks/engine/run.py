"""One scenario run against a target: its measurement, and one for each part of a mixed scenario."""

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

import uvloop

from loadtasks.engine.broadcast import BroadcastRunner
from loadtasks.engine.closed import ClosedRunner
from loadtasks.engine.connections import ConnectionsRunner
from loadtasks.engine.fitness import health
from loadtasks.engine.measurement import Calibration, Measurement
from loadtasks.engine.monitor import Monitor
from loadtasks.engine.open import OpenRunner
from loadtasks.engine.recorder import Recorder
from loadtasks.engine.runner import Runner
from loadtasks.engine.target import Target
from loadtasks.scenarios.load import ClosedLoad, OpenLoad, StagesLoad
from loadtasks.scenarios.model import (
    BroadcastScenario,
    ConnectionsScenario,
    HttpScenario,
    MixedScenario,
    Scenario,
    load_sentence,
)

_TELL_EVERY_S = 0.5


@dataclass(frozen=True)
class Progress:
    """How far a scenario is."""

    done: int
    expected: int | None
    """None where only time ends the load."""
    elapsed_s: float


OnProgress = Callable[[Progress], None]


def run_scenario(
    scenario: Scenario,
    target: Target,
    on_progress: OnProgress | None = None,
    *,
    calibration: Calibration | None = None,
) -> list[Measurement]:
    """Run one scenario to its end. Returns the whole first, then the parts of a mixed scenario.

    What goes wrong with the target is measured, never raised. `on_progress` is called on the event loop twice a second,
    so it has to be quick. `calibration` says what the generator can do at best; it is kept with the measurement.
    """
    with _quiet_collector(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(scenario, target, on_progress, calibration))


async def _run(
    scenario: Scenario, target: Target, on_progress: OnProgress | None, calibration: Calibration | None
) -> list[Measurement]:
    parts = scenario.parts if isinstance(scenario, MixedScenario) else {"": scenario}
    runners = {kind: _runner(part, target) for kind, part in parts.items()}
    monitor = Monitor()
    for runner in runners.values():
        monitor.watch(runner.sweep)
    monitor.start()
    try:
        for runner in runners.values():
            await runner.prepare()
        started_at = datetime.now(UTC)
        monitor.reset()
        if on_progress is not None:
            monitor.watch(_teller(list(runners.values()), on_progress))
        await asyncio.gather(*(runner.run() for runner in runners.values()))
    finally:
        for runner in runners.values():
            await runner.close()
    observation = monitor.stop()
    recorders = {kind: runner.recorder for kind, runner in runners.items()}
    whole = Recorder()
    for recorder in recorders.values():
        whole.merge(recorder)
    fitness = health([observation], whole, calibration)

    def measured(recorder: Recorder, of: Scenario, kind: str) -> Measurement:
        return recorder.measurement(
            scenario=scenario.name,
            part=kind,
            endpoint=of.endpoint,
            scenario_hash=of.hash,
            load=load_sentence(of),
            started_at=started_at,
            health=fitness,
        )

    return [
        measured(whole, scenario, ""),
        *(measured(recorders[kind], part, kind) for kind, part in parts.items() if kind),
    ]


def _runner(scenario: Scenario, target: Target) -> Runner:
    match scenario:
        case HttpScenario(load=ClosedLoad() as load):
            return ClosedRunner(scenario, load, target)
        case HttpScenario(load=OpenLoad() | StagesLoad() as load):
            return OpenRunner(scenario, load, target)
        case ConnectionsScenario():
            return ConnectionsRunner(scenario, scenario.load, target)
        case BroadcastScenario():
            return BroadcastRunner(scenario, scenario.load, target)
        case _:
            raise TypeError(f"{scenario.name}: a mixed scenario can't be a part")


def _teller(runners: list[Runner], on_progress: OnProgress) -> Callable[[float], None]:
    began = perf_counter()
    expected = [runner.expected for runner in runners]
    total = None if None in expected else sum(count for count in expected if count is not None)
    told = began

    def tell(now: float) -> None:
        nonlocal told
        if now - told >= _TELL_EVERY_S:
            told = now
            on_progress(Progress(sum(runner.recorder.done for runner in runners), total, now - began))

    return tell


@contextlib.contextmanager
def _quiet_collector() -> Iterator[None]:
    """Keep the collector off what was there before: a pass over a large heap (Airflow's) stops the clock for 0.1 s."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
