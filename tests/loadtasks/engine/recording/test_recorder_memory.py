"""What an engine holds in memory depends on what it has to do, never on how often it has done it."""

import gc
import sys
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType

import pytest

from loadtasks.engine.http.connection import ConnectionState, HttpConnection
from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.response_recording import record_exchange, response_failure
from loadtasks.engine.net.connector import Connector
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.exemplars import SlowRequest
from loadtasks.engine.recording.failure import RequestFailure
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.runners.request_source import RequestSource
from tests.loadtasks.engine.http_runs import scenario
from tests.servers import NoNetwork, ok

pytestmark = pytest.mark.slow

KIB = 1024
SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType)
"""What belongs to the program, not to an object."""


def held_bytes(*roots: object) -> int:
    """The memory of objects and of all that they lead to, in bytes."""
    seen: dict[int, object] = {}
    waiting = list(roots)
    while waiting:
        found = waiting.pop()
        if id(found) not in seen and not isinstance(found, SHARED):
            seen[id(found)] = found
            waiting += gc.get_referents(found)
    return sum(map(sys.getsizeof, seen.values()))


def fill(recorder: Recorder, numbers: range) -> Iterator[int]:
    """Outcomes of every kind, all different in their times and words; yields what is held, now and then."""
    for n in numbers:
        due, end = n * 1e-3, n * 1e-3 + 0.001 + n % 1000 * 1e-6
        recorder.scheduled += 1
        recorder.dispatch(n % 100 * 1e-6)
        match n % 20:
            case 0:
                recorder.fail(RequestFailure("timeout", f"GET /{n}: no response"), due, due, end)
            case 1:
                recorder.fail(RequestFailure("cut", f"GET /{n}: cut"), due, due, end)
            case 2:
                recorder.throttle(due, end)
            case 3:
                recorder.drop(due, end, f"GET /{n}: no connection")
            case 4:
                recorder.phase("server:db", end - due)
                recorder.complete(due, due, end)
            case _:
                recorder.statuses[200 + n % 5] += 1
                recorder.complete_response(due, due + 1e-6, due + 5e-4, end)
        if end - due > recorder.slowest.from_s:
            recorder.slowest.keep(SlowRequest(end - due, due, end - due, f"GET /{n}", 200, f"r-{n}", f"t-{n}"))
        if n % 10_007 == 0:
            yield held_bytes(recorder)


def test_a_million_requests_cost_a_recorder_no_more_than_a_hundred_thousand() -> None:
    recorder = Recorder()
    early = max(fill(recorder, range(100_000)))
    recorder.fold()
    early_folded = held_bytes(recorder)
    late = max(fill(recorder, range(100_000, 1_000_000)))
    recorder.fold()
    assert recorder.done == 1_000_000
    assert late - early < 256 * KIB  # batches are fuller at one look than at another
    assert held_bytes(recorder) - early_folded < 4 * KIB


class Loop:
    """A closed load of one worker without a network: the response is there as soon as the request is sent."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        target = Target("http://127.0.0.1")
        self.source = RequestSource(scenario(), target)
        self.connection = HttpConnection(Connector(target), self._answered, lambda: self.recorder)
        self.connection.connection_made(NoNetwork())

    def send(self, numbers: range) -> None:
        """Send a request each; no two responses are alike."""
        for n in numbers:
            body = b'{"number": %d}' % n
            timing = f"Server-Timing: db;dur={n % 977}"
            self.recorder.scheduled += 1
            self.connection.send(self.source.next(n * 1e-3))
            self.connection.data_received(ok(body, f"X-Request-ID: r-{n}", timing) if n % 2 else ok(body))
            assert self.connection.state is ConnectionState.IDLE

    def _answered(self, exchange: Exchange) -> None:
        record_exchange(self.recorder, exchange, response_failure(exchange))


def test_a_hundred_thousand_responses_cost_connection_and_source_no_more_than_five_thousand() -> None:
    loop = Loop()
    loop.send(range(1, 5_000))
    loop.recorder.fold()
    early = held_bytes(loop)
    loop.send(range(5_000, 100_000))
    loop.recorder.fold()
    assert loop.recorder.completed == 99_999
    assert held_bytes(loop) - early < 32 * KIB
