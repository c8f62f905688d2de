"""The phases that every runner goes through."""

import asyncio
from typing import Any

import pytest

from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.load_slice import LoadSlice
from loadtasks.engine.runners.base import Runner, RunnerPhase
from loadtasks.engine.runners.selection import runner_for
from loadtasks.scenarios.load import BroadcastLoad, ClosedLoad, ConnectionsLoad, OpenLoad
from loadtasks.scenarios.model import (
    BroadcastScenario,
    ConnectionsScenario,
    Event,
    HttpScenario,
    PartScenario,
    Publish,
    Request,
)
from tests.loadtasks.engine.websocket.fanout import Fanout, in_thread

COMMON: dict[str, Any] = {"name": "thing.test", "endpoint": "thing", "timeout_s": 5}
REQUEST = Request(method="POST", path="/things")
EVENT = Event(where={"type": "created"}, id="thing.id")
PARTS: dict[str, PartScenario] = {
    "closed": HttpScenario(requests=(REQUEST,), load=ClosedLoad(workers=1, requests=3), warmup_requests=2, **COMMON),
    "open": HttpScenario(requests=(REQUEST,), load=OpenLoad(rate=100, duration_s=0.03), warmup_requests=2, **COMMON),
    "connections": ConnectionsScenario(path="/events", load=ConnectionsLoad(connections=3), **COMMON),
    "broadcast": BroadcastScenario(
        path="/events",
        load=BroadcastLoad(listeners=1, events=3, rate=100),
        publish=Publish(request=REQUEST, id="id"),
        event=EVENT,
        **COMMON,
    ),
}


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_a_runner_goes_through_its_phases_and_counts_what_it_measures(part: PartScenario) -> None:
    phases: list[RunnerPhase] = []

    async def step(runner: Runner, action: str) -> None:
        task = asyncio.ensure_future(getattr(runner, action)())
        await asyncio.sleep(0)
        phases.extend([runner.phase] if not task.done() else [])
        while not task.done():
            runner.sweep(asyncio.get_running_loop().time())
            await asyncio.sleep(0.01)
        await task
        phases.append(runner.phase)

    async def drive(target: Target) -> Runner:
        runner = runner_for(LoadSlice(part), target)
        phases.append(runner.phase)
        await step(runner, "prepare")
        assert runner.recorder.done == 0
        await step(runner, "run")
        await runner.close()
        phases.append(runner.phase)
        return runner

    with in_thread(Fanout()) as url:
        runner = asyncio.run(drive(Target(url)))
    assert phases == list(RunnerPhase)
    assert (runner.recorder.scheduled, runner.recorder.completed) == (3, 3)


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_a_runner_that_is_closed_early_has_counted_nothing(part: PartScenario) -> None:
    async def drive(target: Target) -> Runner:
        runner = runner_for(LoadSlice(part), target)
        await runner.prepare()
        await runner.close()
        return runner

    with in_thread(Fanout()) as url:
        runner = asyncio.run(drive(Target(url)))
    assert runner.phase is RunnerPhase.CLOSED
    assert (runner.recorder.scheduled, runner.recorder.done) == (0, 0)
