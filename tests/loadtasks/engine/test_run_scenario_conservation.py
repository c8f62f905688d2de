"""No request is lost or counted twice, whatever the target does: random scripts of faults over real sockets.

The server writes down what it did about each request, so that nearly every count is determined. Two things are not. A
machine that stands still for longer than the timeout makes a good response a timeout; so scripts without a stall have a
timeout that nothing reaches, and what they count must be exact. And how many connections are refused while the server
refuses any is the scheduler's to say.
"""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtasks.engine.http import connection as http_connection
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.load_slice import LoadSlice
from loadtasks.engine.profiles.pacer import pacer_of
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.engine.runners import closed
from loadtasks.engine.runners.selection import runner_for
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.load import ClosedLoad, OpenLoad
from loadtasks.scenarios.model import HttpScenario, Request
from tests.servers import Act, FaultyServer, faulty, hanging_up, ok

FEW = settings(max_examples=12, derandomize=True)
LONG_S, SHORT_S = 30.0, 0.06
MAX_BYTES = 4096


@pytest.fixture(autouse=True, scope="module")
def small_limits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http_connection, "MAX_BODY", MAX_BYTES)
        patch.setattr(http_connection, "MAX_CHECKED", MAX_BYTES)
        patch.setattr(closed, "PAUSE_AFTER_REFUSAL_S", 0.01)
        yield


@dataclass(frozen=True)
class Fault:
    """What the server does about a request, and what the engine must make of it."""

    name: str
    outcome: str
    """`completed`, `throttled`, or the kind of the failure."""
    status: int
    """0 where no status arrives."""
    act: Act

    def __repr__(self) -> str:
        return self.name


def writes(*pieces: bytes, then: str = "keep", gap_s: float = 0.0) -> Act:
    """Write the pieces one after the other, then keep the connection, close it, reset it, or stall on it."""

    async def act(server: FaultyServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(gap_s)
        if then == "close":
            writer.close()
        elif then == "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        elif then == "stall":
            await reader.read()  # until the client has had enough

    return act


async def dribble_for_ever(server: FaultyServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not reader.at_eof():
        writer.write(b"1\r\nx\r\n")
        with suppress(TimeoutError):
            await asyncio.wait_for(reader.read(), 0.005)
    raise ConnectionResetError


async def refuse(server: FaultyServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    server.refuse(0.02)
    writer.write(ok(b"{}", "Connection: close"))
    writer.close()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMITED = ok(b"", "Retry-After: 1", status="429 Too Many Requests")
UNAVAILABLE = ok(b"", status="503 Service Unavailable")
NOT_FOUND = ok(b"", status="404 Not Found")
DETERMINED = (
    Fault("good", "completed", 200, writes(ok())),
    Fault("in pieces", "completed", 200, writes(*(ok()[at : at + 9] for at in range(0, len(ok()), 9)), gap_s=0.001)),
    Fault("chunked", "completed", 200, writes(CHUNKED, b"2\r\n{}\r\n", b"0\r\n\r\n")),
    Fault("to the end", "completed", 200, writes(b"HTTP/1.1 200 OK\r\n\r\n{", b"}", then="close")),
    Fault("last", "completed", 200, writes(ok(b"{}", "Connection: close"), then="close")),
    Fault("interim", "completed", 200, writes(b"HTTP/1.1 103 Early Hints\r\n\r\n", ok())),
    Fault("two responses", "completed", 200, writes(ok() + NOT_FOUND, then="close")),
    Fault("reset", "cut", 0, writes(then="reset")),
    Fault("closed", "cut", 0, writes(then="close")),
    Fault("half a head", "cut", 0, writes(ok()[:25], then="close")),
    Fault("truncated", "cut", 200, writes(ok(b"1234567890")[:-4], then="close")),
    Fault("reset before its end", "cut", 200, writes(b"HTTP/1.1 200 OK\r\n\r\n{", then="reset", gap_s=0.01)),
    Fault("no last chunk", "cut", 200, writes(CHUNKED + b"2\r\n{}\r\n", then="close")),
    Fault("noise", "malformed", 0, writes(b"SSH-2.0-OpenSSH_9.2\r\n")),
    Fault("bad chunk", "malformed", 200, writes(CHUNKED + b"what?\r\n")),
    Fault("too large", "too_large", 200, writes(ok(b"x" * (MAX_BYTES + 1)))),
    Fault("limited", "throttled", 429, writes(LIMITED)),
    Fault("unavailable", "status", 503, writes(UNAVAILABLE)),
    Fault("not found", "status", 404, writes(NOT_FOUND)),
)
STALLS = (
    Fault("stall", "timeout", 0, writes(then="stall")),
    Fault("stall in a body", "timeout", 200, writes(ok(b"1234567890")[:-4], then="stall")),
    Fault("dribble for ever", "timeout", 200, dribble_for_ever),
)
GOOD, STALL = DETERMINED[0], STALLS[0]
UNDETERMINED = (
    # The next request may already be under way when the engine learns that the connection is gone.
    Fault("closed after", "completed", 200, writes(ok(), then="close")),
    Fault("refuse", "completed", 200, refuse),
)


def scripts(*faults: Fault, max_size: int) -> st.SearchStrategy[list[Fault]]:
    return st.lists(st.sampled_from(faults), min_size=1, max_size=max_size)


def scenario(load: ClosedLoad | OpenLoad, timeout_s: float) -> HttpScenario:
    return HttpScenario(
        name="thing.faulty",
        endpoint="thing",
        requests=(Request(path="/thing"),),
        load=load,
        timeout_s=timeout_s,
        warmup_requests=0,
    )


@dataclass(frozen=True)
class Observed:
    """What a run counted, and what its server did."""

    measurement: Measurement
    outcomes: Counter[str]
    statuses: Counter[int]
    """Of the measurement."""
    done: list[int]
    done_outcomes: Counter[str]
    """But for those of requests that were sent again."""
    done_statuses: Counter[int]
    """Of the server."""


def observe(load: ClosedLoad | OpenLoad, script: list[Fault], timeout_s: float = LONG_S) -> Observed:
    """Run a load against a script, and see that the measurement agrees with itself."""
    with faulty([fault.act for fault in script]) as server:
        (measurement,) = run_scenario(scenario(load, timeout_s), Target(server.url))
    counts, errors = measurement.counts, {error.code: error.count for error in measurement.errors}
    assert measurement.conservation_gap == 0
    assert counts.in_flight == 0
    assert sum(errors.values()) == counts.failed + counts.dropped
    assert sum(measurement.statuses.values()) <= counts.scheduled - counts.dropped
    assert measurement.phases.keys() <= {"connect", "waiting", "first_byte", "body"}
    first_bytes = measurement.phases.get("first_byte")
    assert (first_bytes.count if first_bytes else 0) == counts.completed
    done = [script[act] for act in server.done]
    # Over a connection that was idle, `reset` and `closed` are no failure: the request was sent again.
    resent = Counter(cut=measurement.stale_connections)
    return Observed(
        measurement=measurement,
        outcomes=+Counter({"completed": counts.completed, "throttled": counts.throttled, **errors}),
        statuses=Counter({int(status): count for status, count in measurement.statuses.items()}),
        done=server.done,
        done_outcomes=+(Counter(fault.outcome for fault in done) - resent),
        done_statuses=Counter(fault.status for fault in done if fault.status),
    )


def assert_timed(measurement: Measurement, *, never_due: int = 0) -> None:
    """Timed is what was completed, and what waited in vain; nothing else."""
    timeouts = sum(error.count for error in measurement.errors if error.code == "timeout")
    counts = measurement.counts
    waited = counts.dropped - never_due
    sent = counts.completed + timeouts + counts.in_flight
    assert measurement.response.count == measurement.send_lag.count == sent + waited
    assert measurement.service.count == sent


def assert_exact(observed: Observed) -> None:
    """The engine counted just what the server did."""
    assert observed.outcomes == observed.done_outcomes
    assert observed.statuses == observed.done_statuses
    assert_timed(observed.measurement)


def assert_exact_but_for_late_responses(observed: Observed, *more: str) -> None:
    """The engine counted what the server did, but for timeouts that came first, and `more`."""
    extra = observed.outcomes - observed.done_outcomes
    hidden = observed.done_outcomes - observed.outcomes
    assert extra.keys() <= {"timeout", *more}
    assert hidden.total() <= extra["timeout"]
    assert not observed.statuses - observed.done_statuses


@FEW
@given(script=scripts(*DETERMINED, max_size=24), workers=st.integers(1, 4))
def test_a_closed_load_counts_just_what_the_target_did(script: list[Fault], workers: int) -> None:
    observed = observe(ClosedLoad(workers=workers, requests=len(script)), script)
    sent = len(script) + observed.measurement.stale_connections
    assert observed.done == [number % len(script) for number in range(sent)]
    assert_exact(observed)


def open_loads(**settings: object) -> st.SearchStrategy[OpenLoad]:
    return st.builds(
        OpenLoad,
        rate=st.just(400.0),
        duration_s=st.floats(0.01, 0.06),
        arrivals=st.sampled_from(("constant", "poisson")),
        seed=st.integers(0, 1000),
        max_connections=st.integers(1, 4),
        **{name: st.just(value) for name, value in settings.items()},
    )


@FEW
@given(script=scripts(*DETERMINED, max_size=24), load=open_loads())
def test_an_open_load_counts_just_what_the_target_did(script: list[Fault], load: OpenLoad) -> None:
    observed = observe(load, script)
    measurement = observed.measurement
    assert measurement.counts.scheduled == pacer_of(load).count == len(observed.done) - measurement.stale_connections
    assert_exact(observed)


@FEW
@given(
    script=scripts(*DETERMINED, *UNDETERMINED, max_size=24),
    load=st.one_of(
        open_loads(),
        st.builds(ClosedLoad, workers=st.integers(1, 4), requests=st.integers(1, 24)),
    ),
)
def test_refused_connections_take_nothing_from_what_the_target_did(
    script: list[Fault], load: OpenLoad | ClosedLoad
) -> None:
    observed = observe(load, script)
    assert not observed.done_outcomes - observed.outcomes
    extra = observed.outcomes - observed.done_outcomes
    assert extra.keys() <= {"refused", "unreachable", "cut"}
    # A request that was sent again may have been read first, or not.
    sent = observed.measurement.counts.scheduled + observed.measurement.stale_connections
    assert sent >= len(observed.done) + extra.total() >= observed.measurement.counts.scheduled
    assert observed.statuses == observed.done_statuses
    assert_timed(observed.measurement)


@FEW
@given(script=scripts(*DETERMINED, *STALLS, *STALLS, max_size=8), workers=st.integers(1, 4))
def test_stalls_of_a_closed_load_are_timeouts(script: list[Fault], workers: int) -> None:
    observed = observe(ClosedLoad(workers=workers, requests=len(script)), script, SHORT_S)
    assert observed.measurement.counts.scheduled == len(script)
    assert_exact_but_for_late_responses(observed)
    assert_timed(observed.measurement)


@FEW
@given(script=scripts(*DETERMINED, *STALLS, max_size=8), load=open_loads(queue_timeout_s=0.03))
def test_stalls_of_an_open_load_are_timeouts_and_drop_what_waits_behind_them(
    script: list[Fault], load: OpenLoad
) -> None:
    observed = observe(load, script, SHORT_S)
    assert observed.measurement.counts.scheduled == pacer_of(load).count
    assert_exact_but_for_late_responses(observed, "dropped")
    assert_timed(observed.measurement)


@settings(FEW, max_examples=5)
@given(script=scripts(*DETERMINED, *STALLS, max_size=8), workers=st.integers(1, 4))
def test_what_a_closed_load_has_no_time_for_is_dropped_and_not_timed(script: list[Fault], workers: int) -> None:
    load = ClosedLoad(workers=workers, requests=100_000, max_duration_s=0.03)
    observed = observe(load, script, SHORT_S)
    assert observed.measurement.counts.scheduled == 100_000
    assert observed.measurement.counts.dropped > 0
    assert_exact_but_for_late_responses(observed, "dropped")
    assert_timed(observed.measurement, never_due=observed.measurement.counts.dropped)


def interrupted(load: ClosedLoad | OpenLoad, script: list[Fault], after: int, timeout_s: float) -> Recorder:
    """Run a load and cancel it once the server has read so many requests, whatever is under way then."""

    async def drive(server: FaultyServer) -> Recorder:
        runner = runner_for(LoadSlice(scenario(load, timeout_s)), Target(server.url))
        await runner.prepare()
        running = asyncio.create_task(runner.run())
        while len(server.done) < after and not running.done():
            await asyncio.sleep(0.001)
            runner.sweep(perf_counter())
        running.cancel()
        await asyncio.wait({running})
        await runner.close()
        ended = runner.recorder.done
        await asyncio.sleep(0.01)  # what was still on its way to a connection changes nothing
        assert runner.recorder.done == ended == runner.recorder.scheduled
        runner.recorder.fold()
        return runner.recorder

    with faulty([fault.act for fault in script]) as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        return loop.run(drive(server))


def test_an_interrupted_closed_load_has_in_flight_what_is_unanswered() -> None:
    script = [GOOD] * 5 + [STALL] * 100
    recorder = interrupted(ClosedLoad(workers=3, requests=50), script, after=8, timeout_s=LONG_S)
    assert (recorder.scheduled, recorder.completed, recorder.in_flight) == (8, 5, 3)
    assert recorder.response.count == 8


def test_an_interrupted_open_load_has_in_flight_what_is_unanswered_and_drops_what_waits() -> None:
    script = [GOOD] * 5 + [STALL] * 100
    load = OpenLoad(rate=1000, duration_s=5, max_connections=2)
    recorder = interrupted(load, script, after=7, timeout_s=LONG_S)
    assert (recorder.completed, recorder.in_flight) == (5, 2)
    assert recorder.dropped == recorder.scheduled - 7
    assert recorder.response.count == recorder.scheduled


@FEW
@given(
    script=scripts(*DETERMINED, *STALLS, *UNDETERMINED, max_size=24),
    load=st.one_of(open_loads(), st.builds(ClosedLoad, workers=st.integers(1, 4), requests=st.just(1000))),
    after=st.integers(0, 24),
)
def test_an_interruption_at_any_moment_loses_nothing(
    script: list[Fault], load: ClosedLoad | OpenLoad, after: int
) -> None:
    interrupted(load, script, after, SHORT_S)


@pytest.mark.parametrize(
    "load",
    [ClosedLoad(workers=2, requests=10), OpenLoad(rate=200, duration_s=0.1, max_connections=2)],
    ids=["closed", "open"],
)
def test_a_target_that_hangs_up_at_once_fails_every_request_after_one_attempt(load: ClosedLoad | OpenLoad) -> None:
    with hanging_up() as url:
        (measurement,) = run_scenario(scenario(load, LONG_S), Target(url))
    assert measurement.conservation_gap == 0
    assert measurement.counts.failed == measurement.counts.scheduled > 0
    assert {error.code for error in measurement.errors} <= {"cut", "unreachable"}
    assert measurement.response.count == 0
