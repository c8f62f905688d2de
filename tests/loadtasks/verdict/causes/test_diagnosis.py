from pathlib import Path

import pytest

from loadtasks.measurement.model import Measurement
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes.diagnosis import diagnose
from loadtasks.verdict.targets import throttling
from loadtasks.verdict.targets.suites import Expectation, Suite
from tests.loadtasks.verdict.causes.cases import answered, causes, failed, findings, phase
from tests.measurements import measurement


def test_what_is_good_is_not_diagnosed() -> None:
    slow = answered(3.0)
    assert diagnose([slow], [], [Finding(kind=FindingKind.IMPROVEMENT, metric="p95_s", sentence="")]) == []
    elsewhere = Finding(kind=FindingKind.TARGET, part="sessions", metric="p95_s", sentence="")
    assert diagnose([slow], [], [elsewhere]) == []


def test_a_part_that_is_wrong_is_told_as_that_part() -> None:
    parts = [answered(0.1, part="stats"), answered(3.0, part="list", server={"db": 2.9})]
    wrong = Finding(kind=FindingKind.TARGET, part="list", metric="p95_s", sentence="")
    (told,) = diagnose([answered(1.5, 200), *parts], [], [wrong])
    assert told.part == "list"
    assert told.sentence.startswith("the database: ")


def test_failures_are_told_before_slowness() -> None:
    now = failed({"status": 50}, {"200": 50, "500": 50})
    kinds = [cause.sentence.partition(":")[0] for cause in causes(now, wrong=("p95_s", "success_rate"))]
    assert kinds[0] == "an error in the target"
    assert len(kinds) == 2


def test_it_says_when_it_cannot_tell() -> None:
    (told,) = causes(measurement(), wrong=("conservation_gap",))
    assert told.sentence == "the cause can't be told from what was measured"
    assert told.next_step
    assert not told.sure


def test_metrics_that_cannot_be_read_are_one_note_and_no_cause() -> None:
    now = answered(3.0, server={"db": 2.9}, target_metrics=TargetMetrics(problem="GET /metrics answered 404"))
    cause, note = findings(now)
    assert cause.kind is FindingKind.DIAGNOSIS
    assert (note.kind, note.sentence) == (
        FindingKind.HISTORY,
        "the target's own metrics can't be used: GET /metrics answered 404",
    )
    (alone,) = findings(now, wrong=())
    assert alone == note


def test_metrics_that_stand_out_are_a_note_and_never_a_cause() -> None:
    def metrics(**counters: float) -> TargetMetrics:
        return TargetMetrics(counters=counters)

    before = answered(3.0, target_metrics=metrics(gc_total=5, queries_total=100, calm_total=500))
    now = answered(3.0, target_metrics=metrics(gc_total=99, queries_total=5000, calm_total=600, new_total=300))
    (note,) = findings(now, before, wrong=())
    assert note.kind is FindingKind.HISTORY
    assert note.sentence == (
        "the target's own metrics stand out, which need not be the cause: new_total grew by 300, 0 in the baseline; "
        "queries_total grew by 5,000, 100 in the baseline"
    )


def test_redis_that_went_down_is_a_cause_and_one_that_never_was_up_is_none() -> None:
    def redis(*up: float) -> Measurement:
        return answered(3.0, server={"db": 2.9}, target_metrics=TargetMetrics(gauges={"redis_up": (up[0], up[1])}))

    for now, before in ((redis(1, 0), None), (redis(0, 0), redis(1, 1))):
        down, database = causes(now, before)
        assert down.sentence.startswith("Redis is down for the target, as its gauge redis_up says")
        assert database.sentence.startswith("the database: ")
    for before in (None, redis(0, 0)):
        (database,) = causes(redis(0, 0), before)
        assert database.sentence.startswith("the database: ")


def test_of_a_mixed_scenario_failures_are_told_once_of_the_kind_that_failed() -> None:
    sockets = answered(0.1, part="events", phases={"upgrade": phase(0.1)}, statuses={"101": 100})
    bad = failed({"status": 50}, {"200": 50, "500": 50}, part="list")
    whole = failed({"status": 50}, {"101": 100, "200": 50, "500": 50}, completed=150)
    wrong = [Finding(kind=FindingKind.TARGET, metric="success_rate", sentence="")]
    (told,) = diagnose([whole, sockets, bad], [], wrong)
    assert told.part == ""
    assert told.sentence.startswith("list: an error in the target: 50 of 100 requests (50.0 %) were answered 500")
    wrong.append(Finding(kind=FindingKind.TARGET, part="list", metric="success_rate", sentence=""))
    (told,) = diagnose([whole, sockets, bad], [], wrong)
    assert told.part == "list"
    assert told.sentence.startswith("an error in the target: ")


LIMIT = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "throttled", "min_value": 20}}
LIMITED = Suite("dashboard", Path("dashboard.json"), (Expectation(Path("dashboard.json"), 1, LIMIT),))


def wanted(now: Measurement, *wrong: str) -> list[Finding]:
    """The causes where throttling is wanted."""
    note = next(throttling.notes([now], [LIMITED]))
    missed = [Finding(kind=FindingKind.TARGET, metric=name, sentence="") for name in wrong]
    return diagnose([now], [], [note, *missed])


@pytest.mark.parametrize(("number", "told"), [(0, "0 of 100 requests"), (40, "40 of 100 requests (40.0 %)")])
def test_a_limit_that_is_to_hold_and_does_not_is_told_without_advice_to_raise_it(number: int, told: str) -> None:
    now = measurement(times_s=[0.1] * (100 - number), throttled=number, statuses={"200": 100 - number, "429": number})
    (cause,) = wanted(now, "throttled")
    assert cause.sentence.startswith("another limit than is wanted: ")
    assert told in cause.sentence
    assert "raise" not in cause.next_step
    assert wanted(now) == []


def test_a_limit_that_is_to_hold_says_when_to_come_again() -> None:
    now = measurement(times_s=[0.1] * 60, failed=40, error="status", statuses={"200": 60, "429": 40})
    assert wanted(now, "throttled", "failed")[0].sentence == (
        "a limit that doesn't say when to come again: 40 of 100 requests (40.0 %) got 429 Too Many Requests without "
        "Retry-After"
    )
