"""Closed loads: think times, and ramps of workers, from their closed form to what a target sees of them."""

import asyncio
import math
import socket
import threading
import time
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.worker_schedule import WorkerSchedule, shifts_of
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.engine.runners.closed import ClosedRunner, _Worker
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.load import ClosedLoad, WorkerStage, WorkerStagesLoad
from loadtasks.scenarios.model import HttpScenario, Request
from loadtasks.scenarios.think_time import ThinkTime
from tests.servers import ScriptedServer, answering, free_port, ok, scripted

Load = ClosedLoad | WorkerStagesLoad
STAGES = st.lists(st.tuples(st.integers(0, 12), st.floats(0.1, 20)), min_size=1, max_size=5)


def ramp(*stages: tuple[int, float], start: int = 0, **settings: object) -> WorkerStagesLoad:
    return WorkerStagesLoad(
        start_workers=start,
        stages=tuple(WorkerStage(workers=workers, duration_s=seconds) for workers, seconds in stages),
        **settings,
    )


def at_work(shifts: list[WorkerSchedule], at_s: float) -> int:
    return sum(any(span.start_s <= at_s < span.stop_s for span in shift.spans) for shift in shifts)


def line(start: int, stages: list[tuple[int, float]], at_s: float) -> float:
    """How many workers the ramp's line asks for at a time."""
    before = start
    for workers, seconds in stages:
        if at_s < seconds:
            return before + (workers - before) * at_s / seconds
        before, at_s = workers, at_s - seconds
    return 0.0


@given(start=st.integers(0, 12), stages=STAGES, part=st.floats(0, 1, exclude_max=True))
def test_as_many_work_as_the_line_has_reached(start: int, stages: list[tuple[int, float]], part: float) -> None:
    if not any((start, *(workers for workers, _ in stages))):
        return
    at_s = part * sum(seconds for _, seconds in stages)
    wanted = line(start, stages, at_s)
    if abs(wanted - round(wanted)) > 1e-6:  # where the line crosses a number, rounding decides
        assert at_work(shifts_of(ramp(*stages, start=start)), at_s) == math.ceil(wanted)


@given(start=st.integers(0, 12), stages=STAGES)
def test_spans_are_in_order_apart_and_within_the_load(start: int, stages: list[tuple[int, float]]) -> None:
    if not any((start, *(workers for workers, _ in stages))):
        return
    load = ramp(*stages, start=start)
    shifts = shifts_of(load)
    assert [shift.worker for shift in shifts] == list(range(load.max_workers))
    for shift in shifts:
        times = [time_s for span in shift.spans for time_s in span]
        assert times
        assert all(earlier < later for earlier, later in pairwise(times))
        assert times[0] >= 0
        assert times[-1] <= load.duration_s + 1e-9


def test_a_ramp_up_and_down_in_numbers() -> None:
    shifts = shifts_of(ramp((4, 8), (4, 10), (0, 4)))
    assert [shift.spans for shift in shifts] == [((0, 22),), ((2, 21),), ((4, 20),), ((6, 19),)]
    again = shifts_of(ramp((0, 1), (0, 1), (2, 1), start=2))
    assert [shift.spans for shift in again] == [((0, 1), (2, 3)), ((0, 0.5), (2.5, 3))]
    touched = shifts_of(ramp((0, 1), (2, 1), start=2))
    assert [shift.spans for shift in touched] == [((0, 2),), ((0, 0.5), (1.5, 2))]


def test_a_constant_load_is_one_span_for_each_worker() -> None:
    assert shifts_of(ClosedLoad(workers=2, duration_s=5)) == [
        WorkerSchedule(0, ((0, 5),)),
        WorkerSchedule(1, ((0, 5),)),
    ]
    assert shifts_of(ClosedLoad(workers=1, requests=9, max_duration_s=7)) == [WorkerSchedule(0, ((0, 7),))]


def drawn(think_time: ThinkTime, worker: int = 0, count: int = 4000) -> list[float]:
    chance = think_time.chance(worker)
    return [think_time.draw(chance) for _ in range(count)]


def test_pauses_are_constant_even_or_exponential() -> None:
    assert set(drawn(ThinkTime.model_validate(0.25))) == {0.25}
    even = drawn(ThinkTime(min=1, max=3))
    assert 1 <= min(even) < 1.1
    assert 2.9 < max(even) <= 3
    assert np.mean(even) == pytest.approx(2, rel=0.03)
    exponential = drawn(ThinkTime(mean=2))
    assert np.mean(exponential) == pytest.approx(2, rel=0.06)
    assert np.std(exponential) == pytest.approx(2, rel=0.1)


def test_pauses_are_the_same_every_night_and_each_workers_own() -> None:
    think_time = ThinkTime(mean=1, seed=5)
    assert drawn(think_time, count=9) == drawn(think_time, count=9)
    assert drawn(think_time, count=9) != drawn(think_time, worker=1, count=9)
    assert drawn(think_time, count=9) != drawn(ThinkTime(mean=1, seed=6), count=9)


def scenario(load: Load, **settings: object) -> HttpScenario:
    settings = {"warmup_requests": 0, **settings}
    return HttpScenario(name="thing.test", endpoint="thing", requests=(Request(path="/thing"),), load=load, **settings)


def exercise(url: str, load: Load, **settings: object) -> Measurement:
    (measurement,) = run_scenario(scenario(load, **settings), Target(url))
    assert measurement.conservation_gap == 0
    return measurement


class Watch:
    """A target that notes when each request came, when it was answered, and over which connection."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.came: list[tuple[float, float, int]] = []
        self.delay_s = delay_s
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        came = time.perf_counter()
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.delay_s)
        with self.lock:
            self.at_once -= 1
            self.came.append((came, time.perf_counter(), connection.getpeername()[1]))
        connection.sendall(ok())
        return True


def test_a_worker_thinks_between_an_answer_and_its_next_request() -> None:
    watch = Watch()
    with scripted(watch) as server:
        measurement = exercise(server.url, ClosedLoad(workers=2, requests=8, think_time_s=0.1))
    assert measurement.counts.completed == 8
    assert len({port for *_, port in watch.came}) == 2
    by_worker = [[each for each in watch.came if each[2] == port] for port in {port for *_, port in watch.came}]
    for came in by_worker:
        assert all(later[0] - earlier[1] >= 0.09 for earlier, later in pairwise(came))


class Noting(ClosedRunner):
    """Notes which worker wanted to send at which second of the load."""

    def __init__(self, load: Load, server: ScriptedServer, **settings: object) -> None:
        super().__init__(scenario(load, **settings), load, Target(server.url))
        self.noted: list[tuple[WorkerSchedule, float]] = []

    def _send(self, worker: _Worker, exchange: Exchange) -> None:
        self.noted.append((worker.shift, exchange.due - self._start))
        super()._send(worker, exchange)

    def drive(self) -> Recorder:
        """Drive the load to its end; one that hangs is given up."""

        async def drive() -> None:
            try:
                await asyncio.wait_for(self.prepare(), 30)
                self.noted.clear()
                await asyncio.wait_for(self.run(), 30)
            finally:
                await self.close()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(drive())
        assert self.recorder.done == self.recorder.scheduled
        return self.recorder


AN_HOUR = 3600.0


def test_thinking_is_neither_counted_nor_timed_nor_done_while_warming_up() -> None:
    with scripted(answering(ok())) as server:
        recorder = Noting(ClosedLoad(workers=1, requests=1, think_time_s=AN_HOUR), server, warmup_requests=5).drive()
        assert len(server.requests) == 6
    assert recorder.completed == 1


@pytest.mark.parametrize(
    ("load", "completed", "dropped"),
    [
        (ClosedLoad(workers=3, requests=4, max_duration_s=0.3, think_time_s=AN_HOUR), 3, 1),
        (ClosedLoad(workers=2, duration_s=0.2, think_time_s=AN_HOUR), 2, 0),
        (ramp((2, 0.2), think_time_s=AN_HOUR), 2, 0),
    ],
)
def test_nobody_waits_for_a_worker_that_would_think_beyond_the_end(load: Load, completed: int, dropped: int) -> None:
    with scripted(answering(ok())) as server:
        recorder = Noting(load, server).drive()
    assert (recorder.completed, recorder.dropped) == (completed, dropped)


def test_those_who_think_when_no_request_is_left_are_not_waited_for() -> None:
    with scripted(answering(ok())) as server:
        runner = Noting(ClosedLoad(workers=2, requests=5, max_duration_s=2 * AN_HOUR, think_time_s=1), server)
        slow, quick = runner._workers
        slow.think, quick.think = (lambda: AN_HOUR), (lambda: 0.0)
        assert runner.drive().completed == len(server.requests) == 5


def test_workers_come_and_go_as_the_ramp_says() -> None:
    watch = Watch(delay_s=0.01)
    with scripted(watch) as server:
        runner = Noting(ramp((4, 0.8), (4, 0.4), (0, 0.8)), server)
        recorder = runner.drive()
        assert server.connections == 4
    assert recorder.completed == recorder.scheduled == len(watch.came)
    assert {shift.worker for shift, _ in runner.noted} == {0, 1, 2, 3}
    assert watch.most_at_once <= 4
    early_s = 0.002  # the loop's timers count whole milliseconds
    for shift, at_s in runner.noted:
        assert any(span.start_s - early_s <= at_s < span.stop_s for span in shift.spans), (shift, at_s)


def test_a_worker_that_is_ramped_down_finishes_its_request_and_may_come_back() -> None:
    watch = Watch(delay_s=0.3)
    with scripted(watch) as server:
        recorder = Noting(ramp((0, 0.1), (0, 0.5), (1, 0.1), start=1), server).drive()
        assert server.connections == 2
    assert recorder.completed == recorder.scheduled == len(watch.came) == 2


@pytest.mark.parametrize("load", [ClosedLoad(workers=3, duration_s=0.3, think_time_s=0.05), ramp((3, 0.3), (0, 0.2))])
def test_every_request_is_accounted_for_whatever_goes_wrong(load: Load) -> None:
    turns: Counter[str] = Counter()

    def unreliable(connection: socket.socket, request: bytes) -> bool:
        turns["all"] += 1
        what = turns["all"] % 4
        if what == 0:
            return False
        if what == 1:
            time.sleep(0.3)
        connection.sendall(ok() if what != 2 else b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        return what != 2

    with scripted(unreliable) as server:
        measurement = exercise(server.url, load, timeout_s=0.1)
    assert {error.code for error in measurement.errors} <= {"cut", "timeout"}
    assert measurement.counts.failed > 0
    refused = exercise(f"http://127.0.0.1:{free_port()}", load)
    assert refused.counts.failed == refused.counts.scheduled > 0


def test_a_ramp_that_is_shared_by_processes_is_the_same_ramp() -> None:
    with scripted(answering(ok())) as server:
        shared = scenario(ramp((3, 0.4), think_time_s=AN_HOUR))
        (measurement,) = run_scenario(shared, Target(server.url), processes=2)
        assert server.connections == 3
    assert measurement.counts.completed == measurement.counts.scheduled == 3
