"""An open load profile: requests are due at their times, whatever the answers do.

Due times come from the profile alone (`pacer`), never from an answer: a request that finds no connection waits, its
waiting counts in its response time (end - due), and past its patience it is dropped.

    due ──a connection is idle──► sent ──answer──► judged and recorded; the connection takes the longest waiting
     └──none idle──► waiting (a connection is opened while fewer than the most allowed) ──patience over──► dropped
"""

import asyncio
import itertools
import math
from collections import deque
from collections.abc import Callable
from time import perf_counter

from loadtasks.engine.http.connection import ConnectionState, HttpConnection
from loadtasks.engine.http.exchange import Exchange, Problem
from loadtasks.engine.http.response_recording import answer_problem, record
from loadtasks.engine.net.connector import ConnectError, Connector
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.pacer import Pacer, pacer_of
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.runners.base import Numbers, Source
from loadtasks.engine.runners.precise_timer import PreciseTimer, precise_timer
from loadtasks.measurement.errors import ErrorCode
from loadtasks.scenarios.load import OpenLoad, StagesLoad
from loadtasks.scenarios.model import HttpScenario

_SPARE = 2.0
"""So many times the connections that the warm-up's pace asks for are opened before the load begins."""


class OpenRunner:
    """Drives one HTTP scenario with an open profile."""

    def __init__(
        self,
        scenario: HttpScenario,
        load: OpenLoad | StagesLoad,
        target: Target,
        *,
        pacer: Pacer | None = None,
        on_answer: Callable[[Exchange, Problem | None], None] | None = None,
        keep_bodies: bool = False,
        start: Callable[[], float] = perf_counter,
        numbers: Numbers = itertools.count,
        source: Source | None = None,
    ) -> None:
        self.recorder = Recorder()
        self._scenario = scenario
        self._load = load
        self._pacer = pacer or pacer_of(load)
        self._on_answer = on_answer
        self._starts_at = start
        self._source = source or Source(
            scenario.requests, target, feeder=scenario.feeder, keep_bodies=keep_bodies, numbers=numbers
        )
        self._connector = Connector(target, scenario.connect_timeout_s)
        self._connections: set[HttpConnection] = set()
        self._idle: list[HttpConnection] = []
        self._waiting: deque[Exchange] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._alarm: PreciseTimer | None = None
        self._start = 0.0
        self._sent_all = False
        self._finished: asyncio.Future[None] | None = None

    @property
    def expected(self) -> int | None:
        """How many requests the profile schedules in all."""
        return self._pacer.count

    async def prepare(self) -> None:
        """Warm up one request after the other, then open the connections that the load is likely to need."""
        measured, self.recorder = self.recorder, Recorder()
        on_answer, self._on_answer = self._on_answer, None
        await self._open_connection()
        for _ in range(self._scenario.warmup_requests):
            if not self._idle:
                break
            self._finished = asyncio.get_running_loop().create_future()
            self._idle.pop().send(self._source.next(perf_counter()))
            await self._finished
        if self._idle:
            likely = self._likely_connections(self.recorder.service_mean_s or 0.0)
            await asyncio.gather(*(self._open_connection() for _ in range(likely - len(self._connections))))
        measured.take_phase("connect", self.recorder)
        self.recorder, self._on_answer = measured, on_answer
        self._source.rewind()

    def _likely_connections(self, service_s: float) -> int:
        """Requests under way at the highest rate, by Little's law (L = rate x time), and some to spare."""
        return min(self._load.max_connections, math.ceil(_SPARE * self._load.peak_rate * service_s) + 1)

    async def run(self) -> None:
        """Send the load; ends when every scheduled request has come to its end."""
        self._finished = asyncio.get_running_loop().create_future()
        self._alarm = precise_timer(self._send_due)
        self._start = self._starts_at()
        self._send_due()
        await self._finished

    def sweep(self, now: float) -> None:
        """Time out what has waited too long for its answer, and drop what has waited too long for a connection."""
        timeout_s = self._scenario.timeout_s
        for connection in list(self._connections):
            if connection.waited_s(now) > timeout_s:
                connection.abort(ErrorCode.TIMEOUT, f"no whole answer within {timeout_s:g} s")
        while self._waiting and now - self._waiting[0].due > self._load.queue_timeout_s:
            self._drop(self._waiting.popleft(), now)
        if self._start > 0:  # a warm-up ends with its answer
            self._see_whether_finished()

    async def close(self) -> None:
        """Close every connection; what was under way is in flight at the deadline, what waited is dropped."""
        now = perf_counter()
        if self._alarm is not None:
            self._alarm.close()
        for task in self._connecting:
            task.cancel()
        while self._waiting:
            self._drop(self._waiting.popleft(), now)
        for connection in self._connections:
            if connection.busy and connection.exchange is not None:
                self.recorder.abandon(connection.exchange.due, connection.exchange.sent, now)
            connection.close()

    def _send_due(self) -> None:
        """Give every request that is due its turn; the precise_timer rings when the next one is."""
        now, queue_timeout_s, recorder = perf_counter(), self._load.queue_timeout_s, self.recorder
        while (due_s := self._pacer.due_s(recorder.scheduled)) is not None:
            due = self._start + due_s
            if due > now:
                break
            recorder.scheduled += 1
            recorder.dispatch(now - due)
            if now - due > queue_timeout_s:
                recorder.drop(due, now, "the generator got to it only past its patience")
            else:
                self._dispatch(self._source.next(due))
        if due_s is None:
            self._sent_all = True
            self._see_whether_finished()
        elif self._alarm is not None:
            self._alarm.set(due)

    def _dispatch(self, exchange: Exchange) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.state is ConnectionState.IDLE:
                connection.send(exchange)
                return
            self._connections.discard(connection)
        self._waiting.append(exchange)
        if not self._open_another():
            self.recorder.waited_for_connection += 1

    def _open_another(self) -> bool:
        """Begin to open one more connection for what waits, where one more is allowed."""
        if len(self._connections) + len(self._connecting) >= self._load.max_connections:
            return False
        task = asyncio.get_running_loop().create_task(self._open_connection())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        return True

    async def _open_connection(self) -> None:
        connection = HttpConnection(lambda exchange: self._answered(connection, exchange))
        try:
            self.recorder.phase("connect", await self._connect(connection))
        except ConnectError as error:
            if self._waiting:
                refused = self._waiting.popleft()
                refused.refuse(error.problem, perf_counter())
                self._record(refused)
            if len(self._waiting) > len(self._connecting):
                self._open_another()
            return
        self._connections.add(connection)
        self._free(connection)

    async def _connect(self, connection: HttpConnection) -> float:
        try:
            return await self._connector.connect_http(connection)
        finally:
            # Not only when the task is done: an answer that comes before that asks how many are still being opened.
            if (this := asyncio.current_task()) is not None:
                self._connecting.discard(this)

    def _answered(self, connection: HttpConnection, exchange: Exchange) -> None:
        self._record(exchange)
        if connection.state is ConnectionState.IDLE:
            self._free(connection)
            return
        self._connections.discard(connection)
        if len(self._waiting) > len(self._connecting):
            self._open_another()

    def _free(self, connection: HttpConnection) -> None:
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._idle.append(connection)

    def _record(self, exchange: Exchange) -> None:
        problem = answer_problem(exchange)
        record(self.recorder, exchange, problem)
        if self._on_answer is not None:
            self._on_answer(exchange, problem)
        self._see_whether_finished()

    def _drop(self, exchange: Exchange, now: float) -> None:
        self.recorder.drop(
            exchange.due, now, f"{exchange.wire.line}: no free connection within {self._load.queue_timeout_s:g} s"
        )

    def _see_whether_finished(self) -> None:
        finished = self._finished
        if finished is None or finished.done():
            return
        measuring = self._start > 0
        if not measuring or (self._sent_all and self.recorder.done >= self.recorder.scheduled):
            finished.set_result(None)
