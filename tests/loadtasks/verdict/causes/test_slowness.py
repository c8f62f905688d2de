import pytest

from loadtasks.measurement.model import Measurement
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes.diagnosis import diagnose
from tests.loadtasks.verdict.causes.cases import answered, causes, phase
from tests.measurements import histogram, measurement


@pytest.mark.parametrize(
    ("name", "cause", "step"),
    [
        ("db", "the database: the target's phase db", "slow statements"),
        ("serialize", "writing the answer: the target's phase serialize", "size of the answers"),
        ("pool", "waiting for a database connection: the target's phase pool", "allow more connections"),
        ("redis", "the cache itself: the target's phase redis", "cache's server"),
        ("pdf", "the target's phase pdf: the target's phase pdf", "phase pdf"),
    ],
)
def test_the_phase_that_takes_the_time_is_named(name: str, cause: str, step: str) -> None:
    (told,) = causes(answered(3.0, server={name: 2.5, "other": 0.1, "total": 2.65}))
    assert told.sentence == f"{cause} carries 83.3 % of the time (2.50 s a request)"
    assert step in told.next_step
    assert told.sure


def test_the_phase_that_grew_is_named_though_another_is_larger() -> None:
    before = answered(1.0, server={"db": 0.8, "serialise": 0.05, "total": 0.88})
    now = answered(2.0, server={"db": 0.9, "serialise": 0.85, "total": 1.78})
    (told,) = causes(now, before)
    assert told.sentence.startswith("writing the answer: the target's phase serialise carries 80.0 % of the growth")
    assert told.sentence.endswith("(from 50.0 ms to 850 ms a request)")


def test_shares_are_of_the_growth_though_another_phase_shrank() -> None:
    before = answered(1.0, server={"db": 0.1, "pool": 0.7, "total": 0.9})
    now = answered(2.0, server={"db": 1.5, "pool": 0.2, "total": 1.8})
    (told,) = causes(now, before)
    assert "the database: the target's phase db carries 93.3 % of the growth" in told.sentence


def test_a_baseline_of_other_requests_is_not_looked_at() -> None:
    before = answered(1.0, server={"db": 0.8}, scenario_hash="other")
    (told,) = causes(answered(3.0, server={"db": 2.5}), before)
    assert "83.3 % of the time" in told.sentence


def test_without_growth_the_time_is_told_and_that_this_is_no_certainty() -> None:
    same = answered(3.0, server={"db": 2.5})
    (told,) = causes(same, same)
    assert "83.3 % of the time (2.50 s a request)" in told.sentence
    assert "not certain: the mean hardly rose" in told.sentence
    assert not told.sure


def test_few_requests_make_it_uncertain() -> None:
    (told,) = causes(answered(3.0, number=10, server={"db": 2.5}))
    assert told.sentence.endswith("(not certain: means of only 10 requests are a matter of chance)")
    assert not told.sure


def test_phases_that_overlap_or_cover_only_some_answers_make_it_uncertain() -> None:
    (overlapping,) = causes(answered(3.0, server={"db": 2.0, "query": 0.9, "total": 2.2}))
    assert "so they overlap" in overlapping.sentence
    assert not overlapping.sure
    some = answered(3.0)
    some.phases["server:db"] = phase(2.9, 70)
    (covering,) = causes(some)
    assert "only 70.0 % of the answers tell the target's phases" in covering.sentence


def test_when_no_phase_carries_most_it_says_so() -> None:
    before = answered(1.0, server={"db": 0.3, "serialise": 0.3, "total": 0.6})
    now = answered(2.0, server={"db": 0.65, "serialise": 0.6, "total": 1.25})
    (told,) = causes(now, before)
    assert told.sentence.startswith("no single phase carries most of the growth: the largest are the target's phase db")
    assert not told.sure


def test_time_in_the_target_but_in_no_phase_is_its_own_code() -> None:
    (told,) = causes(answered(3.0, server={"db": 0.02, "total": 2.6}))
    assert told.sentence.startswith("the target's own code, outside of the phases that it names: it carries 86.0 %")


@pytest.mark.parametrize(("connect_s", "sure"), [(0.001, True), (0.5, False), (None, False)])
def test_a_queue_before_the_target_is_told_from_the_network_by_the_time_to_connect(
    connect_s: float | None, sure: bool
) -> None:
    (told,) = causes(answered(3.0, server={"db": 0.02, "total": 0.05}, connect_mean_s=connect_s))
    assert told.sentence.startswith("time before the target begins to work, or on the way to it: it carries 88.3 %")
    assert told.sure is sure
    assert ("so the network is not it" in told.sentence) is sure
    assert ("can't be told from a slow network" in told.sentence) is not sure


@pytest.mark.parametrize(("connect_s", "sure"), [(0.001, True), (0.5, False)])
def test_without_server_timing_connecting_tells_the_target_from_the_network(connect_s: float, sure: bool) -> None:
    (told,) = causes(answered(3.0, connect_mean_s=connect_s))
    assert told.sentence.startswith("time between the request and the first byte of its answer: it carries 90.0 %")
    assert told.sure is sure
    assert "Server-Timing" in told.next_step


def slow_body(body_bytes: int) -> Measurement:
    return answered(3.0, phases={"first_byte": phase(0.1), "body": phase(2.9)}, body_bytes=body_bytes)


def test_a_slow_body_is_large_answers_or_a_slow_network() -> None:
    before = answered(0.1, phases={"first_byte": phase(0.09), "body": phase(0.01)}, body_bytes=100_000)
    (larger,) = causes(slow_body(1_000_000), before)
    assert larger.sentence.startswith("the transfer of the answer's body: it carries 99.7 % of the growth")
    assert larger.sentence.endswith("the answers are larger: 10,000 bytes, 1,000 in the baseline")
    assert larger.sure
    (same,) = causes(slow_body(100_000), before)
    assert "the answers are no larger (1,000 bytes)" in same.sentence
    assert not same.sure
    (alone,) = causes(slow_body(100_000))
    assert "can't be told from" in alone.sentence
    assert not alone.sure


def test_waiting_for_a_connection_is_a_symptom_and_what_holds_them_is_named_too() -> None:
    phases = {"waiting": phase(2.7), "first_byte": phase(0.3), "server:db": phase(0.28), "server:total": phase(0.29)}
    waiting, held = causes(answered(3.0, phases=phases, service=histogram([0.3] * 100)))
    assert waiting.sentence.startswith("too few connections for this load: waiting for a free one carries 90.0 %")
    assert held.sentence.startswith("the database: the target's phase db carries 93.3 % of the time")


def test_a_small_pool_is_told_from_a_slow_query_that_holds_connections() -> None:
    before = answered(0.1, server={"pool": 0.001, "db": 0.05, "total": 0.08})
    halved = answered(0.3, server={"pool": 0.2, "db": 0.05, "total": 0.27})
    (waits,) = causes(halved, before)
    assert waits.sentence.startswith("waiting for a database connection: the target's phase pool carries")
    slow = answered(0.9, server={"pool": 0.5, "db": 0.3, "total": 0.85})
    (holds,) = causes(slow, before)
    assert holds.sentence.startswith(
        "the database, which holds each connection longer (from 50.0 ms to 300 ms a request)"
    )
    assert "slow statements" in holds.next_step


def test_the_size_of_the_pool_is_told_where_the_target_tells_it() -> None:
    before = answered(
        0.1,
        server={"pool": 0.001, "db": 0.05, "total": 0.08},
        target_metrics=TargetMetrics(gauges={"database_connections_max": (4, 4)}),
    )
    now = answered(
        0.5,
        server={"pool": 0.3, "db": 0.1, "total": 0.45},
        target_metrics=TargetMetrics(gauges={"database_connections_max": (2, 2)}),
    )
    (told,) = causes(now, before)
    assert told.sentence.startswith("waiting for a database connection")
    assert told.sentence.endswith("the target may have 2 of them, 4 in the baseline")


def test_a_few_slow_requests_are_told_from_slowness() -> None:
    tail, _ = causes(measurement(times_s=[0.1] * 90 + [3.0] * 10), wrong=("p95_s",))
    assert tail.sentence.startswith(
        "few requests are slow, not all: half took at most 100 ms, but one in twenty 3.00 s"
    )
    assert len(causes(answered(3.0), wrong=("p95_s",))) == 1


def test_of_a_tail_the_phase_of_the_slowest_request_is_told() -> None:
    now = measurement(times_s=[0.1] * 90 + [3.0] * 10, server={"db": 0.3, "pool": 0.05, "total": 0.36})
    now.phases["server:db"] = now.phases["server:db"].model_copy(update={"max_s": 2.9})
    tail, database = causes(now, wrong=("p95_s",))
    assert tail.sentence.endswith("3.00 s or more; the longest stay in the target's phase db was 2.90 s")
    assert database.sentence.startswith("the database: ")


def test_of_a_mixed_scenario_the_kind_is_named_and_then_its_phase() -> None:
    fast = {"db": 0.05, "total": 0.09}
    before = [answered(0.1, 200), answered(0.1, part="stats", server=fast), answered(0.1, part="list", server=fast)]
    now = [
        measurement(times_s=[0.12] * 100 + [1.1] * 100),
        answered(0.12, part="stats", server=fast),
        answered(1.1, part="list", server={"db": 0.95, "total": 0.98}),
    ]
    (told,) = causes(now, before)
    assert told.part == ""
    assert told.sentence.startswith(
        "list carries 98.0 % of the growth, and of that: the database: the target's phase db carries 89.1 %"
    )


def test_a_kind_of_which_no_phase_is_known_is_named_all_the_same() -> None:
    parts = [
        answered(0.1, part="stats"),
        answered(1.1, part="events", phases={"upgrade": phase(1.0)}, protocol="websocket"),
    ]
    (told,) = causes([answered(0.6, 200), *parts], wrong=("p50_s",))
    assert told.sentence == "one kind of request: events carries 91.7 % of the time"


def test_what_is_told_of_a_kind_itself_is_not_told_again_of_the_whole() -> None:
    measurements = [answered(1.5, 200), answered(0.1, part="stats"), answered(3.0, part="list", server={"db": 2.9})]
    wrong = [Finding(kind=FindingKind.TARGET, part=part, metric="p50_s", sentence="") for part in ("", "list")]
    whole, part = diagnose(measurements, [], wrong)
    assert whole.sentence == "one kind of request: list carries 96.8 % of the time"
    assert part.sentence.startswith("the database: ")


def test_kinds_that_all_slowed_share_a_cause() -> None:
    parts = ("stats", "list", "get")
    before = [answered(0.1, 300), *(answered(0.1, part=part) for part in parts)]
    now = [answered(0.5, 300), *(answered(0.5, part=part) for part in parts)]
    (told,) = causes(now, before)
    assert told.sentence.startswith("no single kind of request is the cause")
    assert not told.sure


def test_slow_connecting_is_told() -> None:
    (told,) = causes(answered(0.1, connect_mean_s=0.8), answered(0.1), wrong=("connect_mean_s",))
    assert told.sentence.startswith("opening connections: 800 ms each, 1.00 ms in the baseline; a target that accepts")
    assert not told.sure


def test_without_phases_it_says_so() -> None:
    (told,) = causes(answered(3.0, phases={}))
    assert told.sentence == "no phase was measured that could tell where the time goes"
    assert not told.sure
