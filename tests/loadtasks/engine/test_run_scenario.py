"""A run's frame: the generator's health, progress, and a target that dies under way."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from loadtasks.engine.generator.health import health
from loadtasks.engine.generator.monitor import TICK_S, GeneratorObservation, Monitor
from loadtasks.engine.generator.progress import Progress
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.measurement.health import SaturationCode
from loadtasks.scenarios.load import ClosedLoad, OpenLoad
from loadtasks.scenarios.model import HttpScenario, Request
from tests.app.service import prepare, running
from tests.servers import answering, ok, scripted


def thing(load: ClosedLoad | OpenLoad) -> HttpScenario:
    return HttpScenario(
        name="thing.test", endpoint="thing", requests=(Request(path="/healthz"),), load=load, warmup_requests=0
    )


def kill(master: int) -> None:
    subprocess.run(["pkill", "-KILL", "-P", str(master)], check=True)
    os.kill(master, signal.SIGKILL)


def test_a_target_that_dies_ends_the_scenario_by_itself_and_every_request_is_accounted_for(tmp_path: Path) -> None:
    with running(prepare(tmp_path, 10), tmp_path) as service:
        killed: list[int] = []

        def kill_once_something_was_measured(reached: Progress) -> None:
            if reached.done and not killed:
                killed.append(service.process.pid)
                kill(service.process.pid)

        load = ClosedLoad(workers=4, duration_s=3)
        (measurement,) = run_scenario(thing(load), Target(service.url), kill_once_something_was_measured)
    assert measurement.conservation_gap == 0
    assert measurement.counts.completed > 0, measurement.errors
    assert measurement.counts.failed > 0
    assert {error.code for error in measurement.errors} <= {"cut", "refused", "unreachable"}
    assert measurement.response.count == measurement.counts.completed


def test_a_warm_up_slower_than_a_tick_is_waited_for_and_not_counted() -> None:
    def slowly(connection: socket.socket, request: bytes) -> bool:
        time.sleep(5 * TICK_S)
        connection.sendall(ok())
        return True

    scenario = thing(OpenLoad(rate=20.0, duration_s=0.2)).model_copy(update={"warmup_requests": 3})
    with scripted(slowly) as server:
        (measurement,) = run_scenario(scenario, Target(server.url))
        assert len(server.requests) == 3 + 4
    assert (measurement.counts.scheduled, measurement.counts.completed, measurement.counts.in_flight) == (4, 4, 0)


def test_progress_is_reported_while_the_load_runs() -> None:
    reported: list[Progress] = []
    with scripted(answering(ok())) as server:
        run_scenario(thing(ClosedLoad(workers=1, duration_s=1.3)), Target(server.url), reported.append)
    assert len(reported) >= 1
    assert [progress.done for progress in reported] == sorted(progress.done for progress in reported)
    assert reported[0].expected is None


async def _watched(seconds: float, block_s: float) -> GeneratorObservation:
    monitor = Monitor()
    monitor.watch(lambda now: time.sleep(block_s))
    monitor.start()
    await asyncio.sleep(seconds)
    return monitor.stop()


@pytest.mark.parametrize(("block_s", "healthy"), [(0.0, True), (0.15, False)])
def test_a_generator_whose_loop_is_blocked_is_saturated(block_s: float, healthy: bool) -> None:
    saturation = health([(asyncio.run(_watched(0.6, block_s)), Recorder())], None).saturation
    assert (saturation == []) is healthy
    assert healthy or saturation[0].code is SaturationCode.LOOP_LAG
