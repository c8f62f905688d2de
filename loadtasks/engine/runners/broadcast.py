"""Events published under an open load profile while listeners wait on WebSockets: each must get every event.

One delivery is one event reaching one listener, so events x listeners deliveries are scheduled. Publisher and listeners
are in one process, so that one clock serves both.

In WARM_UP the listeners' WebSockets and the publisher's connections are opened; nothing is published.
"""

import asyncio
from time import perf_counter
from typing import Any

from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.json_values import MISSING, parse_json, shown, value_at
from loadtasks.engine.http.response_body import decoded_body
from loadtasks.engine.http.response_recording import is_throttled
from loadtasks.engine.net.descriptors import allow_sockets
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.pacer import DueTimes
from loadtasks.engine.recording.failure import RequestFailure
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.runners.base import RunnerPhase
from loadtasks.engine.runners.open import OpenRunner
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.engine.websocket.connection import WebSocketConnection
from loadtasks.engine.websocket.deliveries import MAX_ID, Deliveries, is_id
from loadtasks.engine.websocket.opener import Opener
from loadtasks.measurement.errors import ErrorCode
from loadtasks.scenarios.load import BroadcastLoad
from loadtasks.scenarios.model import BroadcastScenario, HttpScenario

_CHECK_EVERY_S = 0.01
_SETTLE_S = 0.25
"""From the last upgrade to the first event: most servers subscribe a client shortly after they have accepted it."""


class BroadcastRunner:
    """Drives one broadcast scenario."""

    def __init__(self, scenario: BroadcastScenario, load: BroadcastLoad, target: Target, due_times: DueTimes) -> None:
        self.phase = RunnerPhase.CREATED
        self.recorder = Recorder()
        self._scenario = scenario
        self._load = load
        self._lasts_s = due_times.lasts_s
        self._opener = Opener(scenario.path, target, scenario.timeout_s, scenario.connect_timeout_s)
        self._publisher = _publisher(scenario, load, target, self._published, due_times)
        self._deliveries = Deliveries(scenario.event, load.listeners, scenario.timeout_s, self.recorder)

    @property
    def expected(self) -> int | None:
        """How many deliveries are scheduled."""
        return (self._publisher.expected or 0) * self._load.listeners

    async def prepare(self) -> None:
        """Open the listeners, each timed, and the publisher's connection. Nothing is published."""
        self.phase = RunnerPhase.WARM_UP
        allow_sockets(self._load.listeners + self._load.publishing.max_connections)
        for opening in await self._opener.open(self._load.listeners, self._message):
            if opening.failure is not None:
                failure = opening.failure.of(f"listener {self._opener.line}")
                self.recorder.note(failure.code, failure.text, failure.quote)
        await self._publisher.prepare()
        await asyncio.sleep(_SETTLE_S)
        self.phase = RunnerPhase.READY

    async def run(self) -> None:
        """Publish all events, and wait until all are delivered or the scenario's timeout is exceeded."""
        self.phase = RunnerPhase.MEASURE
        self.recorder.scheduled = self.expected or 0
        self.recorder.begin(perf_counter(), self._lasts_s)
        await self._publisher.run()
        last = perf_counter()
        while perf_counter() - last < self._scenario.timeout_s and not self._deliveries.all_delivered(
            self._listening()
        ):
            await asyncio.sleep(_CHECK_EVERY_S)
        self._record(perf_counter())
        self.phase = RunnerPhase.FINISHED

    def sweep(self, now: float) -> None:
        """Abort the publisher's requests that exceed their timeout."""
        self._publisher.sweep(now)

    async def close(self) -> None:
        """Close everything; deliveries not known to be made are recorded as in flight."""
        await self._publisher.close()
        if self.phase is RunnerPhase.MEASURE:
            self.recorder.in_flight += self.recorder.scheduled - self.recorder.done
        self.phase = RunnerPhase.CLOSED
        await self._opener.close()

    def _message(self, socket: WebSocketConnection, message: str | bytes, now: float) -> None:
        self._deliveries.arrived(socket.number, message, now)

    def _listening(self) -> list[int]:
        """The listeners that are still there."""
        return [
            number
            for number, opening in enumerate(self._opener.openings)
            if opening.failure is None and opening.lost is None
        ]

    def _published(self, exchange: Exchange, failure: RequestFailure | None) -> None:
        """The publisher has a response: with the event's id, or without, so that the event can't be delivered."""
        failure = failure or self._take_id(exchange)
        if failure is None:
            exchange.body_parts = []
            return
        failure = failure.of(exchange.encoded.line)
        for _ in range(self._load.listeners):
            if is_throttled(exchange):
                self.recorder.throttle(exchange.sent, exchange.end)
            else:
                self.recorder.fail(failure, exchange.due, exchange.sent, exchange.end, publishing=True)

    def _take_id(self, exchange: Exchange) -> RequestFailure | None:
        path = self._scenario.publish.id
        try:
            response = parse_json(decoded_body(exchange.body, exchange.headers.get("content-encoding", "")))
        except ValueError as error:
            return RequestFailure(ErrorCode.CHECK, f"the response to publishing is {error}")
        found = value_at(response, path)
        if found is MISSING:
            return RequestFailure(ErrorCode.CHECK, f"the response to publishing has no {path}")
        if not is_id(found):
            return RequestFailure(
                ErrorCode.CHECK,
                f"the {path} in the response to publishing is neither a text of at most {MAX_ID:,} characters nor a "
                "number",
            )
        if not self._deliveries.published(found, exchange):
            return RequestFailure(
                ErrorCode.CHECK, f"the response to publishing has the {path} of an earlier one, {shown(found)}"
            )
        return None

    def _record(self, now: float) -> None:
        recorder, published = self.recorder, self._publisher.recorder
        lost: dict[int, str] = {}
        for number, opening in enumerate(self._opener.openings):
            self._opener.record(opening, recorder)
            if opening.failure is not None:
                lost[number] = opening.failure.text
                if opening.socket is not None and opening.socket.status:
                    recorder.statuses[opening.socket.status] += 1
            elif opening.lost is not None:
                lost[number] = opening.lost.text
                recorder.note(opening.lost.code, f"listener {self._opener.line}: {opening.lost.text}")
        self._opener.record_connector(recorder)
        self._deliveries.end(now, lost)
        recorder.scheduled -= published.dropped * self._load.listeners
        if published.dropped:
            recorder.drop_unsent(
                published.dropped * self._load.listeners,
                f"{self._scenario.publish.request.path}: no free connection within the queue timeout",
            )
        recorder.waited_for_connection += published.waited_for_connection
        recorder.connections.merge(published.connections)
        published.fold()
        recorder.add_server_phases(published)
        recorder.dispatch_lag.add(published.dispatch_lag)


def _publisher(
    scenario: BroadcastScenario, load: BroadcastLoad, target: Target, on_response: Any, due_times: DueTimes
) -> OpenRunner:
    """The open load of publishing requests, whose responses are kept for the event's id."""
    publishing = HttpScenario(
        name=scenario.name,
        endpoint=scenario.endpoint,
        timeout_s=scenario.timeout_s,
        connect_timeout_s=scenario.connect_timeout_s,
        requests=(scenario.publish.request,),
        load=load.publishing,
        warmup_requests=0,
    )
    source = RequestSource(publishing, target, keep_bodies=True)
    return OpenRunner(publishing, load.publishing, source, due_times, on_response)
