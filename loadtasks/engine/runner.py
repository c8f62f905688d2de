"""What drives one load profile, and where it takes its requests from."""

import itertools
import os
from collections.abc import Iterator
from typing import Protocol

from loadtasks.engine.checks import Checker
from loadtasks.engine.exchange import Exchange
from loadtasks.engine.recorder import Recorder
from loadtasks.engine.target import Target
from loadtasks.engine.wire import Wire, Writer
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
    """A scenario's requests, as bytes, over and over in order; each with a trace context of its own."""

    def __init__(self, requests: tuple[Request, ...], target: Target, *, keep_bodies: bool = False) -> None:
        writer = Writer(target, os.urandom(8).hex())
        self._ready = [
            (writer.write_down(request), checker, keep_bodies or checker.reads_body)
            for request, checker in ((request, Checker(request.checks)) for request in requests)
        ]
        self._number = 0
        self.rewind()

    def rewind(self) -> None:
        """Begin with the first request again; trace contexts go on."""
        self._cycle: Iterator[tuple[Wire, Checker, bool]] = itertools.cycle(self._ready)

    def next(self, due: float) -> Exchange:
        """The next request, due at this time."""
        wire, checker, keeps_body = next(self._cycle)
        self._number = number = self._number + 1
        digits = b"%016x" % number
        data = b"".join((wire.before, digits, b"-", digits, wire.after)) if wire.after else wire.before
        return Exchange(wire, checker, due, data, keeps_body)
