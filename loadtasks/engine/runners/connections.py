"""WebSockets opened and held. The time of each is that of its opening: TCP, TLS and upgrade.

One WebSocket is opened and closed in WARM_UP; in MEASURE all are opened, and held together. One that is lost before all
were held long enough has failed.
"""

import asyncio
from time import perf_counter

from loadtasks.engine.net.descriptors import allow_sockets
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.runners.base import RunnerPhase
from loadtasks.engine.websocket.opener import Opener, WebSocketOpening
from loadtasks.scenarios.load import ConnectionsLoad
from loadtasks.scenarios.model import ConnectionsScenario


class ConnectionsRunner:
    """Drives one scenario of WebSocket connections."""

    def __init__(self, scenario: ConnectionsScenario, load: ConnectionsLoad, target: Target) -> None:
        self.phase = RunnerPhase.CREATED
        self.recorder = Recorder()
        self._load = load
        self._opener = Opener(scenario.path, target, scenario.timeout_s, scenario.connect_timeout_s)

    @property
    def expected(self) -> int | None:
        """How many connections are opened."""
        return self._load.connections

    async def prepare(self) -> None:
        """Open and close one WebSocket, so that no measured one pays for what only the first one costs."""
        self.phase = RunnerPhase.WARM_UP
        allow_sockets(self._load.connections)
        await self._opener.open(1)
        await self._opener.close()
        self.phase = RunnerPhase.READY

    async def run(self) -> None:
        """Open all, and hold them as long as the load says."""
        self.phase = RunnerPhase.MEASURE
        self.recorder.scheduled = self._load.connections
        await self._opener.open(self._load.connections)
        await asyncio.sleep(self._load.hold_s)
        self._record(perf_counter())

    def sweep(self, now: float) -> None:
        """Do nothing: each opening has its own timeout."""

    async def close(self) -> None:
        """Close what is open; what was still being opened is recorded as in flight."""
        if self.phase is RunnerPhase.MEASURE:
            self._record(perf_counter())
        self.phase = RunnerPhase.CLOSED
        await self._opener.close()

    def _record(self, now: float) -> None:
        self.phase = RunnerPhase.FINISHED
        self._opener.record_connector(self.recorder)
        for opening in self._opener.openings:
            self._record_opening(opening, now)

    def _record_opening(self, opening: WebSocketOpening, now: float) -> None:
        recorder, socket, began = self.recorder, opening.socket, opening.began
        if socket is None or began is None:
            recorder.drop(now, now, f"{self._opener.line}: not opened: the load ended before its turn")
            return
        if opening.ended is None:
            recorder.abandon(began, began, now)
            return
        if socket.status:
            recorder.statuses[socket.status] += 1
        self._opener.record(opening, recorder)
        failure = opening.failure or opening.lost
        if failure is None:
            recorder.complete(began, began, opening.ended)
        else:
            recorder.fail(failure.of(self._opener.line), began, began, opening.ended)
