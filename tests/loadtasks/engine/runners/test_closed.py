"""Closed loads as a target sees them: think times, and workers that come and go."""

import asyncio
import socket
import threading
import time
from collections import Counter
from itertools import pairwise

import pytest
import uvloop
from hypothesis import strategies as st

from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.worker_schedule import WorkerSchedule, schedules_of
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.engine.runners.closed import ClosedRunner, _Worker
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.load import ClosedLoad, WorkerStage, WorkerStagesLoad
from loadtasks.scenarios.model import Request
from tests.loadtasks.engine.http_runs import TEN, run, run_against, scenario
from tests.servers import ScriptedServer, answering, free_port, ok, scripted

Load = ClosedLoad | WorkerStagesLoad
STAGES = st.lists(st.tuples(st.integers(0, 12), st.floats(0.1, 20)), min_size=1, max_size=5)


def ramp(*stages: tuple[int, float], start: int = 0, **settings: object) -> WorkerStagesLoad:
    return WorkerStagesLoad(
        start_workers=start,
        stages=tuple(WorkerStage(workers=workers, duration_s=seconds) for workers, seconds in stages),
        **settings,
    )


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


def test_a_worker_thinks_between_a_response_and_its_next_request() -> None:
    watch = Watch()
    with scripted(watch) as server:
        measurement = exercise(server.url, ClosedLoad(workers=2, requests=8, think_time_s=0.1))
    assert measurement.counts.completed == 8
    assert len({port for *_, port in watch.came}) == 2
    by_worker = [
        [request for request in watch.came if request[2] == port] for port in {port for *_, port in watch.came}
    ]
    for came in by_worker:
        assert all(later[0] - earlier[1] >= 0.09 for earlier, later in pairwise(came))


class Noting(ClosedRunner):
    """Notes which worker sends at which second of the load."""

    def __init__(self, load: Load, server: ScriptedServer, **settings: object) -> None:
        sent = scenario(load, **settings)
        super().__init__(sent, load, RequestSource(sent, Target(server.url)), schedules_of(load))
        self.noted: list[tuple[WorkerSchedule, float]] = []

    def _send(self, worker: _Worker, exchange: Exchange) -> None:
        self.noted.append((worker.schedule, exchange.due - self._start))
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
    assert {schedule.worker for schedule, _ in runner.noted} == {0, 1, 2, 3}
    assert watch.most_at_once <= 4
    early_s = 0.002  # the loop's timers count whole milliseconds
    for schedule, at_s in runner.noted:
        assert any(span.start_s - early_s <= at_s < span.stop_s for span in schedule.spans), (schedule, at_s)


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


def test_a_hanging_target_ends_and_the_rest_is_dropped() -> None:
    def hang(connection: socket.socket, request: bytes) -> bool:
        time.sleep(1)
        return False

    load = ClosedLoad(workers=1, requests=50, max_duration_s=0.2)
    measurement = run_against(hang, scenario(load, timeout_s=0.3))
    assert measurement.counts.scheduled == 50
    assert measurement.counts.dropped >= 48
    assert measurement.response.count == measurement.counts.failed


def test_warm_up_is_sent_over_the_same_connections_and_not_counted() -> None:
    with scripted(answering(ok())) as server:
        measurement = run(server, scenario(TEN, warmup_requests=6))
        assert measurement.counts.scheduled == 10
        assert len(server.requests) == 16
        assert server.connections == 2
        assert measurement.response.count == 10
        assert measurement.phases["connect"].count == 2


def test_requests_are_cycled_through_in_order() -> None:
    with scripted(answering(ok())) as server:
        cycle = tuple(Request(path=f"/{name}") for name in "abc")
        run(server, scenario(ClosedLoad(workers=1, requests=7), *cycle))
        assert [request.split(b" ")[1] for request in server.requests] == [b"/a", b"/b", b"/c"] * 2 + [b"/a"]


def test_a_duration_ends_the_load() -> None:
    def slowly(connection: socket.socket, request: bytes) -> bool:
        time.sleep(0.02)
        connection.sendall(ok())
        return True

    measurement = run_against(slowly, scenario(ClosedLoad(workers=2, duration_s=0.5)))
    assert measurement.counts.completed == measurement.counts.scheduled
    assert 0 < measurement.counts.completed <= 2 * (0.5 / 0.02 + 1)
