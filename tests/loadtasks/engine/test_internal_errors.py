"""Mistakes of the engine itself: wherever a callback fails, the load ends, the error is named, no count is wrong."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from loadtasks.engine.generator.monitor import Monitor
from loadtasks.engine.http.checks import Checker
from loadtasks.engine.http.connection import HttpConnection
from loadtasks.engine.internal_errors import LoopGuard, surface
from loadtasks.engine.net.connector import Connector
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.run_paired import RoundPlan, TargetPair, run_paired
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.engine.runners.broadcast import BroadcastRunner
from loadtasks.engine.runners.closed import ClosedRunner
from loadtasks.engine.runners.open import OpenRunner
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.engine.websocket.deliveries import Deliveries
from loadtasks.measurement.errors import ErrorCode
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode
from loadtasks.scenarios.load import BroadcastLoad, ClosedLoad, OpenLoad
from loadtasks.scenarios.model import Checks, ReadBack, Request, Scenario
from loadtasks.verdict import validity
from tests.loadtasks.engine.http_runs import scenario
from tests.loadtasks.engine.runners.test_broadcast import broadcast
from tests.loadtasks.engine.websocket.fanout import Fanout, in_thread
from tests.servers import answering, ok, scripted

CLOSED = ClosedLoad(workers=2, requests=10)
OPEN = OpenLoad(rate=100.0, duration_s=0.1)
GET = Request(path="/thing", checks=Checks(body_matches="ok"))


class MistakeError(Exception):
    """What nobody foresaw."""


def breaking(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, *, after: int = 3) -> None:
    """Let a method fail each time but the first ones."""
    right: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def broken(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > after:
            raise MistakeError("of ours")
        return right(*arguments, **named)

    monkeypatch.setattr(owner, name, broken)


def measured(chosen: Scenario) -> Measurement:
    with scripted(answering(ok(b"ok"))) as server:
        (measurement,) = run_scenario(chosen, Target(server.url))
    return measurement


def internal(measurement: Measurement) -> tuple[int, str]:
    """How often the engine failed, and one sample; that makes the measurement invalid, and nothing else failed."""
    (error,) = [error for error in measurement.errors if error.code is ErrorCode.INTERNAL_ERROR]
    assert measurement.counts.failed == 0
    assert measurement.conservation_gap == 0
    codes = [finding.code for finding in validity.findings("thing.test", [measurement], {})]
    assert codes[0] is FindingCode.INTERNAL_ERROR
    return error.count, error.sample


@pytest.mark.parametrize("load", [CLOSED, OPEN], ids=["closed", "open"])
def test_a_response_that_breaks_the_checks_is_an_internal_error_and_the_load_goes_on(
    load: ClosedLoad | OpenLoad, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking(monkeypatch, Checker, "problem")
    measurement = measured(scenario(load, GET))
    counts = measurement.counts
    assert (counts.scheduled, counts.completed, counts.internal_errors) == (10, 3, 7)
    assert measurement.success_rate == 1.0, "of those that the engine could judge"
    count, sample = internal(measurement)
    assert count == 7
    assert sample.startswith("GET /thing: MistakeError: of ours (")
    assert sample.endswith(")")
    assert ", line " in sample


@pytest.mark.parametrize(
    ("owner", "name", "load"),
    [
        (Recorder, "complete_response", CLOSED),
        (Recorder, "complete_response", OPEN),
        (RequestSource, "next", CLOSED),
        (RequestSource, "next", OPEN),
        (ClosedRunner, "_send_next", CLOSED),
        (OpenRunner, "_free", OPEN),
        (ClosedRunner, "sweep", ClosedLoad(workers=1, duration_s=60.0)),
        (Monitor, "_again", ClosedLoad(workers=1, duration_s=60.0)),
        (HttpConnection, "send", CLOSED),
    ],
)
def test_whatever_else_fails_ends_the_load_and_is_named(
    owner: type, name: str, load: ClosedLoad | OpenLoad, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking(monkeypatch, owner, name)
    measurement = measured(scenario(load, GET))
    assert measurement.counts.scheduled < 5000
    count, sample = internal(measurement)
    assert count >= 1
    assert "MistakeError: of ours" in sample


def test_an_error_of_the_operating_system_in_a_callback_is_not_taken_for_the_networks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Checker, "problem", full)
    assert internal(measured(scenario(CLOSED, GET)))[0] == 10


def test_a_callback_of_the_parser_that_fails_is_no_malformed_response(monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch, HttpConnection, "on_header", after=0)
    assert internal(measured(scenario(CLOSED, GET)))[0] == 10


def test_a_connection_that_fails_on_our_side_is_no_refused_one(monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch, Connector, "_attempt", after=0)
    measurement = measured(scenario(ClosedLoad(workers=1, requests=2), GET))
    assert internal(measurement)[0] == 2


def test_what_is_read_back_breaks_no_count(monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch, Checker, "problem", after=1)
    put = Request(method="PUT", path="/thing", json_body={"a": 1})
    measurement = measured(scenario(ClosedLoad(workers=1, requests=3), put, read_back=ReadBack(path="/thing")))
    assert measurement.counts.internal_errors == 3
    assert internal(measurement)[0] == 3


def test_both_sides_of_a_paired_run_end(monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch, Checker, "problem", after=7)
    with scripted(answering(ok(b"ok"))) as server:
        targets = TargetPair(Target(server.url), Target(server.url, role="reference"))
        plan = RoundPlan(lambda ratios: 0 if ratios[0].candidate_first else 10, "seed")
        paired = run_paired(scenario(CLOSED, GET), targets, plan)
    assert paired.candidate[0].counts.internal_errors > 0
    assert internal(paired.candidate[0])[0] == paired.candidate[0].counts.internal_errors


@pytest.mark.parametrize(
    ("owner", "name"), [(Deliveries, "arrived"), (BroadcastRunner, "_take_id"), (Deliveries, "published")]
)
def test_broadcasts(owner: type, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch, owner, name)
    with in_thread(Fanout()) as url:
        load = BroadcastLoad(listeners=2, events=5, rate=50.0)
        (measurement,) = run_scenario(broadcast(load, timeout_s=0.5), Target(url))
    codes = {error.code: error.count for error in measurement.errors}
    assert codes[ErrorCode.INTERNAL_ERROR] >= 2
    assert measurement.conservation_gap == 0
    findings = validity.findings("thing.test", [measurement], {})
    assert findings[0].code is FindingCode.INTERNAL_ERROR
    assert findings[0].code.kind.value == "validity"


def test_an_interrupt_amid_a_callback_is_no_internal_error() -> None:
    async def load() -> None:
        guard = LoopGuard()
        asyncio.get_running_loop().call_later(0.01, surface, KeyboardInterrupt())
        await guard.run(asyncio.sleep(60))

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(load())
