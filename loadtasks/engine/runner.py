"""What drives one load profile, and where it takes its requests from."""

import itertools
from collections.abc import Iterator
from typing import Protocol

from loadtasks.engine.checks import Checker
from loadtasks.engine.exchange import Exchange
from loadtasks.engine.recorder import Recorder
from loadtasks.engine.target import Target
from loadtasks.engine.wire import Wire, write_down
from loadtasks.scenarios.model import Request


class Runner(Protocol):
    """Drives one profile: `prepare`, then `run` once, then `close` in any case."""

    recorder: Recorder

    async def prepare(self) -> None:
        """Open connections and warm up; nothing of it is counted."""

    async def run(self) -> None:
        """Send the load and record it."""

    def sweep(self, now: float) -> None:
        """End what has passed its timeout; called every 10 ms."""

    async def close(self) -> None:
        """Close every connection."""

    @property
    def expected(self) -> int | None:
        """How many requests the profile schedules in all; None where only time ends it."""


class Source:
    """A scenario's requests, as bytes, over and over in order."""

    def __init__(self, requests: tuple[Request, ...], target: Target, *, keep_bodies: bool = False) -> None:
        self._exchanges = [(write_down(request, target), Checker(request.checks)) for request in requests]
        self._keep_bodies = keep_bodies
        self.rewind()

    def rewind(self) -> None:
        """Begin with the first request again."""
        self._cycle: Iterator[tuple[Wire, Checker]] = itertools.cycle(self._exchanges)

    def next(self, due: float) -> Exchange:
        """The next request, due at this time."""
        wire, checker = next(self._cycle)
        return Exchange(wire, checker, due, keeps_body=self._keep_bodies or checker.reads_body)
