"""Events published under an open load profile while listeners wait on WebSockets: each must get every event.

One delivery is one event reaching one listener; so events x listeners deliveries are scheduled. Publisher and listeners
are one process, so one clock serves.
"""

import asyncio
import json
from time import perf_counter
from typing import Any

from loadtasks.engine.http.checks import MISSING, body_text, value_at
from loadtasks.engine.http.exchange import Exchange, Problem
from loadtasks.engine.http.response_recording import throttled
from loadtasks.engine.net.descriptors import allow_sockets
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.pacer import Pacer
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.runners.open import OpenRunner
from loadtasks.engine.websocket.connection import WebSocketConnection
from loadtasks.engine.websocket.deliveries import Deliveries
from loadtasks.engine.websocket.opener import Opener
from loadtasks.measurement.errors import ErrorCode
from loadtasks.scenarios.load import BroadcastLoad
from loadtasks.scenarios.model import BroadcastScenario, HttpScenario

_CHECK_EVERY_S = 0.01
_SETTLE_S = 0.25
"""From the last upgrade to the first event: most servers subscribe a client just after they have accepted it."""


class BroadcastRunner:
    """Drives one broadcast scenario."""

    def __init__(
        self, scenario: BroadcastScenario, load: BroadcastLoad, target: Target, pacer: Pacer | None = None
    ) -> None:
        self.recorder = Recorder()
        self._scenario = scenario
        self._load = load
        self._opener = Opener(scenario.path, target, scenario.timeout_s, scenario.connect_timeout_s)
        self._publisher = _publisher(scenario, load, target, self._published, pacer)
        self._deliveries = Deliveries(scenario.event, load.listeners, scenario.timeout_s, self.recorder)
        self._ended = False

    @property
    def expected(self) -> int | None:
        """How many deliveries are scheduled."""
        return (self._publisher.expected or 0) * self._load.listeners

    async def prepare(self) -> None:
        """Open the listeners, each connect timed, and the publisher's connection. Nothing is published."""
        allow_sockets(self._load.listeners + self._load.publishing.max_connections)
        for opening in await self._opener.open(self._load.listeners, self._message):
            if opening.problem is not None:
                code, description = opening.problem
                self.recorder.note(code, f"listener {self._opener.line}: {description}")
        await self._publisher.prepare()
        await asyncio.sleep(_SETTLE_S)

    async def run(self) -> None:
        """Publish all events, and wait until all are delivered or the scenario's timeout is over."""
        self.recorder.scheduled = self.expected or 0
        await self._publisher.run()
        last = perf_counter()
        while perf_counter() - last < self._scenario.timeout_s and not self._deliveries.all_made(self._listening()):
            await asyncio.sleep(_CHECK_EVERY_S)
        self._ended = True
        self._end(perf_counter())

    def sweep(self, now: float) -> None:
        """Time the publisher's requests out."""
        self._publisher.sweep(now)

    async def close(self) -> None:
        """Close everything; deliveries not known to be made are in flight at the deadline."""
        await self._publisher.close()
        if not self._ended:
            self.recorder.in_flight += self.recorder.scheduled - self.recorder.done
        await self._opener.close()

    def _message(self, socket: WebSocketConnection, message: str | bytes, now: float) -> None:
        self._deliveries.arrived(socket.number, message, now)

    def _listening(self) -> list[int]:
        """The listeners that are still there."""
        return [
            number
            for number, opening in enumerate(self._opener.openings)
            if opening.problem is None and opening.lost is None
        ]

    def _published(self, exchange: Exchange, problem: Problem | None) -> None:
        """The publisher has its answer: the event's id, or none, and then nothing of it can be delivered."""
        problem = problem or self._take_id(exchange)
        exchange.body_parts = []
        if problem is None:
            return
        sample = f"{exchange.wire.line}: {problem.description}"
        for _ in range(self._load.listeners):
            if throttled(exchange):
                self.recorder.throttle(exchange.sent, exchange.end)
            else:
                self.recorder.fail(problem.code, sample, exchange.due, exchange.sent, exchange.end, publishing=True)

    def _take_id(self, exchange: Exchange) -> Problem | None:
        path = self._scenario.publish.id
        try:
            answer = json.loads(body_text(exchange.body, exchange.headers.get("content-encoding", "")))
        except ValueError as error:
            return Problem(ErrorCode.CHECK, f"the publisher's answer is no JSON: {error}")
        found = value_at(answer, path)
        if found is MISSING:
            return Problem(ErrorCode.CHECK, f"the publisher's answer has no {path}")
        if not self._deliveries.published(str(found), exchange):
            return Problem(ErrorCode.CHECK, f"the publisher's answer has the {path} of an earlier one, {found}")
        return None

    def _end(self, now: float) -> None:
        recorder, published = self.recorder, self._publisher.recorder
        lost: dict[int, str] = {}
        for number, opening in enumerate(self._opener.openings):
            self._opener.record(opening, recorder)
            if opening.problem is not None:
                lost[number] = opening.problem.description
                if opening.socket is not None and opening.socket.status:
                    recorder.statuses[opening.socket.status] += 1
            elif opening.lost is not None:
                lost[number] = opening.lost.description
                recorder.note(opening.lost.code, f"listener {self._opener.line}: {opening.lost.description}")
        self._deliveries.end(now, lost)
        recorder.scheduled -= published.dropped * self._load.listeners
        if published.dropped:
            recorder.never_send(
                published.dropped * self._load.listeners,
                f"{self._scenario.publish.request.path}: no free connection to publish an event in its patience",
            )
        recorder.waited_for_connection += published.waited_for_connection
        published.fold()
        recorder.add_server_phases(published)
        recorder.dispatch_lag.add(published.dispatch_lag)


def _publisher(
    scenario: BroadcastScenario, load: BroadcastLoad, target: Target, on_answer: Any, pacer: Pacer | None
) -> OpenRunner:
    """The open profile of publishing requests, whose answers are kept for the event's id."""
    publishing = HttpScenario(
        name=scenario.name,
        endpoint=scenario.endpoint,
        timeout_s=scenario.timeout_s,
        connect_timeout_s=scenario.connect_timeout_s,
        requests=(scenario.publish.request,),
        load=load.publishing,
        warmup_requests=0,
    )
    return OpenRunner(publishing, load.publishing, target, pacer=pacer, on_answer=on_answer, keep_bodies=True)
