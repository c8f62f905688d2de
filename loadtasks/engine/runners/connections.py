"""WebSockets opened and held. What is timed is the opening: TCP, TLS and upgrade."""

import asyncio
from time import perf_counter

from loadtasks.engine.net.descriptors import allow_sockets
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.websocket.opener import Opener, Opening
from loadtasks.scenarios.load import ConnectionsLoad
from loadtasks.scenarios.model import ConnectionsScenario


class ConnectionsRunner:
    """Drives one scenario of WebSocket connections. One that is lost before all were held long enough has failed."""

    def __init__(self, scenario: ConnectionsScenario, load: ConnectionsLoad, target: Target) -> None:
        self.recorder = Recorder()
        self._load = load
        self._opener = Opener(scenario.path, target, scenario.timeout_s, scenario.connect_timeout_s)
        self._recorded = False

    @property
    def expected(self) -> int | None:
        """How many connections are opened."""
        return self._load.connections

    async def prepare(self) -> None:
        """Open one WebSocket, so that the first measured one doesn't pay for what only the first pays."""
        allow_sockets(self._load.connections)
        await self._opener.open(1)
        await self._opener.close()

    async def run(self) -> None:
        """Open all, hold them, close them."""
        self.recorder.scheduled = self._load.connections
        await self._opener.open(self._load.connections)
        await asyncio.sleep(self._load.hold_s)
        self._record(perf_counter())

    def sweep(self, now: float) -> None:
        """Nothing: each opening has its own timeout."""

    async def close(self) -> None:
        """Close what is open; what was still opening is in flight at the deadline."""
        if self.recorder.scheduled and not self._recorded:
            self._record(perf_counter())
        await self._opener.close()

    def _record(self, now: float) -> None:
        self._recorded = True
        for opening in self._opener.openings:
            self._record_opening(opening, now)

    def _record_opening(self, opening: Opening, now: float) -> None:
        recorder, socket, began = self.recorder, opening.socket, opening.began
        if socket is None or began is None:
            recorder.drop(now, now, f"{self._opener.line}: its turn to be opened never came")
            return
        if opening.ended is None:
            recorder.abandon(began, began, now)
            return
        if socket.status:
            recorder.statuses[socket.status] += 1
        self._opener.record(opening, recorder)
        problem = opening.problem or opening.lost
        if problem is None:
            recorder.complete(began, began, opening.ended)
        else:
            recorder.fail(problem.code, f"{self._opener.line}: {problem.description}", began, began, opening.ended)
