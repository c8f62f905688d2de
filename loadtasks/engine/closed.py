"""A closed load profile: each worker sends its next request when it has the answer to the last.

A worker has one connection and at most one exchange under way. Its life:

    next ──connected──► sent ──answer──► judged ──read back?──► recorded ──► next, until the profile admits no more
      └──not connected──► connecting ──failed──► recorded as failed, a pause ──► next
"""

import asyncio
from time import perf_counter

from loadtasks.engine.answer import answer_problem, read_back_problem, record
from loadtasks.engine.connector import ConnectError, Connector
from loadtasks.engine.exchange import Exchange, Problem
from loadtasks.engine.http import HttpConnection, State
from loadtasks.engine.recorder import Recorder
from loadtasks.engine.runner import Source
from loadtasks.engine.target import Target
from loadtasks.scenarios.load import ClosedLoad
from loadtasks.scenarios.model import HttpScenario, Request

PAUSE_AFTER_REFUSAL_S = 0.1
"""A worker that can't connect doesn't try again at once: a dead target must not become a busy loop."""


class _Worker:
    """One worker: its connection, the exchange it wants to make, and the one it is reading back."""

    def __init__(self) -> None:
        self.connection: HttpConnection | None = None
        self.exchange: Exchange | None = None
        self.read_back_of: Exchange | None = None
        self.connecting: asyncio.Task[None] | None = None


class ClosedRunner:
    """Drives one HTTP scenario with a closed profile."""

    def __init__(self, scenario: HttpScenario, load: ClosedLoad, target: Target) -> None:
        self.recorder = Recorder()
        self._scenario = scenario
        self._load = load
        self._source = Source(scenario.requests, target)
        self._connector = Connector(target)
        self._workers = [_Worker() for _ in range(load.workers)]
        reads = () if scenario.read_back is None else (Request(path=scenario.read_back.path),)
        self._read_back = Source(reads, target, keep_bodies=True) if reads else None
        self._limit: int | None = None
        self._until = float("inf")
        self._active = 0
        self._finished: asyncio.Future[None] | None = None

    @property
    def expected(self) -> int | None:
        """How many requests the profile schedules in all."""
        return self._load.requests

    async def prepare(self) -> None:
        """Warm up over the workers' own connections; the connects are timed, nothing else is counted."""
        measured, self.recorder = self.recorder, Recorder()
        await self._drive(self._scenario.warmup_requests, float("inf"))
        measured.take_phase("connect", self.recorder)
        self.recorder = measured
        self._source.rewind()

    async def run(self) -> None:
        """Send the load; ends when every scheduled request has come to its end."""
        load = self._load
        await self._drive(load.requests, perf_counter() + (load.duration_s or load.max_duration_s))
        unsent = 0 if load.requests is None else load.requests - self.recorder.scheduled
        if unsent:
            self.recorder.never_send(
                unsent, f"not sent: the load's {load.max_duration_s:g} s (max_duration_s) were over"
            )

    def sweep(self, now: float) -> None:
        """Time out what has waited too long."""
        timeout_s = self._scenario.timeout_s
        for worker in self._workers:
            connection = worker.connection
            if connection is not None and connection.waited_s(now) > timeout_s:
                connection.abort("timeout", f"no whole answer within {timeout_s:g} s")

    async def close(self) -> None:
        """Close every connection; what was under way is in flight at the deadline."""
        now = perf_counter()
        for worker in self._workers:
            if worker.connecting is not None:
                worker.connecting.cancel()
            pending = worker.read_back_of or worker.exchange
            if pending is not None:
                self.recorder.abandon(pending.due, pending.sent or pending.due, now)
            if worker.connection is not None:
                worker.connection.close()

    async def _drive(self, limit: int | None, until: float) -> None:
        if limit == 0:
            return
        self._limit, self._until = limit, until
        self._active = len(self._workers)
        self._finished = asyncio.get_running_loop().create_future()
        for worker in self._workers:
            self._next(worker)
        await self._finished

    def _next(self, worker: _Worker) -> None:
        now = perf_counter()
        worker.exchange = None
        if now >= self._until or (self._limit is not None and self.recorder.scheduled >= self._limit):
            self._active -= 1
            if self._active == 0 and self._finished is not None and not self._finished.done():
                self._finished.set_result(None)
            return
        self.recorder.scheduled += 1
        worker.exchange = self._source.next(now)
        self._send(worker, worker.exchange)

    def _send(self, worker: _Worker, exchange: Exchange) -> None:
        connection = worker.connection
        if connection is None or connection.state is not State.IDLE:
            worker.connecting = asyncio.get_running_loop().create_task(self._connect(worker, exchange))
            return
        connection.send(exchange)
        exchange.due = exchange.sent  # in a closed profile a request is due when it can be sent

    async def _connect(self, worker: _Worker, exchange: Exchange) -> None:
        worker.connection = None
        connection = HttpConnection(lambda answered: self._answered(worker, answered))
        try:
            self.recorder.phase("connect", await self._connector.connect(connection))
        except ConnectError as error:
            exchange.sent, exchange.end = exchange.due, perf_counter()
            exchange.problem = Problem(error.kind, str(error))
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
            record(self.recorder, written, read_back_problem(exchange, written.wire.request.json_body))
            self._next(worker)
            return
        problem = answer_problem(exchange)
        if problem is None and self._read_back is not None:
            worker.read_back_of = exchange
            self._send(worker, self._read_back.next(perf_counter()))
            return
        record(self.recorder, exchange, problem)
        self._next(worker)
