"""An open load profile: requests are due at their times, whatever the responses do.

Due times come from the profile alone (`pacer`), never from a response: a request that finds no connection waits, its
waiting counts in its response time (end - due), and after the queue timeout it is dropped.

    due ──a connection is idle──► sent ──response──► checked and recorded; its connection sends what waited longest
     └──none is idle──► waiting (one more connection is opened where the maximum allows) ──queue timeout──► dropped

The runner's own phases are those of `base`. In WARM_UP one request is sent after the other, each when the last one has
its response, and what they record goes to a recorder that is thrown away but for its connects.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from time import perf_counter

from loadtasks.engine.http.connection import ConnectionState, HttpConnection
from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.response_recording import record_exchange, response_failure
from loadtasks.engine.internal_errors import start
from loadtasks.engine.net.connector import ConnectError, Connector
from loadtasks.engine.profiles.pacer import DueTimes
from loadtasks.engine.recording.failure import RequestFailure
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.runners.base import RunnerPhase
from loadtasks.engine.runners.precise_timer import PreciseTimer, precise_timer
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.measurement.errors import ErrorCode
from loadtasks.scenarios.load import AnyOpenLoad
from loadtasks.scenarios.model import HttpScenario

_SPARE = 2.0
"""How many times the connections are opened before the load begins that the warm-up's service time makes likely."""


class OpenRunner:
    """Drives one HTTP scenario with an open profile."""

    def __init__(
        self,
        scenario: HttpScenario,
        load: AnyOpenLoad,
        source: RequestSource,
        due_times: DueTimes,
        on_response: Callable[[Exchange, RequestFailure | None], None] | None = None,
    ) -> None:
        """Prepare to drive.

        Args:
            scenario: what is sent.
            load: its load.
            source: its requests, ready to be sent.
            due_times: when they are due.
            on_response: called with each exchange of the load that has ended, not of the warm-up, and why it failed.
        """
        self.phase = RunnerPhase.CREATED
        self.recorder = Recorder()
        self._recording = Recorder()
        """The recorder of the current phase: the warm-up's own, then the measurement's."""
        self._scenario = scenario
        self._load = load
        self._pacer, self._starts_at = due_times.pacer, due_times.start
        self._lasts_s = due_times.lasts_s or load.duration_s
        self._on_response = on_response
        self._source = source
        self._connector = Connector(source.target, scenario.connect_timeout_s)
        self._connections: set[HttpConnection] = set()
        self._idle: list[HttpConnection] = []
        self._waiting: deque[Exchange] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._timer: PreciseTimer | None = None
        self._start = 0.0
        self._sent_all = False
        self._finished: asyncio.Future[None] | None = None
        """Of the current warm-up request, then of the whole load."""

    @property
    def expected(self) -> int | None:
        """How many requests the profile schedules in all."""
        return self._pacer.count

    async def prepare(self) -> None:
        """Warm up one request after the other, then open the connections that the load is likely to need."""
        self.phase = RunnerPhase.WARM_UP
        await self._open_connection()
        for _ in range(self._scenario.warmup_requests if self._source.warm_up() else 0):
            if not self._idle:
                break
            self._finished = asyncio.get_running_loop().create_future()
            self._dispatch(self._source.next(perf_counter()))
            await self._finished
        if self._idle:
            likely = self._likely_connections(self._recording.service_mean_s or 0.0)
            await asyncio.gather(*(self._open_connection() for _ in range(likely - len(self._connections))))
        self.recorder.take_phase("connect", self._recording)
        self._source.rewind()
        self.phase = RunnerPhase.READY

    def _likely_connections(self, service_s: float) -> int:
        """Requests under way at the highest rate, by Little's law (L = rate x time), and some to spare."""
        return min(self._load.max_connections, math.ceil(_SPARE * self._load.peak_rate * service_s) + 1)

    async def run(self) -> None:
        """Send the load; returns when every scheduled request has ended."""
        self.phase = RunnerPhase.MEASURE
        self._recording = self.recorder
        self._finished = asyncio.get_running_loop().create_future()
        self._timer = precise_timer(self._send_due)
        self._start = self._starts_at()
        self.recorder.begin(self._start, self._lasts_s)
        self._send_due()
        await self._finished
        self.phase = RunnerPhase.FINISHED

    def sweep(self, now: float) -> None:
        """Abort exchanges that exceed the scenario's timeout, and drop requests that exceed the queue timeout."""
        timeout_s = self._scenario.timeout_s
        for connection in list(self._connections):
            if connection.waited_s(now) > timeout_s:
                connection.abort(ErrorCode.TIMEOUT, f"no complete response within {timeout_s:g} s")
        has_dropped = False
        while self._waiting and now - self._waiting[0].due > self._load.queue_timeout_s:
            self._drop(self._waiting.popleft(), now)
            has_dropped = True
        if has_dropped or self.phase is RunnerPhase.MEASURE:
            self._finish_when_done()

    async def close(self) -> None:
        """Close every connection; what was under way is recorded as in flight, and what waited as dropped."""
        now = perf_counter()
        self.phase = RunnerPhase.CLOSED
        if self._timer is not None:
            self._timer.close()
        for task in self._connecting:
            task.cancel()
        while self._waiting:
            self._drop(self._waiting.popleft(), now)
        for connection in self._connections:
            if connection.busy and connection.exchange is not None:
                self._recording.abandon(connection.exchange.due, connection.exchange.sent, now)
            connection.close()
        self._connector.record(self.recorder)

    def _send_due(self) -> None:
        """Send, or queue, every request that is due; the timer fires when the next one is."""
        now, queue_timeout_s, recorder = perf_counter(), self._load.queue_timeout_s, self.recorder
        while (due_s := self._pacer.due_s(recorder.scheduled)) is not None:
            due = self._start + due_s
            if due > now:
                break
            recorder.scheduled += 1
            recorder.dispatch(now - due)
            if now - due > queue_timeout_s:
                recorder.drop(due, now, "the generator was later than the queue timeout")
            else:
                self._dispatch(self._source.next(due))
        if due_s is None:
            self._sent_all = True
            self._finish_when_done()
        elif self._timer is not None:
            self._timer.set(due)

    def _dispatch(self, exchange: Exchange) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.can_send(exchange):
                connection.send(exchange)
                return
            self._lose(connection)
        self._waiting.append(exchange)
        if not self._open_another():
            self._recording.waited_for_connection += 1

    def _open_another(self) -> bool:
        """Begin to open one more connection for what waits; False where the maximum is reached."""
        if len(self._connections) + len(self._connecting) >= self._load.max_connections:
            return False
        task = start(self._open_connection())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        return True

    async def _open_connection(self) -> None:
        connection = HttpConnection(
            self._connector, lambda exchange: self._end_exchange(connection, exchange), lambda: self._recording
        )
        try:
            await self._connect(connection)
        except ConnectError as error:
            if self._waiting:
                refused = self._waiting.popleft()
                refused.refuse(error.failure, perf_counter())
                self._record(refused)
            self._connect_for_waiting()
            return
        self._connections.add(connection)
        self._free(connection)

    async def _connect(self, connection: HttpConnection) -> None:
        try:
            await connection.connect()
        finally:
            # Not only when the task is done: a response that comes before that counts those still being opened.
            if (this := asyncio.current_task()) is not None:
                self._connecting.discard(this)

    def _end_exchange(self, connection: HttpConnection, exchange: Exchange) -> None:
        self._record(exchange)
        if connection.state is ConnectionState.IDLE:
            self._free(connection)
        else:
            self._connections.discard(connection)
            self._connect_for_waiting()

    def _free(self, connection: HttpConnection) -> None:
        if not self._waiting:
            connection.stay_idle()
            self._idle.append(connection)
        elif connection.can_send(self._waiting[0]):
            connection.send(self._waiting.popleft())
        else:
            self._lose(connection)
            self._connect_for_waiting()

    def _lose(self, connection: HttpConnection) -> None:
        """Close an idle connection whose end has arrived."""
        connection.close()
        self._connections.discard(connection)

    def _connect_for_waiting(self) -> None:
        """Open one more connection where more requests wait than connections are being opened for them."""
        if len(self._waiting) > len(self._connecting):
            self._open_another()

    def _record(self, exchange: Exchange) -> None:
        failure = response_failure(exchange)
        if self._on_response is not None and self.phase is not RunnerPhase.WARM_UP:
            self._on_response(exchange, failure)  # before it is recorded: an error of this one is the exchange's
        record_exchange(self._recording, exchange, failure)
        self._finish_when_done()

    def _drop(self, exchange: Exchange, now: float) -> None:
        self._recording.drop(
            exchange.due, now, f"{exchange.encoded.line}: no free connection within {self._load.queue_timeout_s:g} s"
        )

    def _finish_when_done(self) -> None:
        """End the wait for a warm-up request, or for the load once every scheduled request has ended."""
        finished = self._finished
        if finished is None or finished.done():
            return
        is_warm_up = self.phase is RunnerPhase.WARM_UP
        if is_warm_up or (self._sent_all and self.recorder.done >= self.recorder.scheduled):
            finished.set_result(None)
