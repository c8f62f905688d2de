"""Where a runner takes its requests from, as bytes that are ready to be written."""

import itertools
import os
from collections.abc import Iterator

from loadtasks.engine.http.checks import Checker
from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.request_encoder import EncodedRequest, RequestEncoder
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.load_slice import Numbers
from loadtasks.scenarios.model import SAFE_METHODS, HttpScenario, ReadBack, Request
from loadtasks.scenarios.template import Row

_NO_ROW: Row = {}
_OF_THE_WRITE = ("content-", "if-")
"""How headers begin that speak of the written body or of a condition for writing; reading back leaves them out."""
_OF_THE_WRITE_ALONE = frozenset(
    {"expect", "prefer", "range", "transfer-encoding", "x-http-method", "x-http-method-override", "x-method-override"}
)


_Ready = tuple[EncodedRequest, Checker, bool]
"""A request, ready to be sent: its bytes, its checks, and whether the response's body is kept."""


class RequestSource:
    """A scenario's requests as bytes, over and over in order; each has a trace context of its own.

    Where the scenario has a feeder, each pass through the requests uses its next row. The warm-up takes its rows from
    the end of the feeder's order, counted backwards, so that it neither moves the load's position nor warms the target
    for the rows that the load begins with; and it never sends a row by an unsafe method, which would use it up.
    """

    def __init__(
        self,
        scenario: HttpScenario,
        target: Target,
        *,
        keep_bodies: bool = False,
        numbers: Numbers = itertools.count,
        warmup_numbers: Numbers | None = None,
    ) -> None:
        """Encode every request, for every row of the feeder.

        Args:
            scenario: whose requests are sent; the load and the warm-up don't matter here.
            target: where they are sent.
            keep_bodies: whether the bodies of all responses are kept.
            numbers: which of the scenario's requests, numbered from 0, are sent here.
            warmup_numbers: the same of the warm-up's requests; as `numbers` where it isn't given.
        """
        self.target = target
        """Where the requests are sent."""
        self._numbers = numbers
        self._warmup_numbers = warmup_numbers or numbers
        self._ready: list[_Ready] = []
        self._warmup: list[_Ready] = []
        self._reads: dict[EncodedRequest, _Ready] = {}
        self._sent = 0
        encoder = RequestEncoder(target, os.urandom(8).hex())
        templates = [_Template(encoder, request, keep_bodies) for request in scenario.requests]
        readers = [_reader(encoder, request, scenario.read_back) for request in scenario.requests]
        rows = [_NO_ROW] if scenario.feeder is None else scenario.feeder.in_order()
        rounds = []
        for row in rows:
            rounds.append([template.ready(row) for template in templates])
            self._ready += rounds[-1]
            for ready, reader in zip(rounds[-1], readers, strict=True):
                if reader is not None:
                    self._reads[ready[0]] = reader.ready(row)
        spares_rows = [not template.uses_row_up for template in templates]
        for one in reversed(rounds):
            self._warmup += itertools.compress(one, spares_rows)
        self.rewind()

    def rewind(self) -> None:
        """Go on with the load's first request; trace contexts are not repeated."""
        self._upcoming = _over_and_over(self._ready, self._numbers)

    def warm_up(self) -> bool:
        """Go on with the warm-up's first request, until `rewind`. Returns whether the warm-up has any."""
        self._upcoming = _over_and_over(self._warmup, self._warmup_numbers)
        return bool(self._warmup)

    def next(self, due: float, ready: _Ready | None = None) -> Exchange:
        """The next request, or `ready` where it is given, due at a time of `time.perf_counter`."""
        encoded, checker, keeps_body = ready or next(self._upcoming)
        self._sent = number = self._sent + 1
        digits = b"%016x" % number
        data = b"".join((encoded.before, digits, b"-", digits, encoded.after)) if encoded.after else encoded.before
        return Exchange(encoded, checker, due, data, keeps_body)

    def read_back(self, written: Exchange, due: float) -> Exchange | None:
        """The request that reads back what another one wrote; None where nothing is read back."""
        ready = self._reads.get(written.encoded)
        return None if ready is None else self.next(due, ready)


def _over_and_over(ready: list[_Ready], numbers: Numbers) -> Iterator[_Ready]:
    period = len(ready)
    return (ready[number % period] for number in numbers())


def _reader(encoder: RequestEncoder, request: Request, read_back: ReadBack | None) -> "_Template | None":
    """What reads back what a request wrote, with that request's own headers; None where it wrote no JSON."""
    if read_back is None or request.json_body is None:
        return None
    headers = {
        name: value
        for name, value in request.headers.items()
        if not name.lower().startswith(_OF_THE_WRITE) and name.lower() not in _OF_THE_WRITE_ALONE
    }
    return _Template(encoder, Request(path=read_back.path, headers=headers), keep_bodies=True)


class _Template:
    """A request that each row fills in, or that is always the same where it names no column."""

    def __init__(self, encoder: RequestEncoder, request: Request, keep_bodies: bool) -> None:
        self._encoder = encoder
        self._request = request
        self._checker = Checker(request.checks)
        self._keeps_body = keep_bodies or self._checker.reads_body
        self._constant = None if request.columns() else self._encoded(request)
        self.uses_row_up = self._constant is None and request.method not in SAFE_METHODS
        """Whether sending it changes what its row names, so that the row can't be sent again with the same result."""

    def ready(self, row: Row) -> _Ready:
        """The request of a row."""
        return self._constant or self._encoded(self._request.fed(row))

    def _encoded(self, request: Request) -> _Ready:
        return self._encoder.encode(request), self._checker, self._keeps_body
