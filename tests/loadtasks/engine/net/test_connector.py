"""Connections to a name: resolved once and in a time of its own, each of its addresses tried in its turn."""

import asyncio
import contextlib
import re
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from time import perf_counter
from typing import Any

import pytest
import uvloop

from loadtasks.engine.net.connector import Connected, ConnectError, Connector
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.errors import ErrorCode
from loadtasks.redaction.redactor import Redactor

FIRST, SECOND, THIRD = "127.0.0.2", "127.0.0.3", "127.0.0.4"


class NamingLoop(uvloop.Loop):
    """Knows `api.test`, and notes when it was asked for it."""

    addresses: Sequence[str] = ()
    resolving: Callable[[], Awaitable[None]] | None = None
    """Awaited before an address is given."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.resolved_at = 0.0

    async def getaddrinfo(self, host: str, port: int, **settings: int) -> list[tuple[object, ...]]:
        assert host == "api.test"
        self.asked += 1
        if self.resolving is not None:
            await self.resolving()
        self.resolved_at = perf_counter()
        return [found for address in self.addresses for found in socket.getaddrinfo(address, port, **settings)]


def drive(drive: Callable[[NamingLoop], Awaitable[Any]], *addresses: str) -> Any:
    """Run something on a loop that knows the addresses of `api.test`."""
    with asyncio.Runner(loop_factory=NamingLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, NamingLoop)
        loop.addresses = addresses

        async def driven() -> Any:
            return await drive(loop)

        return runner.run(driven())


def listen(host: str, port: int = 0) -> socket.socket:
    return socket.create_server((host, port), backlog=16)


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


@contextlib.contextmanager
def silent(host: str, port: int = 0) -> Iterator[int]:
    """Neither accepts nor refuses connections: its backlog is full."""
    with contextlib.ExitStack() as sockets:
        hole = sockets.enter_context(socket.create_server((host, port), backlog=0))
        for _ in range(4):
            filler = sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(hole.getsockname())
        yield port_of(hole)


class Peer(asyncio.Protocol):
    """Notes which address it is connected to."""

    address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.address = transport.get_extra_info("peername")[0]
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


def connector(port: int, timeout_s: float = 5.0) -> Connector:
    return Connector(Target(f"http://api.test:{port}"), timeout_s)


async def peer_of(connector: Connector) -> str:
    peer = Peer()
    await connector.connect(peer)
    return peer.address


def recorded(connector: Connector) -> Recorder:
    recorder = Recorder()
    connector.record(recorder)
    return recorder


def test_an_address_that_is_silent_takes_its_share_of_the_time_and_the_next_is_tried() -> None:
    with silent(FIRST) as port, silent(SECOND, port), listen(THIRD, port):
        tried = connector(port, 0.6)

        async def connect(_loop: NamingLoop) -> list[str]:
            return [await peer_of(tried) for _ in range(3)]

        assert drive(connect, FIRST, SECOND, THIRD) == [THIRD] * 3
    silent_ones = dict.fromkeys((FIRST, SECOND), ErrorCode.CONNECT_TIMEOUT)
    assert recorded(tried).connections.unreachable == silent_ones


def test_an_address_that_refuses_is_passed_over_at_once() -> None:
    with listen(SECOND) as listener:
        tried = connector(port_of(listener), 3600)

        async def connect(_loop: NamingLoop) -> str:
            return await peer_of(tried)

        assert drive(connect, FIRST, SECOND) == SECOND
    assert recorded(tried).connections.unreachable == {FIRST: ErrorCode.REFUSED}


def test_the_others_are_tried_again_where_the_one_that_accepted_no_longer_does() -> None:
    with listen(SECOND) as second:
        port = port_of(second)
        tried = connector(port)

        async def connect(_loop: NamingLoop) -> list[str]:
            peers = [await peer_of(tried)]
            with listen(FIRST, port):
                peers.append(await peer_of(tried))  # the one that accepted is kept
            second.close()
            with listen(FIRST, port):
                peers += [await peer_of(tried), await peer_of(tried)]
            with listen(SECOND, port):
                return [*peers, await peer_of(tried)]

        assert drive(connect, FIRST, SECOND) == [SECOND, SECOND, FIRST, FIRST, SECOND]


def test_why_no_address_accepts_is_said_of_each() -> None:
    with silent(FIRST) as port:

        async def connect(_loop: NamingLoop) -> str:
            return await peer_of(connector(port, 0.2))

        with pytest.raises(ConnectError) as raised:
            drive(connect, FIRST, SECOND)
    assert raised.value.code is ErrorCode.REFUSED
    assert re.fullmatch(
        rf"none of the name's 2 addresses accepts a connection \({FIRST}: no connection within 0\.[01]\d? s; "
        rf"{SECOND}: connection refused\)",
        str(raised.value),
    )


def test_the_clock_of_a_connect_starts_when_the_name_is_resolved() -> None:
    async def slowly() -> None:
        await asyncio.sleep(0.05)

    with listen(FIRST) as listener:
        tried = connector(port_of(listener))

        async def connect(loop: NamingLoop) -> tuple[Connected, float]:
            loop.resolving = slowly
            return await tried.connect(Peer()), loop.resolved_at

        connected, resolved_at = drive(connect, FIRST)
    assert connected.began >= resolved_at
    assert connected.seconds == connected.ended - connected.began
    phase = recorded(tried)._phases.measured(Redactor())["name_resolution"]
    assert phase.count == 1
    assert phase.total_s >= 0.04


def test_a_name_is_resolved_once_for_all_connections() -> None:
    with listen(FIRST) as listener:
        tried = connector(port_of(listener))

        async def connect(loop: NamingLoop) -> int:
            await asyncio.gather(*(peer_of(tried) for _ in range(10)))
            await peer_of(tried)
            return loop.asked

        assert drive(connect, FIRST) == 1


def test_a_name_that_is_not_resolved_in_time_is_named_and_a_later_connection_gets_its_address() -> None:
    with listen(FIRST) as listener:
        tried = connector(port_of(listener), 0.05)

        async def connect(loop: NamingLoop) -> str:
            answered = asyncio.Event()

            async def when_answered() -> None:
                await answered.wait()

            loop.resolving = when_answered
            for _ in range(2):
                with pytest.raises(ConnectError, match=r"api.test was not resolved within 0.05 s") as raised:
                    await peer_of(tried)
                assert raised.value.code is ErrorCode.UNREACHABLE
            answered.set()
            await asyncio.sleep(0.01)
            assert loop.asked == 1
            return await peer_of(tried)

        assert drive(connect, FIRST) == FIRST


def test_a_name_that_could_not_be_resolved_is_asked_for_again() -> None:
    with listen(FIRST) as listener:
        tried = connector(port_of(listener))

        async def connect(loop: NamingLoop) -> str:
            async def fail() -> None:
                raise socket.gaierror(socket.EAI_AGAIN, "temporary failure")

            loop.resolving = fail
            with pytest.raises(ConnectError, match=r"api.test can't be resolved \(temporary failure\)"):
                await peer_of(tried)
            loop.resolving = None
            return await peer_of(tried)

        assert drive(connect, FIRST) == FIRST


def test_an_address_is_not_resolved() -> None:
    with listen(FIRST) as listener:
        tried = Connector(Target(f"http://{FIRST}:{port_of(listener)}"))

        async def connect(loop: NamingLoop) -> int:
            await peer_of(tried)
            return loop.asked

        assert drive(connect) == 0
    assert recorded(tried)._phases.measured(Redactor()) == {}
