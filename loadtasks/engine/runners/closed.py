"""A closed load profile: each worker sends its next request when it has the response to the last one.

A worker has one connection and at most one exchange under way. Its life:

    next ──connected──► sent ──response──► checked ──read back?──► recorded ──think time──► next, while its span lasts
      ├──not connected, or its end has arrived──► connecting ──failed──► a pause ──► recorded as failed, and on as above
      └──its span is over──► its connection is closed; it comes back with its next span, if it has one

The runner's own phases are those of `base`. In WARM_UP every worker works without an end and without think time until
the warm-up requests are used up, and what it records goes to a recorder that is thrown away but for its connects.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from functools import partial
from time import perf_counter

from loadtasks.engine.http.connection import HttpConnection
from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.response_recording import read_back_failure, record_exchange, response_failure
from loadtasks.engine.internal_errors import start
from loadtasks.engine.net.connector import ConnectError, Connector
from loadtasks.engine.net.descriptors import allow_sockets
from loadtasks.engine.profiles.worker_schedule import Span, WorkerSchedule
from loadtasks.engine.recording.failure import RequestFailure
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.runners.base import RunnerPhase
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.measurement.errors import ErrorCode
from loadtasks.scenarios.load import AnyClosedLoad, ClosedLoad
from loadtasks.scenarios.model import HttpScenario
from loadtasks.scenarios.think_time import ThinkTime

PAUSE_AFTER_REFUSAL_S = 0.1
"""A worker that can't connect waits before it tries again: a dead target must not become a busy loop."""
_WITHOUT_END = Span(0.0, float("inf"))


class _Worker:
    """One worker: its connection, the exchange under way, and the one whose result is being read back."""

    def __init__(self, schedule: WorkerSchedule, think_time: ThinkTime | None) -> None:
        self.schedule = schedule
        self.think = None if think_time is None else partial(think_time.draw, think_time.chance(schedule.worker))
        self.spans: deque[Span] = deque()
        """Those still to come."""
        self.until = 0.0
        """When the current span is over, a time of `time.perf_counter`."""
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
        load: AnyClosedLoad,
        source: RequestSource,
        schedules: Sequence[WorkerSchedule],
        lasts_s: float | None = None,
    ) -> None:
        """Prepare to drive.

        Args:
            scenario: what is sent.
            load: its load.
            source: its requests, ready to be sent.
            schedules: when each worker works.
            lasts_s: how long they do; as long as the load says where it is not given.
        """
        self.phase = RunnerPhase.CREATED
        self.recorder = Recorder()
        self._recording = Recorder()
        """The recorder of the current phase: the warm-up's own, then the measurement's."""
        self._scenario = scenario
        self._load = load
        self._lasts_s = lasts_s or load.duration_s
        self._source = source
        self._connector = Connector(source.target, scenario.connect_timeout_s)
        self._workers = [_Worker(schedule, load.think_time_s) for schedule in schedules]
        self._start = 0.0
        self._limit: int | None = None
        """How many requests end the current phase; None where only time does."""
        self._active = 0
        """How many workers still have something to do in the current phase."""
        self._finished: asyncio.Future[None] | None = None

    @property
    def expected(self) -> int | None:
        """How many requests the profile schedules in all."""
        return self._load.requests if isinstance(self._load, ClosedLoad) else None

    async def prepare(self) -> None:
        """Warm up over the workers' own connections. Only the times to connect are kept.

        Where every request would use up a row of the feeder, the connections are opened and nothing is sent.
        """
        self.phase = RunnerPhase.WARM_UP
        allow_sockets(len(self._workers))
        warmed = self._scenario.warmup_requests
        if not self._source.warm_up():
            await asyncio.gather(*(self._open(worker) for worker in self._workers[:warmed]))
        elif warmed:
            for worker in self._workers:
                worker.spans = deque([_WITHOUT_END])
            await self._drive(warmed)
        self.recorder.take_phase("connect", self._recording)
        self._source.rewind()
        self.phase = RunnerPhase.READY

    async def run(self) -> None:
        """Send the load; returns when every scheduled request has ended."""
        self.phase = RunnerPhase.MEASURE
        self._recording = self.recorder
        for worker in self._workers:
            worker.spans = deque(worker.schedule.spans)
        self.recorder.begin(perf_counter(), self._lasts_s)
        await self._drive(self.expected)
        if isinstance(self._load, ClosedLoad) and self._load.requests is not None:
            unsent = self._load.requests - self.recorder.scheduled
            if unsent:
                limit_s = self._load.max_duration_s
                self.recorder.drop_unsent(unsent, f"not sent: the load ended after {limit_s:g} s (max_duration_s)")
        self.phase = RunnerPhase.FINISHED

    def sweep(self, now: float) -> None:
        """Abort the connections whose exchange exceeds the scenario's timeout."""
        timeout_s = self._scenario.timeout_s
        for worker in self._workers:
            connection = worker.connection
            if connection is not None and connection.waited_s(now) > timeout_s:
                connection.abort(ErrorCode.TIMEOUT, f"no complete response within {timeout_s:g} s")

    async def close(self) -> None:
        """Close every connection; what was under way is recorded as in flight."""
        now = perf_counter()
        self.phase = RunnerPhase.CLOSED
        self._cancel_timers()
        for worker in self._workers:
            if worker.connecting is not None:
                worker.connecting.cancel()
            pending = worker.read_back_of or worker.exchange
            if pending is not None:
                self._recording.abandon(pending.due, pending.sent or pending.due, now)
            if worker.connection is not None:
                worker.connection.close()
        self._connector.record(self.recorder)

    async def _drive(self, limit: int | None) -> None:
        """Let every worker work through its spans, until these or the requests are used up."""
        self._limit = limit
        self._active = len(self._workers)
        self._finished = asyncio.get_running_loop().create_future()
        self._start = perf_counter()
        for worker in self._workers:
            self._next_span(worker)
        await self._finished
        self._cancel_timers()

    def _next_span(self, worker: _Worker) -> None:
        if not worker.spans:
            self._leave()
            return
        start_s, stop_s = worker.spans.popleft()
        worker.until = self._start + stop_s
        if start_s > 0:
            self._send_later(worker, self._start + start_s - perf_counter())
        else:
            self._send_next(worker)

    def _send_next(self, worker: _Worker) -> None:
        now = perf_counter()
        if self._limit is not None and self._recording.scheduled >= self._limit:
            self._leave()
        elif now >= worker.until:
            self._end_span(worker)
        else:
            self._recording.scheduled += 1
            worker.exchange = self._source.next(now)
            self._send(worker, worker.exchange)

    def _end_span(self, worker: _Worker) -> None:
        if worker.connection is not None:
            worker.connection.close()
            worker.connection = None
        self._next_span(worker)

    def _leave(self) -> None:
        """A worker has nothing more to do. Those that only think need not wake up when no request is left for them."""
        self._active -= 1
        used_up = self._limit is not None and self._recording.done >= self._limit
        if (used_up or not self._active) and self._finished is not None and not self._finished.done():
            self._finished.set_result(None)

    def _send_later(self, worker: _Worker, seconds: float) -> None:
        worker.timer = asyncio.get_running_loop().call_later(max(0.0, seconds), self._send_next, worker)

    def _cancel_timers(self) -> None:
        for worker in self._workers:
            if worker.timer is not None:
                worker.timer.cancel()

    def _send(self, worker: _Worker, exchange: Exchange) -> None:
        connection = worker.connection
        if connection is None or not connection.can_send(exchange):
            worker.connecting = start(self._connect(worker, exchange))
            return
        connection.send(exchange)
        exchange.due = exchange.sent  # in a closed profile a request is due when it can be sent

    async def _open(self, worker: _Worker) -> None:
        """Open a worker's connection ahead of its first request. Where that fails, the request shows it."""
        with contextlib.suppress(ConnectError):
            connection = await self._new_connection(worker)
            connection.stay_idle()

    async def _new_connection(self, worker: _Worker) -> HttpConnection:
        """Give a worker a new connection.

        Raises:
            ConnectError: it can't be opened.
        """
        if worker.connection is not None:
            worker.connection.close()
            worker.connection = None
        connection = HttpConnection(
            self._connector, lambda ended: self._end_exchange(worker, ended), lambda: self._recording
        )
        await connection.connect()
        worker.connection = connection
        return connection

    async def _connect(self, worker: _Worker, exchange: Exchange) -> None:
        try:
            await self._new_connection(worker)
        except ConnectError as error:
            exchange.refuse(error.failure, perf_counter())
            await asyncio.sleep(PAUSE_AFTER_REFUSAL_S)
            worker.connecting = None
            self._end_exchange(worker, exchange)
            return
        worker.connecting = None
        self._send(worker, exchange)

    def _end_exchange(self, worker: _Worker, exchange: Exchange) -> None:
        written = worker.read_back_of
        if written is not None:
            worker.read_back_of = None
            self._record(worker, written, read_back_failure(exchange, written.encoded.request.json_body))
            return
        failure = response_failure(exchange)
        read_back = self._source.read_back(exchange, perf_counter()) if failure is None else None
        if read_back is not None:
            worker.read_back_of = exchange
            self._send(worker, read_back)
            return
        self._record(worker, exchange, failure)

    def _record(self, worker: _Worker, exchange: Exchange, failure: RequestFailure | None) -> None:
        record_exchange(self._recording, exchange, failure)
        worker.exchange = None
        if worker.think is not None and self.phase is RunnerPhase.MEASURE:
            self._think(worker, worker.think())
        else:
            self._send_next(worker)

    def _think(self, worker: _Worker, seconds: float) -> None:
        """Think before the next request; where the span ends or the requests are used up meanwhile, there is none."""
        if self._limit is not None and self._recording.scheduled >= self._limit:
            self._leave()
        elif perf_counter() + seconds >= worker.until:
            self._end_span(worker)
        else:
            self._send_later(worker, seconds)
