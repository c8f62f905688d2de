"""Where a runner takes its requests from, as bytes that are ready to be written."""

import itertools
import os
from collections.abc import Iterator

from loadtasks.engine.http.checks import Checker
from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.request_encoder import EncodedRequest, RequestEncoder
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.load_slice import Numbers
from loadtasks.scenarios.model import HttpScenario, Request
from loadtasks.scenarios.template import Row

_NO_ROW: Row = {}


_Ready = tuple[EncodedRequest, Checker, bool]
"""A request, ready to be sent: its bytes, its checks, and whether the response's body is kept."""


class RequestSource:
    """A scenario's requests as bytes, over and over in order; each has a trace context of its own.

    Where the scenario has a feeder, each pass through the requests uses its next row.
    """

    def __init__(
        self,
        scenario: HttpScenario,
        target: Target,
        *,
        keep_bodies: bool = False,
        numbers: Numbers = itertools.count,
    ) -> None:
        """Encode every request, for every row of the feeder.

        Args:
            scenario: whose requests are sent; the load and the warm-up don't matter here.
            target: where they are sent.
            keep_bodies: whether the bodies of all responses are kept.
            numbers: which of the scenario's requests, numbered from 0, are sent here.
        """
        self.target = target
        """Where the requests are sent."""
        self._numbers = numbers
        self._ready: list[_Ready] = []
        self._reads: dict[EncodedRequest, _Ready] = {}
        self._sent = 0
        encoder = RequestEncoder(target, os.urandom(8).hex())
        templates = [_Template(encoder, request, keep_bodies) for request in scenario.requests]
        read_back, feeder = scenario.read_back, scenario.feeder
        reader = None if read_back is None else _Template(encoder, Request(path=read_back.path), keep_bodies=True)
        for row in feeder.in_order() if feeder is not None else [_NO_ROW]:
            for template in templates:
                ready = template.ready(row)
                self._ready.append(ready)
                if reader is not None:
                    self._reads[ready[0]] = reader.ready(row)
        self.rewind()

    def rewind(self) -> None:
        """Begin with the first request again; trace contexts are not repeated."""
        ready, period = self._ready, len(self._ready)
        self._upcoming: Iterator[_Ready] = (ready[number % period] for number in self._numbers())

    def next(self, due: float, ready: _Ready | None = None) -> Exchange:
        """The next request, or `ready` where it is given, due at a time of `time.perf_counter`."""
        encoded, checker, keeps_body = ready or next(self._upcoming)
        self._sent = number = self._sent + 1
        digits = b"%016x" % number
        data = b"".join((encoded.before, digits, b"-", digits, encoded.after)) if encoded.after else encoded.before
        return Exchange(encoded, checker, due, data, keeps_body)

    def read_back(self, written: Exchange, due: float) -> Exchange:
        """The request that reads back what another one wrote."""
        return self.next(due, self._reads[written.encoded])


class _Template:
    """A request that each row fills in, or that is always the same where it names no column."""

    def __init__(self, encoder: RequestEncoder, request: Request, keep_bodies: bool) -> None:
        self._encoder = encoder
        self._request = request
        self._checker = Checker(request.checks)
        self._keeps_body = keep_bodies or self._checker.reads_body
        self._constant = None if request.columns() else self._encoded(request)

    def ready(self, row: Row) -> _Ready:
        """The request of a row."""
        return self._constant or self._encoded(self._request.fed(row))

    def _encoded(self, request: Request) -> _Ready:
        return self._encoder.encode(request), self._checker, self._keeps_body
