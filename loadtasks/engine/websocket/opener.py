"""Many WebSockets opened to one path of a target.

At most `MAX_CONCURRENT` are being opened at a time, each begun no sooner than `MIN_INTERVAL_S` after the last; the time
of each begins with its own turn. So what is measured is how long the target takes: not the second after which a SYN is
sent again that found the target's backlog of unaccepted connections full, and not a queue of the generator's, which
needs nearly 0.1 ms to open a connection and does nothing else meanwhile.
"""

import asyncio
from collections.abc import Callable, Iterator
from time import perf_counter

from loadtasks.engine.net.connector import ConnectError, Connector
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.failure import RequestFailure
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.websocket.connection import WebSocketConnection, WebSocketState
from loadtasks.engine.websocket.handshake import Upgrade
from loadtasks.measurement.errors import ErrorCode

MAX_CONCURRENT = 100
"""Below the smallest backlog that servers commonly listen with, 128."""
MIN_INTERVAL_S = 0.00025
"""Longer than the generator needs for an opening, and still faster than most targets accept WebSockets."""
_CLOSE_TIMEOUT_S = 1.0
"""How long the target may take to respond to a close frame."""
_CHECK_EVERY_S = 0.005

OnMessage = Callable[[WebSocketConnection, str | bytes, float], None]


class WebSocketOpening:
    """One WebSocket being opened, and how that went. Times are those of `time.perf_counter`, in seconds."""

    __slots__ = ("began", "connected", "ended", "failure", "settled", "socket")

    def __init__(self) -> None:
        self.began: float | None = None
        """When its turn came, and the target's name was resolved; None before."""
        self.connected: float | None = None
        """When TCP and TLS were established; None before."""
        self.ended: float | None = None
        """When it was open or had failed; None before."""
        self.failure: RequestFailure | None = None
        """Why it failed to open."""
        self.socket: WebSocketConnection | None = None
        self.settled: asyncio.Future[None] | None = None
        """Completed when the opening has ended; None before it begins and after it."""

    @property
    def lost(self) -> RequestFailure | None:
        """How it ended after it was open, though its owner did not close it; None while it is open."""
        return self.socket.failure if self.socket is not None and self.failure is None else None


class Opener:
    """Opens WebSockets to one path of a target, and keeps them."""

    def __init__(self, path: str, target: Target, timeout_s: float, connect_timeout_s: float) -> None:
        self.openings: list[WebSocketOpening] = []
        self._upgrade = Upgrade(path, target)
        self.line = self._upgrade.line
        self._connector = Connector(target, connect_timeout_s)
        self._timeout_s = timeout_s

    async def open(self, count: int, on_message: OnMessage | None = None) -> list[WebSocketOpening]:
        """Open `count` WebSockets. Returns them when every one is open or has failed; nothing is raised."""
        self.openings = [WebSocketOpening() for _ in range(count)]
        first = perf_counter()
        turns = ((number, first + number * MIN_INTERVAL_S) for number in range(count))
        await asyncio.gather(*(self._open_in_turn(turns, on_message) for _ in range(min(count, MAX_CONCURRENT))))
        return self.openings

    async def close(self) -> None:
        """Close all that are open, and wait up to a second for the target's close frames."""
        sockets = [opening.socket for opening in self.openings if opening.socket is not None]
        for socket in sockets:
            socket.close()
        deadline = perf_counter() + _CLOSE_TIMEOUT_S
        while any(socket.state is WebSocketState.CLOSING for socket in sockets) and perf_counter() < deadline:
            await asyncio.sleep(_CHECK_EVERY_S)
        for socket in sockets:
            if socket.state is WebSocketState.CLOSING:
                socket.abort(ErrorCode.TIMEOUT, "no response to the close frame")

    def record(self, opening: WebSocketOpening, recorder: Recorder) -> None:
        """Record an opening's phases, and the target's close code if it closed the WebSocket."""
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

    def record_connector(self, recorder: Recorder) -> None:
        """Record what is known of the target's name, see `Connector.record`."""
        self._connector.record(recorder)

    async def _open_in_turn(self, turns: Iterator[tuple[int, float]], on_message: OnMessage | None) -> None:
        for number, soonest in turns:
            await asyncio.sleep(soonest - perf_counter())
            opening = self.openings[number]
            opening.socket = WebSocketConnection(
                self._upgrade, number, on_open=self._settle, on_message=on_message, on_close=self._settle
            )
            await self._open(opening, opening.socket)

    async def _open(self, opening: WebSocketOpening, socket: WebSocketConnection) -> None:
        settled = opening.settled = asyncio.get_running_loop().create_future()
        opening.began = perf_counter()
        try:
            opening.began, opening.connected = await self._connector.connect(socket)
            await asyncio.wait_for(settled, self._timeout_s)
        except ConnectError as error:
            opening.ended, opening.failure = perf_counter(), error.failure
        except TimeoutError:
            opening.ended = perf_counter()
            socket.abort(ErrorCode.TIMEOUT, f"no response to the upgrade within {self._timeout_s:g} s")
        opening.settled = None
        if not socket.opened and opening.failure is None:
            opening.failure = socket.failure

    def _settle(self, socket: WebSocketConnection) -> None:
        opening = self.openings[socket.number]
        if opening.settled is not None and not opening.settled.done():
            opening.ended = socket.opened or perf_counter()
            opening.settled.set_result(None)
