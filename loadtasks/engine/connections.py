"""WebSockets opened at once, each held until all are open. What is timed is the opening: TCP, TLS and upgrade."""

import asyncio
from collections.abc import Callable
from time import perf_counter

from loadtasks.engine.connector import ConnectError, Connector
from loadtasks.engine.exchange import Problem
from loadtasks.engine.recorder import Recorder
from loadtasks.engine.target import Target
from loadtasks.engine.websocket import Upgrade, WebSocketConnection, WebSocketState
from loadtasks.scenarios.load import ConnectionsLoad
from loadtasks.scenarios.model import ConnectionsScenario

OnMessage = Callable[[WebSocketConnection, str | bytes, float], None]


class Opening:
    """One WebSocket being opened, and how that went. Times are seconds of `time.perf_counter`."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.ended: float | None = None
        """When it was open or had failed; None before."""
        self.socket: WebSocketConnection | None = None
        self.problem: Problem | None = None


class Opener:
    """Opens WebSockets to one path of a target."""

    def __init__(self, path: str, target: Target, timeout_s: float) -> None:
        self.openings: list[Opening] = []
        self._upgrade = Upgrade(path, target)
        self.line = self._upgrade.line
        self._connector = Connector(target)
        self._timeout_s = timeout_s

    async def open(self, count: int, on_message: OnMessage | None = None) -> list[Opening]:
        """Open `count` WebSockets at once; returns when each is open or has failed."""
        began = perf_counter()
        self.openings = [Opening(began) for _ in range(count)]
        await asyncio.gather(*(self._open(opening, on_message) for opening in self.openings))
        return self.openings

    def close(self) -> None:
        """Close all that are open."""
        for opening in self.openings:
            if opening.socket is not None:
                opening.socket.close()

    async def _open(self, opening: Opening, on_message: OnMessage | None) -> None:
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def settle(socket: WebSocketConnection) -> None:
            if not settled.done():
                opening.ended = socket.opened or perf_counter()
                settled.set_result(None)

        opening.socket = WebSocketConnection(self._upgrade, on_open=settle, on_message=on_message, on_close=settle)
        try:
            await self._connector.connect(opening.socket)
            await asyncio.wait_for(settled, self._timeout_s)
        except ConnectError as error:
            opening.ended, opening.problem = perf_counter(), Problem(error.kind, str(error))
        except TimeoutError:
            opening.ended = perf_counter()
            opening.socket.abort("timeout", f"the upgrade was not answered within {self._timeout_s:g} s")
        if opening.socket.state is not WebSocketState.OPEN and opening.problem is None:
            opening.problem = opening.socket.problem


class ConnectionsRunner:
    """Drives one scenario of WebSocket connections."""

    def __init__(self, scenario: ConnectionsScenario, load: ConnectionsLoad, target: Target) -> None:
        self.recorder = Recorder()
        self._load = load
        self._opener = Opener(scenario.path, target, scenario.timeout_s)
        self._recorded = False

    @property
    def expected(self) -> int | None:
        """How many connections are opened."""
        return self._load.connections

    async def prepare(self) -> None:
        """Open one WebSocket, so that the first measured one doesn't pay for what only the first pays."""
        await self._opener.open(1)
        self._opener.close()

    async def run(self) -> None:
        """Open all, hold them until all are open, close them."""
        self.recorder.scheduled = self._load.connections
        await self._opener.open(self._load.connections)
        self._record(perf_counter())

    def sweep(self, now: float) -> None:
        """Nothing: each opening has its own timeout."""

    async def close(self) -> None:
        """Close what is open; what was still opening is in flight at the deadline."""
        if self.recorder.scheduled and not self._recorded:
            self._record(perf_counter())
        self._opener.close()

    def _record(self, now: float) -> None:
        self._recorded = True
        for opening in self._opener.openings:
            socket = opening.socket
            if socket is not None and socket.status:
                self.recorder.statuses[socket.status] += 1
            if opening.ended is None:
                self.recorder.abandon(opening.began, opening.began, now)
            elif opening.problem is not None:
                kind, description = opening.problem
                example = f"{self._opener.line}: {description}"
                self.recorder.fail(kind, example, opening.began, opening.began, opening.ended)
            else:
                self.recorder.complete(opening.began, opening.began, opening.ended)
                self.recorder.phase("connect", opening.ended - opening.began)
