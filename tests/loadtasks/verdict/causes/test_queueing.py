"""The queue before the target in a closed load: W workers, on c processes that take some time for each request."""

from typing import Any

import pytest

from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.causes.slowness import CacheHits, NetworkOrTarget, SlowStep
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes.diagnosis import diagnose
from tests.loadtasks.verdict.causes.cases import causes, likely, parameters, phase
from tests.measurements import measurement

_REQUESTS = 1000
_BODY_S = 0.0001


def closed(
    *,
    workers: int = 20,
    processes: int = 1,
    db_s: float = 0.0003,
    code_s: float = 0.0002,
    unaccounted_s: float = 0.0003,
    delay_s: float = 0.0,
    connect_s: float = 0.0002,
    in_body: float = 0.0,
    **changes: Any,
) -> Measurement:
    """A closed load by the interactive response time law; `unaccounted_s`: what a process spends on a request beyond
    the account of the target, `delay_s`: what passes without keeping a process busy, as in the network, `in_body`: the
    share of the queue that a request waits for after its head was sent."""
    own_s = db_s + code_s
    service_s = own_s + unaccounted_s
    response_s = max(service_s + delay_s, workers * service_s / processes)
    body_s = _BODY_S + in_body * (response_s - service_s)
    phases = {
        "first_byte": phase(response_s - body_s, _REQUESTS),
        "body": phase(body_s, _REQUESTS),
        "connect": phase(connect_s, workers),
        "server:db": phase(db_s, _REQUESTS),
        "server:total": phase(own_s, _REQUESTS),
    }
    plausible = {"elapsed_s": _REQUESTS * response_s / workers, "phases": phases}
    return measurement(times_s=[response_s] * _REQUESTS, **plausible | changes)


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("workers", [8, 50])
def test_a_slower_step_is_the_cause_though_most_of_the_increase_is_the_queue_that_it_lengthens(
    workers: int, processes: int
) -> None:
    before = closed(workers=workers, processes=processes)
    now = closed(workers=workers, processes=processes, db_s=0.0005)
    (cause,) = causes(now, before)
    assert (cause.code, likely(cause)) == (FindingCode.DATABASE_SLOW, True)
    step = parameters(cause, SlowStep).step
    assert (step.before_s, step.now_s) == pytest.approx((0.0003, 0.0005))
    assert step.share == pytest.approx(1.0, abs=0.01)
    assert step.queue_share == pytest.approx(1 - processes / workers, abs=0.01)


def test_the_queue_is_charged_in_proportion_to_the_steps_that_grew() -> None:
    (cause,) = causes(closed(db_s=0.0004, code_s=0.0005), closed())
    assert cause.code is FindingCode.TARGET_CODE_SLOW
    step = parameters(cause, SlowStep).step
    assert (step.share, step.queue_share) == pytest.approx((0.75, 0.75 * 0.95))


def test_work_that_moves_into_a_phase_of_its_own_makes_nobody_wait() -> None:
    before, now = threaded(db_s=0.001, code_s=0.001), threaded(db_s=0.0014, code_s=0.001)
    now.phases["server:render"] = phase(0.0002, _REQUESTS)
    (cause,) = causes(now, before)
    assert cause.code is FindingCode.DATABASE_SLOW


def threaded(*, db_s: float, code_s: float, workers: int = 10, in_account: float = 2.0, db: str = "db") -> Measurement:
    """A load of a process with threads: on average `in_account` requests are in its own account at once."""
    response_s = (db_s + code_s) * workers / in_account
    phases = {
        "first_byte": phase(response_s, _REQUESTS),
        "connect": phase(0.0002, workers),
        f"server:{db}": phase(db_s, _REQUESTS),
        "server:total": phase(db_s + code_s, _REQUESTS),
    }
    return measurement(
        times_s=[response_s] * _REQUESTS, elapsed_s=_REQUESTS * response_s / workers, phases=phases, body_bytes=0
    )


@pytest.mark.parametrize("db", ["db", "cache", "pool"])
def test_what_waits_for_the_interpreter_lock_grows_because_of_the_code_that_holds_it(db: str) -> None:
    before, now = threaded(db_s=0.0013, code_s=0.00026, db=db), threaded(db_s=0.00149, code_s=0.00033, db=db)
    (cause,) = causes(now, before)
    assert (cause.code, likely(cause)) == (FindingCode.TARGET_CODE_SLOW, True)
    step = parameters(cause, SlowStep).step
    assert step.queue_share > step.share / 2


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param(
            threaded(db_s=0.001, code_s=0.002),
            threaded(db_s=0.0016, code_s=0.0022),
            id="it grew by a larger factor",
        ),
        pytest.param(
            threaded(db_s=0.013, code_s=0.0003),
            threaded(db_s=0.026, code_s=0.0007),
            id="more than the others' code did",
        ),
        pytest.param(
            threaded(db_s=0.0013, code_s=0.0006, workers=1, in_account=1.0),
            threaded(db_s=0.0018, code_s=0.00085, workers=1, in_account=1.0),
            id="a single worker",
        ),
        pytest.param(
            threaded(db_s=0.0013, code_s=0.0006, in_account=0.9),
            threaded(db_s=0.0018, code_s=0.00085, in_account=0.9),
            id="a process that works on one at a time",
        ),
    ],
)
def test_a_slow_query_is_no_wait_for_the_code(before: Measurement, now: Measurement) -> None:
    (cause,) = causes(now, before)
    assert cause.code is FindingCode.DATABASE_SLOW


def test_a_request_queues_once_more_before_its_body_is_written() -> None:
    (cause,) = causes(closed(code_s=0.0004, in_body=0.4), closed(in_body=0.4))
    assert (cause.code, likely(cause)) == (FindingCode.TARGET_CODE_SLOW, True)
    assert parameters(cause, SlowStep).step.share == pytest.approx(1.0, abs=0.01)


def test_a_larger_body_takes_its_time_by_itself() -> None:
    before, now = closed(in_body=0.4, body_bytes=1_000_000), closed(code_s=0.0004, in_body=0.4, body_bytes=1_100_000)
    (cause,) = causes(now, before)
    assert FindingCode.TARGET_CODE_SLOW is not cause.code or parameters(cause, SlowStep).step.share < 0.7


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(closed(processes=1), id="fewer processes"),
        pytest.param(closed(processes=1, db_s=0.00031), id="fewer processes, and own time that differs by chance"),
        pytest.param(closed(processes=2, unaccounted_s=0.0006, db_s=0.00031), id="a slower server or proxy"),
    ],
)
def test_a_queue_that_grows_more_than_the_targets_own_time_is_the_cause(now: Measurement) -> None:
    (cause,) = causes(now, closed(processes=2))
    assert cause.code is FindingCode.QUEUE_BEFORE_TARGET
    assert parameters(cause, NetworkOrTarget).step.share > 0.6


_FAR = {"processes": 50, "connect_s": 0.02}
_IDLE = {"processes": 50}


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param(
            closed(workers=1, delay_s=0.02), closed(workers=1, delay_s=0.0225, db_s=0.00036), id="a single worker"
        ),
        pytest.param(
            closed(workers=1, unaccounted_s=0.001),
            closed(workers=1, unaccounted_s=0.0012, db_s=0.00036),
            id="a single worker of a busy server",
        ),
        pytest.param(
            closed(delay_s=0.02, workers=50, **_FAR),
            closed(delay_s=0.0225, workers=50, db_s=0.00036, **_FAR),
            id="a network as far as connecting",
        ),
        pytest.param(
            closed(delay_s=0.2, **_IDLE), closed(delay_s=0.22, db_s=0.0016, **_IDLE), id="a target without work"
        ),
    ],
)
def test_time_outside_is_no_queue_where_nothing_can_queue(before: Measurement, now: Measurement) -> None:
    (cause,) = causes(now, before)
    assert cause.code is FindingCode.QUEUE_BEFORE_TARGET
    assert parameters(cause, NetworkOrTarget).step.share > 0.7


@pytest.mark.parametrize("without", [0, 1])
def test_where_either_has_no_total_the_queue_is_charged_to_nothing(without: int) -> None:
    both = closed(), closed(db_s=0.0008)
    del both[without].phases["server:total"]
    before, now = both
    (cause,) = causes(now, before)
    assert cause.code is FindingCode.QUEUE_BEFORE_TARGET


def test_the_queue_of_a_part_is_of_all_requests_of_the_scenario() -> None:
    """The part has one of ten workers: its own requests never wait for each other."""

    def mixed(db_s: float) -> list[Measurement]:
        whole = closed(workers=10, db_s=db_s)
        return [whole, whole.model_copy(update={"part": "list", "elapsed_s": 10 * whole.elapsed_s})]

    wrong = [Finding(code=FindingCode.TARGET_MISSED, part="list", metric="p50_s")]
    (cause,) = diagnose(mixed(0.0005), mixed(0.0003), wrong)
    assert (cause.part, cause.code) == ("list", FindingCode.DATABASE_SLOW)


def test_computing_what_a_cache_no_longer_has_includes_the_queue() -> None:
    def cached(hits: int, db_s: float) -> Measurement:
        made = closed(db_s=db_s)
        outcomes = {"hit": hits, "miss": _REQUESTS - hits}
        made.phases["server:cache"] = phase(0.0, _REQUESTS, outcomes=outcomes)
        return made

    (cause,) = causes(cached(0, 0.003), cached(900, 0.0003))
    assert cause.code is FindingCode.CACHE_HITS_FELL
    hits = parameters(cause, CacheHits)
    assert (hits.computing_share, hits.queue_share) == pytest.approx((1.0, 0.95), abs=0.01)
