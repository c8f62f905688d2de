from pathlib import Path

import pytest

from loadtasks.engine.measurement import ErrorKind, Measurement, Phase
from loadtasks.results.judgement import Finding, FindingKind
from loadtasks.verdict import throttling
from loadtasks.verdict.diagnosis import diagnose
from loadtasks.verdict.suites import Expectation, Suite
from tests.measurements import histogram, measurement

LIMIT = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "throttled", "min_value": 20}}
LIMITED = Suite("dashboard", Path("dashboard.json"), (Expectation(Path("dashboard.json"), 1, LIMIT),))


def causes(
    now: Measurement, before: Measurement | None = None, wrong: tuple[str, ...] = ("p50_s", "p95_s")
) -> list[str]:
    kind = FindingKind.TARGET if before is None else FindingKind.REGRESSION
    findings = [Finding(kind=kind, part=now.part, metric=name, sentence="") for name in wrong]
    found = diagnose([now], [before] if before else [], findings)
    assert all(each.kind is FindingKind.DIAGNOSIS and each.part == now.part for each in found)
    return [each.sentence for each in found]


def slow(**changes: object) -> Measurement:
    """3 s a request, nine tenths of it before the first byte."""
    return measurement(times_s=[3.0] * 10, **changes)  # type: ignore[arg-type]


def test_what_is_good_is_not_diagnosed() -> None:
    assert diagnose([slow()], [], [Finding(kind=FindingKind.IMPROVEMENT, metric="p95_s", sentence="")]) == []
    elsewhere = Finding(kind=FindingKind.TARGET, part="sessions", metric="p95_s", sentence="")
    assert diagnose([slow()], [], [elsewhere]) == []


def test_the_slow_server_phase_is_named() -> None:
    (cause,) = causes(slow(server={"db": 2.5, "serialise": 0.1, "total": 2.65}))
    assert cause == "most of the time (2.50 s of 2.70 s a request, 92.6 %) is the target's server:db"


def test_the_phase_that_grew_is_named_though_another_is_larger() -> None:
    before = measurement(times_s=[1.0] * 10, server={"db": 0.8, "serialise": 0.05, "total": 0.88})
    now = measurement(times_s=[2.0] * 10, server={"db": 0.9, "serialise": 0.85, "total": 1.78})
    (cause,) = causes(now, before)
    assert cause == "most of the growth (800 ms of 900 ms a request, 88.9 %) is the target's server:serialise"


def test_a_baseline_of_other_requests_is_not_looked_at() -> None:
    before = measurement(times_s=[1.0] * 10, server={"db": 0.8}, scenario_hash="other")
    (cause,) = causes(slow(server={"db": 2.5}), before)
    assert "most of the time (2.50 s" in cause


def test_a_missed_target_without_growth_is_explained_by_the_whole_time() -> None:
    same = slow(server={"db": 2.5})
    (cause,) = causes(same, same)
    assert cause.startswith("most of the time (2.50 s")


def test_time_outside_of_the_targets_phases_is_queueing_or_network() -> None:
    (cause,) = causes(slow(server={"db": 0.02, "total": 0.05}))
    assert cause.startswith("most of the time (2.65 s of 2.70 s")
    assert "requests queue for a free worker, or the network is slow" in cause


def test_time_in_the_target_but_in_no_phase_is_told_so() -> None:
    (cause,) = causes(slow(server={"db": 0.02, "total": 2.6}))
    assert "spent in the target, in no single one of the phases" in cause
    assert "(server:db)" in cause


def test_without_server_timing_it_says_how_far_it_can_see() -> None:
    (cause,) = causes(slow())
    assert "between the request and the first byte" in cause
    assert "sends no Server-Timing" in cause


def test_a_slow_body_is_told() -> None:
    phases = {name: Phase(count=10, total_s=total, max_s=3.0) for name, total in (("first_byte", 1.0), ("body", 29.0))}
    (cause,) = causes(slow(phases=phases))
    assert "in the transfer of the body" in cause


def test_waiting_for_a_connection_is_told() -> None:
    phases = {"first_byte": Phase(count=10, total_s=1.0, max_s=0.2)}
    (cause,) = causes(slow(phases=phases, service=histogram([0.1] * 10)))
    assert "waiting for a free connection" in cause


def test_429_is_throttling_and_not_slowness() -> None:
    now = measurement(times_s=[0.1] * 60, failed=40, statuses={"200": 60, "429": 40})
    (cause,) = causes(now, wrong=("success_rate",))
    assert cause.startswith("the target throttled the load: 40 of 100 requests (40.0 %) got 429")
    assert "without Retry-After" in cause
    assert "not slowness" in cause


def test_throttled_requests_are_a_cause_and_no_error() -> None:
    now = measurement(times_s=[0.1] * 50, throttled=40, failed=10, statuses={"200": 50, "429": 40, "503": 10})
    limited, failed = causes(now, wrong=("success_rate",))
    assert limited.startswith("40 of 100 requests were throttled (429 or 503 with Retry-After): the times are those of")
    assert failed == "10 of 100 requests (10.0 %) were answered with a wrong status, e.g. GET /stats: status"


def test_one_throttled_request_of_many_is_named_where_none_may_be() -> None:
    now = measurement(times_s=[0.1] * 999, throttled=1, statuses={"200": 999, "429": 1})
    (cause,) = causes(now, wrong=("throttled",))
    assert cause.startswith("1 of 1,000 requests was throttled (429 with Retry-After): the times are those of the 999 ")
    assert "throttled" not in " ".join(causes(now, wrong=("p95_s",)))


def wanted(now: Measurement, *wrong: str) -> list[str]:
    """The causes where throttling is wanted."""
    note = next(throttling.notes([now], [LIMITED]))
    missed = [Finding(kind=FindingKind.TARGET, metric=name, sentence="") for name in wrong]
    return [each.sentence for each in diagnose([now], [], [note, *missed])]


@pytest.mark.parametrize(("number", "told"), [(0, "0 of 100 requests"), (40, "40 of 100 requests (40.0 %)")])
def test_a_limit_that_is_to_hold_and_does_not_is_told_without_advice_to_raise_it(number: int, told: str) -> None:
    now = measurement(times_s=[0.1] * (100 - number), throttled=number, statuses={"200": 100 - number, "429": number})
    (cause,) = wanted(now, "throttled")
    assert cause.startswith("the target's limit is another one than is wanted, ")
    assert told in cause
    assert "ask for" not in cause
    assert wanted(now) == []


def test_a_limit_that_is_to_hold_says_when_to_come_again() -> None:
    now = measurement(times_s=[0.1] * 60, failed=40, error="status", statuses={"200": 60, "429": 40})
    assert wanted(now, "throttled", "failed") == [
        "40 of 100 requests (40.0 %) got 429 Too Many Requests without Retry-After, so that clients can't know when to "
        "come again"
    ]


def test_the_dominant_error_is_named_with_share_and_example_beside_throttling() -> None:
    now = measurement(
        times_s=[0.1] * 50,
        failed=50,
        statuses={"200": 50, "429": 10, "503": 10},
        errors=[
            ErrorKind(kind="cut", count=30, example="GET /a: cut"),
            ErrorKind(kind="status", count=20, example="GET /a: 503"),
        ],
    )
    throttled, dominant = causes(now, wrong=("success_rate",))
    assert "10 of 100 requests" in throttled
    assert dominant.startswith("30 of 100 requests (30.0 %) were cut off by the target")
    assert dominant.endswith(", e.g. GET /a: cut")


def test_an_unknown_kind_of_error_is_named_as_it_is() -> None:
    (cause,) = causes(measurement(times_s=[0.1], failed=1, error="duplicate"), wrong=("success_rate",))
    assert "failed (duplicate), e.g. GET /stats: duplicate" in cause


def test_timeouts_and_unanswered_requests_count_together() -> None:
    now = measurement(times_s=[0.1] * 90, failed=6, in_flight=4, error="timeout")
    assert causes(now, wrong=("success_rate",)) == [
        "10 of 100 requests (10.0 %) got no answer in time, e.g. GET /stats: timeout"
    ]


def test_dropped_requests_are_told() -> None:
    (cause,) = causes(measurement(times_s=[0.1] * 90, dropped=10), wrong=("success_rate",))
    assert cause.startswith("10 of 100 requests (10.0 %) found no free connection")


def test_a_few_slow_requests_are_told_from_slowness() -> None:
    tail, _ = causes(measurement(times_s=[0.1] * 90 + [3.0] * 10), wrong=("p95_s",))
    assert tail.startswith("few requests are slow, not all: half took at most 100 ms, but one in twenty 3.00 s")
    assert len(causes(slow(), wrong=("p95_s",))) == 1


def test_it_says_when_it_cannot_tell() -> None:
    assert causes(measurement(), wrong=("connect_mean_s",)) == ["the cause can't be told from what was measured"]
    (cause,) = causes(slow(phases={}))
    assert cause == "no phase was measured that could tell where the time goes"
