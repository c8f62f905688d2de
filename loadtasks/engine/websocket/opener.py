"""Many WebSockets opened to one path of a target.

At most `AT_ONCE` are being opened at a time, begun no sooner than `APART_S` after each other; each one's time begins
with its own turn. So what is measured is how long the target takes: not the second after which a SYN is sent again that
found the target's backlog of unaccepted connections full, and not a queue of ours, since opening a connection costs
nearly 0.1 ms, during which the generator looks at no other.
"""

import asyncio
from collections.abc import Callable, Iterator
from time import perf_counter

from loadtasks.engine.http.exchange import Problem
from loadtasks.engine.net.connector import ConnectError, Connector
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.websocket.connection import WebSocketConnection, WebSocketState
from loadtasks.engine.websocket.handshake import Upgrade
from loadtasks.measurement.errors import ErrorCode

AT_ONCE = 100
"""Below the least backlog that servers commonly listen with, 128."""
APART_S = 0.00025
"""More than an opening costs, and still faster than most targets accept WebSockets."""
_CLOSE_S = 1.0
"""What a target has to answer a goodbye."""
_CHECK_EVERY_S = 0.005

OnMessage = Callable[[WebSocketConnection, str | bytes, float], None]


class Opening:
    """One WebSocket being opened, and how that went. Times are seconds of `time.perf_counter`."""

    __slots__ = ("began", "connected", "ended", "problem", "settled", "socket")

    def __init__(self) -> None:
        self.began: float | None = None
        """When its turn came; None before."""
        self.connected: float | None = None
        """When TCP and TLS stood; None before."""
        self.ended: float | None = None
        """When it was open or had failed; None before."""
        self.problem: Problem | None = None
        """Why it failed to open."""
        self.socket: WebSocketConnection | None = None
        self.settled: asyncio.Future[None] | None = None
        """There until it has ended."""

    @property
    def lost(self) -> Problem | None:
        """How it ended since it was open, though nobody here closed it; None while it is open."""
        return self.socket.problem if self.socket is not None and self.problem is None else None


class Opener:
    """Opens WebSockets to one path of a target."""

    def __init__(self, path: str, target: Target, timeout_s: float, connect_timeout_s: float) -> None:
        self.openings: list[Opening] = []
        self._upgrade = Upgrade(path, target)
        self.line = self._upgrade.line
        self._connector = Connector(target, connect_timeout_s)
        self._timeout_s = timeout_s

    async def open(self, count: int, on_message: OnMessage | None = None) -> list[Opening]:
        """Open `count` WebSockets; returns when each is open or has failed."""
        self.openings = [Opening() for _ in range(count)]
        first = perf_counter()
        turns = ((number, first + number * APART_S) for number in range(count))
        await asyncio.gather(*(self._open_in_turn(turns, on_message) for _ in range(min(count, AT_ONCE))))
        return self.openings

    async def close(self) -> None:
        """Close all that are open, and wait a while for the target to agree."""
        sockets = [opening.socket for opening in self.openings if opening.socket is not None]
        for socket in sockets:
            socket.close()
        given_up = perf_counter() + _CLOSE_S
        while any(socket.state is WebSocketState.CLOSING for socket in sockets) and perf_counter() < given_up:
            await asyncio.sleep(_CHECK_EVERY_S)
        for socket in sockets:
            if socket.state is WebSocketState.CLOSING:
                socket.abort(ErrorCode.TIMEOUT, "the goodbye was not answered")

    def record(self, opening: Opening, recorder: Recorder) -> None:
        """Record an opening's phases, and the code with which the target closed it if it did."""
        socket = opening.socket
        if socket is None or opening.began is None or not socket.opened:
            return
        recorder.phase("connect", socket.opened - opening.began)
        if opening.connected is not None:
            recorder.phase("upgrade", max(0.0, socket.opened - opening.connected))
        if socket.first_message:
            recorder.phase("first_message", socket.first_message - socket.opened)
        if socket.close_code is not None:
            recorder.statuses[socket.close_code] += 1

    async def _open_in_turn(self, turns: Iterator[tuple[int, float]], on_message: OnMessage | None) -> None:
        for number, soonest in turns:
            await asyncio.sleep(soonest - perf_counter())
            opening = self.openings[number]
            opening.socket = WebSocketConnection(
                self._upgrade, number, on_open=self._settle, on_message=on_message, on_close=self._settle
            )
            await self._open(opening, opening.socket)

    async def _open(self, opening: Opening, socket: WebSocketConnection) -> None:
        settled = opening.settled = asyncio.get_running_loop().create_future()
        opening.began = perf_counter()
        try:
            opening.connected = opening.began + await self._connector.connect(socket)
            await asyncio.wait_for(settled, self._timeout_s)
        except ConnectError as error:
            opening.ended, opening.problem = perf_counter(), error.problem
        except TimeoutError:
            opening.ended = perf_counter()
            socket.abort(ErrorCode.TIMEOUT, f"the upgrade was not answered within {self._timeout_s:g} s")
        opening.settled = None
        if not socket.opened and opening.problem is None:
            opening.problem = socket.problem

    def _settle(self, socket: WebSocketConnection) -> None:
        opening = self.openings[socket.number]
        if opening.settled is not None and not opening.settled.done():
            opening.ended = socket.opened or perf_counter()
            opening.settled.set_result(None)
