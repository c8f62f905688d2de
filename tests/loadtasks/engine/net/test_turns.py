"""A connection that is flooded lets the event loop turn to everything else after each large read."""

import asyncio
import time

import uvloop

from loadtasks.engine.net.target import Target
from loadtasks.engine.net.turns import take_turns
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.scenarios.load import ClosedLoad
from tests.loadtasks.engine.http_runs import scenario
from tests.servers import scripted


class Reader(asyncio.Transport):
    """Notes what is done about its reading."""

    def __init__(self, closing: bool = False) -> None:
        super().__init__()
        self.done: list[str] = []
        self.closing = closing

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")


def test_reading_goes_on_in_the_next_turn() -> None:
    async def turn() -> Reader:
        transport = Reader()
        asyncio.get_running_loop().call_soon(transport.done.append, "another")
        take_turns(transport)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return transport

    assert uvloop.run(turn()).done == ["pause", "another", "resume"]


def test_a_connection_that_is_closed_meanwhile_is_left_alone() -> None:
    async def turn(at_once: bool) -> list[str]:
        transport = Reader(closing=at_once)
        take_turns(transport)
        transport.closing = True
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return transport.done

    assert uvloop.run(turn(at_once=True)) == []
    assert uvloop.run(turn(at_once=False)) == ["pause"]


def test_a_flood_of_chunks_ends_by_its_timeout() -> None:
    flood = b"1\r\nx\r\n" * 20_000

    def handle(connection: object, request: bytes) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")  # type: ignore[attr-defined]
        until = time.monotonic() + 20
        while time.monotonic() < until:
            connection.sendall(flood)  # type: ignore[attr-defined]
        return False

    with scripted(handle) as server:
        (measurement,) = run_scenario(scenario(ClosedLoad(workers=4, requests=4), timeout_s=0.3), Target(server.url))
    assert {error.code for error in measurement.errors} == {"timeout"}
    assert measurement.counts.failed == 4
