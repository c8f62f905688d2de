"""A closed load profile: each worker sends its next request when it has the answer to the last.

A worker has one connection and at most one exchange under way. Its life:

    next ──connected──► sent ──answer──► judged ──read back?──► recorded ──think time──► next, while its shift lasts
      ├──not connected──► connecting ──failed──► recorded as failed, a pause ──► recorded as above
      └──its shift is over──► its connection is closed; it comes back with its next shift, if it has one
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Sequence
from functools import partial
from time import perf_counter

from loadtasks.engine.http.connection import ConnectionState, HttpConnection
from loadtasks.engine.http.exchange import Exchange, Problem
from loadtasks.engine.http.response_recording import answer_problem, read_back_problem, record
from loadtasks.engine.net.connector import ConnectError, Connector
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.worker_schedule import Span, WorkerSchedule, shifts_of
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.runners.base import Numbers, Source
from loadtasks.measurement.errors import ErrorCode
from loadtasks.scenarios.load import ClosedLoad, WorkerStagesLoad
from loadtasks.scenarios.model import HttpScenario
from loadtasks.scenarios.think_time import ThinkTime

PAUSE_AFTER_REFUSAL_S = 0.1
"""A worker that can't connect doesn't try again at once: a dead target must not become a busy loop."""
_WITHOUT_END = Span(0.0, float("inf"))


class _Worker:
    """One worker: its connection, the exchange it wants to make, and the one it is reading back."""

    def __init__(self, shift: WorkerSchedule, think_time: ThinkTime | None) -> None:
        self.shift = shift
        self.think = None if think_time is None else partial(think_time.draw, think_time.chance(shift.worker))
        self.spans: deque[Span] = deque()
        """Those still to come."""
        self.until = 0.0
        """When the span at hand is over."""
        self.connection: HttpConnection | None = None
        self.exchange: Exchange | None = None
        self.read_back_of: Exchange | None = None
        self.connecting: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        """Its think time, or the wait for its next span."""


class ClosedRunner:
    """Drives one HTTP scenario with a closed profile."""

    def __init__(
        self,
        scenario: HttpScenario,
        load: ClosedLoad | WorkerStagesLoad,
        target: Target,
        *,
        shifts: Sequence[WorkerSchedule] | None = None,
        numbers: Numbers = itertools.count,
        source: Source | None = None,
    ) -> None:
        self.recorder = Recorder()
        self._scenario = scenario
        self._load = load
        self._source = source or Source(
            scenario.requests, target, feeder=scenario.feeder, read_back=scenario.read_back, numbers=numbers
        )
        self._connector = Connector(target, scenario.connect_timeout_s)
        self._workers = [_Worker(shift, load.think_time_s) for shift in (shifts_of(load) if shifts is None else shifts)]
        self._start = 0.0
        self._limit: int | None = None
        self._thinks = False
        self._active = 0
        self._finished: asyncio.Future[None] | None = None

    @property
    def expected(self) -> int | None:
        """How many requests the profile schedules in all."""
        return self._load.requests if isinstance(self._load, ClosedLoad) else None

    async def prepare(self) -> None:
        """Warm up over the workers' own connections; the connects are timed, nothing else is counted."""
        measured, self.recorder = self.recorder, Recorder()
        if self._scenario.warmup_requests:
            for worker in self._workers:
                worker.spans = deque([_WITHOUT_END])
            await self._drive(self._scenario.warmup_requests)
        measured.take_phase("connect", self.recorder)
        self.recorder = measured
        self._source.rewind()

    async def run(self) -> None:
        """Send the load; ends when every scheduled request has come to its end."""
        for worker in self._workers:
            worker.spans = deque(worker.shift.spans)
        self._thinks = self._load.think_time_s is not None
        await self._drive(self.expected)
        if isinstance(self._load, ClosedLoad) and self._load.requests is not None:
            unsent = self._load.requests - self.recorder.scheduled
            if unsent:
                over = f"the load's {self._load.max_duration_s:g} s (max_duration_s) were over"
                self.recorder.never_send(unsent, f"not sent: {over}")

    def sweep(self, now: float) -> None:
        """Time out what has waited too long."""
        timeout_s = self._scenario.timeout_s
        for worker in self._workers:
            connection = worker.connection
            if connection is not None and connection.waited_s(now) > timeout_s:
                connection.abort(ErrorCode.TIMEOUT, f"no whole answer within {timeout_s:g} s")

    async def close(self) -> None:
        """Close every connection; what was under way is in flight at the deadline."""
        now = perf_counter()
        self._rest_no_more()
        for worker in self._workers:
            if worker.connecting is not None:
                worker.connecting.cancel()
            pending = worker.read_back_of or worker.exchange
            if pending is not None:
                self.recorder.abandon(pending.due, pending.sent or pending.due, now)
            if worker.connection is not None:
                worker.connection.close()

    async def _drive(self, limit: int | None) -> None:
        """Let every worker work through its spans, until they or the requests are used up."""
        self._limit = limit
        self._active = len(self._workers)
        self._finished = asyncio.get_running_loop().create_future()
        self._start = perf_counter()
        for worker in self._workers:
            self._next_span(worker)
        await self._finished
        self._rest_no_more()

    def _next_span(self, worker: _Worker) -> None:
        if not worker.spans:
            self._leave()
            return
        start_s, stop_s = worker.spans.popleft()
        worker.until = self._start + stop_s
        if start_s > 0:
            self._later(worker, self._start + start_s - perf_counter())
        else:
            self._next(worker)

    def _next(self, worker: _Worker) -> None:
        now = perf_counter()
        if self._limit is not None and self.recorder.scheduled >= self._limit:
            self._leave()
        elif now >= worker.until:
            self._end_span(worker)
        else:
            self.recorder.scheduled += 1
            worker.exchange = self._source.next(now)
            self._send(worker, worker.exchange)

    def _end_span(self, worker: _Worker) -> None:
        if worker.connection is not None:
            worker.connection.close()
            worker.connection = None
        self._next_span(worker)

    def _leave(self) -> None:
        """A worker has nothing more to do; those that only rest need not wake up when no request is left for them."""
        self._active -= 1
        used_up = self._limit is not None and self.recorder.done >= self._limit
        if (used_up or not self._active) and self._finished is not None and not self._finished.done():
            self._finished.set_result(None)

    def _later(self, worker: _Worker, seconds: float) -> None:
        worker.timer = asyncio.get_running_loop().call_later(max(0.0, seconds), self._next, worker)

    def _rest_no_more(self) -> None:
        for worker in self._workers:
            if worker.timer is not None:
                worker.timer.cancel()

    def _send(self, worker: _Worker, exchange: Exchange) -> None:
        connection = worker.connection
        if connection is None or connection.state is not ConnectionState.IDLE:
            worker.connecting = asyncio.get_running_loop().create_task(self._connect(worker, exchange))
            return
        connection.send(exchange)
        exchange.due = exchange.sent  # in a closed profile a request is due when it can be sent

    async def _connect(self, worker: _Worker, exchange: Exchange) -> None:
        worker.connection = None
        connection = HttpConnection(lambda answered: self._answered(worker, answered))
        try:
            self.recorder.phase("connect", await self._connector.connect_http(connection))
        except ConnectError as error:
            exchange.refuse(error.problem, perf_counter())
            await asyncio.sleep(PAUSE_AFTER_REFUSAL_S)
            worker.connecting = None
            self._answered(worker, exchange)
            return
        worker.connecting = None
        worker.connection = connection
        self._send(worker, exchange)

    def _answered(self, worker: _Worker, exchange: Exchange) -> None:
        written = worker.read_back_of
        if written is not None:
            worker.read_back_of = None
            self._end(worker, written, read_back_problem(exchange, written.wire.request.json_body))
            return
        problem = answer_problem(exchange)
        if problem is None and self._scenario.read_back is not None:
            worker.read_back_of = exchange
            self._send(worker, self._source.read_back(exchange, perf_counter()))
            return
        self._end(worker, exchange, problem)

    def _end(self, worker: _Worker, exchange: Exchange, problem: Problem | None) -> None:
        record(self.recorder, exchange, problem)
        worker.exchange = None
        if self._thinks and worker.think is not None:
            self._pause(worker, worker.think())
        else:
            self._next(worker)

    def _pause(self, worker: _Worker, seconds: float) -> None:
        """Think before the next request; where the span ends or the requests are used up meanwhile, there is none."""
        if self._limit is not None and self.recorder.scheduled >= self._limit:
            self._leave()
        elif perf_counter() + seconds >= worker.until:
            self._end_span(worker)
        else:
            self._later(worker, seconds)
