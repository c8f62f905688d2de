"""Events published at a constant rate while listeners wait on WebSockets: every listener must get every event.

One delivery is one event reaching one listener; so ``events * listeners`` deliveries are scheduled. A delivery is due
when its event is due, sent when the publishing request's bytes leave, and ends when the listener has the message: one
clock, since publisher and listeners are one process. Message and publisher's answer meet by the event's id, whichever
comes first.
"""

import asyncio
import json
from collections.abc import Iterator
from time import perf_counter
from typing import Any

from loadtasks.engine.checks import MISSING, body_text, value_at
from loadtasks.engine.connections import Opener
from loadtasks.engine.exchange import Exchange, Problem
from loadtasks.engine.open import OpenRunner
from loadtasks.engine.pacer import ConstantPacer
from loadtasks.engine.recorder import Recorder
from loadtasks.engine.target import Target
from loadtasks.engine.websocket import WebSocketConnection
from loadtasks.scenarios.load import BroadcastLoad, OpenLoad
from loadtasks.scenarios.model import BroadcastScenario, HttpScenario

_CHECK_EVERY_S = 0.01
_SETTLE_S = 0.25
"""From the last upgrade to the first event: most servers subscribe a client just after they have accepted it."""


class BroadcastRunner:
    """Drives one broadcast scenario."""

    def __init__(self, scenario: BroadcastScenario, load: BroadcastLoad, target: Target) -> None:
        self.recorder = Recorder()
        self._scenario = scenario
        self._load = load
        self._opener = Opener(scenario.path, target, scenario.timeout_s)
        self._publisher = _publisher(scenario, load, target, self._published)
        self._events: dict[str, Exchange] = {}
        self._unpublished: list[tuple[Exchange, Problem]] = []
        self._received: dict[WebSocketConnection, dict[str, float]] = {}
        self._recorded = False

    @property
    def expected(self) -> int | None:
        """How many deliveries are scheduled."""
        return self._load.events * self._load.listeners

    async def prepare(self) -> None:
        """Open the listeners, each connect timed, and the publisher's connection. Nothing is published."""
        openings = await self._opener.open(self._load.listeners, self._message)
        for opening in openings:
            if opening.problem is None and opening.ended is not None:
                self.recorder.phase("connect", opening.ended - opening.began)
            else:
                kind, description = opening.problem or Problem("cut", "never opened")
                self.recorder.note(kind, f"listener {self._opener.line}: {description}")
        await self._publisher.prepare()
        await asyncio.sleep(_SETTLE_S)

    async def run(self) -> None:
        """Publish all events, and wait until all are delivered or the scenario's timeout is over."""
        self.recorder.scheduled = self._load.events * self._load.listeners
        await self._publisher.run()
        last = perf_counter()
        while perf_counter() - last < self._scenario.timeout_s and not self._all_delivered():
            await asyncio.sleep(_CHECK_EVERY_S)
        self._record(perf_counter(), ended=True)

    def sweep(self, now: float) -> None:
        """Time the publisher's requests out."""
        self._publisher.sweep(now)

    async def close(self) -> None:
        """Close everything; deliveries not known to be made are in flight at the deadline."""
        await self._publisher.close()
        if self.recorder.scheduled and not self._recorded:
            self._record(perf_counter(), ended=False)
        self._opener.close()

    def _published(self, exchange: Exchange, problem: Problem | None) -> None:
        if problem is None:
            problem = self._take_id(exchange)
        if problem is not None:
            self._unpublished.append((exchange, problem))

    def _take_id(self, exchange: Exchange) -> Problem | None:
        path = self._scenario.publish.id
        try:
            answer = json.loads(body_text(exchange.body, exchange.headers.get("content-encoding", "")))
        except ValueError as error:
            return Problem("check", f"the publisher's answer is no JSON: {error}")
        found = value_at(answer, path)
        if found is MISSING:
            return Problem("check", f"the publisher's answer has no {path}")
        self._events[str(found)] = exchange
        return None

    def _message(self, socket: WebSocketConnection, message: str | bytes, now: float) -> None:
        try:
            document = json.loads(message)
        except ValueError:
            return
        event = self._scenario.event
        if any(value_at(document, path) != expected for path, expected in event.where.items()):
            return
        found = value_at(document, event.id)
        if found is MISSING:
            return
        received = self._received.setdefault(socket, {})
        if str(found) in received:
            self.recorder.note("duplicate", f"event {found} came more than once to one listener")
        else:
            received[str(found)] = now

    def _listeners(self) -> Iterator[dict[str, float]]:
        nothing: dict[str, float] = {}
        for opening in self._opener.openings:
            yield self._received.get(opening.socket, nothing) if opening.socket is not None else nothing

    def _all_delivered(self) -> bool:
        open_listeners = [each.socket for each in self._opener.openings if each.socket and each.problem is None]
        return all(self._events.keys() <= self._received.get(socket, {}).keys() for socket in open_listeners)

    def _record(self, now: float, *, ended: bool) -> None:
        self._recorded = True
        recorder = self.recorder
        for exchange, (kind, description) in self._unpublished:
            for _ in range(self._load.listeners):
                recorder.fail(
                    f"publish: {kind}", f"{exchange.wire.line}: {description}", exchange.due, exchange.sent, now
                )
        for event, exchange in self._events.items():
            for received in self._listeners():
                at = received.get(event)
                if at is not None:
                    recorder.complete(exchange.due, exchange.sent, at)
                elif ended:
                    recorder.fail("missed", f"event {event} never reached a listener", exchange.due, exchange.sent, now)
        for opening in self._opener.openings:
            code = opening.socket.close_code if opening.socket is not None else None
            if code is not None:
                recorder.statuses[code] += 1
        if not ended:
            recorder.in_flight = recorder.scheduled - recorder.completed - recorder.failed - recorder.dropped


def _publisher(scenario: BroadcastScenario, load: BroadcastLoad, target: Target, on_answer: Any) -> OpenRunner:
    """An open profile of publishing requests, whose answers are kept for the event's id."""
    request = scenario.publish.request
    publishing = HttpScenario(
        name=scenario.name,
        endpoint=scenario.endpoint,
        timeout_s=scenario.timeout_s,
        requests=(request,),
        load=OpenLoad(rate=load.rate, duration_s=load.events / load.rate),
        warmup_requests=0,
    )
    assert isinstance(publishing.load, OpenLoad)  # noqa: S101 - just made
    return OpenRunner(
        publishing,
        publishing.load,
        target,
        pacer=ConstantPacer(load.rate, load.events),
        on_answer=on_answer,
        keep_bodies=True,
    )
