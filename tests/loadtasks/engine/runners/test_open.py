"""Open loads as a target sees them: what is due is sent, waits or is dropped."""

import asyncio
import itertools
import socket
import threading
import time

import pytest

from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.pacer import DueTimes, pacer_of
from loadtasks.engine.runners.open import OpenRunner
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.scenarios.load import OpenLoad
from tests.loadtasks.engine.http_runs import run_against, scenario
from tests.servers import answering, ok, scripted


def test_an_open_profile_sends_what_is_due_whatever_the_responses_do() -> None:
    """The target stalls once for 0.4 s: response times hold the waiting, service times of later requests don't."""
    lock = threading.Lock()
    stalled = threading.Event()

    def stall_once(connection: socket.socket, request: bytes) -> bool:
        with lock:
            if not stalled.is_set():
                stalled.set()
                time.sleep(0.4)
        connection.sendall(ok())
        return True

    load = OpenLoad(rate=100, duration_s=1.0, max_connections=1)
    measurement = run_against(stall_once, scenario(load))
    assert measurement.counts.scheduled == measurement.counts.completed == 100
    waited = sum(count for upper_s, count in measurement.response.steps() if upper_s > 0.1)
    believed = sum(count for upper_s, count in measurement.service.steps() if upper_s > 0.1)
    assert waited >= 25
    assert believed <= 3
    assert measurement.health.waited_for_connection >= 25


def test_what_finds_no_connection_within_the_queue_timeout_is_dropped() -> None:
    def hang(connection: socket.socket, request: bytes) -> bool:
        time.sleep(0.8)
        connection.sendall(ok())
        return True

    load = OpenLoad(rate=20, duration_s=0.5, max_connections=1, queue_timeout_s=0.2)
    measurement = run_against(hang, scenario(load))
    assert measurement.counts.scheduled == 10
    assert measurement.counts.dropped >= 7
    assert measurement.response.count == 10


def test_due_times_are_the_profiles_to_the_microsecond() -> None:
    """Were due the moment of dispatch, a generator that is late would hide its own lateness."""
    load = OpenLoad(rate=100, duration_s=0.3)
    due: list[float] = []

    async def drive(target: Target) -> None:
        sent = scenario(load)
        source, due_times = RequestSource(sent, target), DueTimes(pacer_of(load))
        runner = OpenRunner(sent, load, source, due_times, lambda exchange, _: due.append(exchange.due))
        await runner.prepare()
        await runner.run()
        await runner.close()

    with scripted(answering(ok())) as server:
        asyncio.run(drive(Target(server.url)))
    assert len(due) == 30
    gaps = [later - earlier for earlier, later in itertools.pairwise(sorted(due))]
    assert gaps == pytest.approx([0.01] * 29, abs=1e-6)
