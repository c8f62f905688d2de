import pytest

from loadtasks.measurement.model import Measurement, Protocol
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.results.findings.causes.slowness import (
    BodyTransfer,
    BusyConnections,
    DatabasePool,
    Doubt,
    DoubtCode,
    HeldConnections,
    LargestSteps,
    MeanTime,
    NetworkOrTarget,
    PartShare,
    SlowConnecting,
    SlowStep,
    SlowTail,
)
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes.diagnosis import diagnose
from tests.loadtasks.verdict.causes.cases import causes, codes, completed, likely, parameters, phase
from tests.measurements import histogram, measurement


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("db", FindingCode.DATABASE_SLOW),
        ("serialize", FindingCode.SERIALISATION_SLOW),
        ("redis", FindingCode.CACHE_SLOW),
        ("pdf", FindingCode.PHASE_SLOW),
    ],
)
def test_the_phase_that_takes_the_time_is_the_cause(name: str, code: FindingCode) -> None:
    (cause,) = causes(completed(3.0, server={name: 2.5, "other": 0.1, "total": 2.65}))
    assert cause.code is code
    slow = parameters(cause, SlowStep)
    assert (slow.step.phase, slow.step.before_s, slow.doubts) == (name, None, ())
    assert slow.step.share == pytest.approx(0.833, abs=0.001)
    assert slow.step.now_s == pytest.approx(2.5)
    assert likely(cause)


def test_waiting_for_a_pool_is_a_cause_of_its_own() -> None:
    (cause,) = causes(completed(3.0, server={"pool": 2.5, "other": 0.1, "total": 2.65}))
    assert cause.code is FindingCode.DATABASE_POOL_EXHAUSTED
    assert parameters(cause, DatabasePool).size is None
    assert likely(cause)


def test_the_phase_that_grew_is_named_though_another_is_larger() -> None:
    before = completed(1.0, server={"db": 0.8, "serialise": 0.05, "total": 0.88})
    now = completed(2.0, server={"db": 0.9, "serialise": 0.85, "total": 1.78})
    (cause,) = causes(now, before)
    assert cause.code is FindingCode.SERIALISATION_SLOW
    step = parameters(cause, SlowStep).step
    assert (step.share, step.before_s, step.now_s) == pytest.approx((0.8, 0.05, 0.85), abs=0.001)


def test_shares_are_of_the_increase_though_another_phase_shrank() -> None:
    before = completed(1.0, server={"db": 0.1, "pool": 0.7, "total": 0.9})
    now = completed(2.0, server={"db": 1.5, "pool": 0.2, "total": 1.8})
    (cause,) = causes(now, before)
    assert cause.code is FindingCode.DATABASE_SLOW
    assert parameters(cause, SlowStep).step.share == pytest.approx(0.933, abs=0.001)


def test_a_baseline_of_other_requests_is_not_compared() -> None:
    before = completed(1.0, server={"db": 0.8}, scenario_hash="other")
    (cause,) = causes(completed(3.0, server={"db": 2.5}), before)
    step = parameters(cause, SlowStep).step
    assert (step.share, step.before_s) == (pytest.approx(0.833, abs=0.001), None)


def test_without_an_increase_the_time_is_attributed_and_that_is_uncertain() -> None:
    same = completed(3.0, server={"db": 2.5})
    (cause,) = causes(same, same)
    slow = parameters(cause, SlowStep)
    assert (slow.step.now_s, slow.step.before_s) == (pytest.approx(2.5), None)
    assert slow.doubts == (Doubt(code=DoubtCode.MEAN_UNCHANGED),)
    assert not likely(cause)


def test_few_requests_make_it_uncertain() -> None:
    (cause,) = causes(completed(3.0, number=10, server={"db": 2.5}))
    assert parameters(cause, SlowStep).doubts == (Doubt(code=DoubtCode.FEW_REQUESTS, requests=10),)
    assert not likely(cause)


def test_phases_that_overlap_or_cover_only_some_responses_make_it_uncertain() -> None:
    (overlapping,) = causes(completed(3.0, server={"db": 2.0, "query": 0.9, "total": 2.2}))
    assert parameters(overlapping, SlowStep).doubts == (Doubt(code=DoubtCode.PHASES_OVERLAP),)
    assert not likely(overlapping)
    some = completed(3.0)
    some.phases["server:db"] = phase(2.9, 70)
    (covering,) = causes(some)
    assert parameters(covering, SlowStep).doubts == (Doubt(code=DoubtCode.SERVER_TIMING_INCOMPLETE, share=0.7),)


def test_when_no_step_dominates_the_largest_are_named() -> None:
    before = completed(1.0, server={"db": 0.3, "serialise": 0.3, "total": 0.6})
    now = completed(2.0, server={"db": 0.65, "serialise": 0.6, "total": 1.25})
    (cause,) = causes(now, before)
    assert cause.code is FindingCode.NO_STEP_DOMINATES
    assert parameters(cause, LargestSteps).steps[0].phase == "db"
    assert not likely(cause)


def test_time_in_the_target_but_in_no_phase_is_its_own_code() -> None:
    (cause,) = causes(completed(3.0, server={"db": 0.02, "total": 2.6}))
    assert cause.code is FindingCode.TARGET_CODE_SLOW
    assert parameters(cause, SlowStep).step.share == pytest.approx(0.86)


@pytest.mark.parametrize(("connect_s", "excluded"), [(0.001, True), (0.5, False), (None, False)])
def test_the_time_to_connect_distinguishes_a_queue_before_the_target_from_the_network(
    connect_s: float | None, excluded: bool
) -> None:
    (cause,) = causes(completed(3.0, server={"db": 0.02, "total": 0.05}, connect_mean_s=connect_s))
    assert cause.code is FindingCode.QUEUE_BEFORE_TARGET
    found = parameters(cause, NetworkOrTarget)
    assert found.step.share == pytest.approx(0.883, abs=0.001)
    assert (found.connect_s, found.network_excluded) == (connect_s, excluded)
    assert likely(cause) is excluded


@pytest.mark.parametrize(("connect_s", "excluded"), [(0.001, True), (0.5, False)])
def test_without_server_timing_the_time_to_connect_distinguishes_the_target_from_the_network(
    connect_s: float, excluded: bool
) -> None:
    (cause,) = causes(completed(3.0, connect_mean_s=connect_s))
    assert cause.code is FindingCode.FIRST_BYTE_SLOW
    assert parameters(cause, NetworkOrTarget).network_excluded is excluded
    assert likely(cause) is excluded


def slow_body(body_bytes: int) -> Measurement:
    return completed(3.0, phases={"first_byte": phase(0.1), "body": phase(2.9)}, body_bytes=body_bytes)


def test_a_slow_body_is_larger_responses_or_a_slow_network() -> None:
    before = completed(0.1, phases={"first_byte": phase(0.09), "body": phase(0.01)}, body_bytes=100_000)
    (larger,) = causes(slow_body(1_000_000), before)
    assert larger.code is FindingCode.RESPONSES_LARGER
    transfer = parameters(larger, BodyTransfer)
    assert (transfer.body_bytes, transfer.body_bytes_before) == (10_000, 1_000)
    assert likely(larger)
    (same,) = causes(slow_body(100_000), before)
    assert same.code is FindingCode.TRANSFER_SLOW
    assert parameters(same, BodyTransfer).body_bytes == 1_000
    assert not likely(same)
    (alone,) = causes(slow_body(100_000))
    assert alone.code is FindingCode.TRANSFER_SLOW
    assert parameters(alone, BodyTransfer).body_bytes_before is None
    assert not likely(alone)


def test_waiting_for_a_connection_is_a_symptom_and_what_holds_them_is_named_too() -> None:
    phases = {"waiting": phase(2.7), "first_byte": phase(0.3), "server:db": phase(0.28), "server:total": phase(0.29)}
    waiting, held = causes(completed(3.0, phases=phases, service=histogram([0.3] * 100)))
    assert waiting.code is FindingCode.CONNECTIONS_BUSY
    assert parameters(waiting, BusyConnections).step.share == pytest.approx(0.9)
    assert held.code is FindingCode.DATABASE_SLOW
    assert parameters(held, SlowStep).step.share == pytest.approx(0.933, abs=0.001)


def test_a_small_pool_differs_from_a_slow_query_that_holds_connections() -> None:
    before = completed(0.1, server={"pool": 0.001, "db": 0.05, "total": 0.08})
    halved = completed(0.3, server={"pool": 0.2, "db": 0.05, "total": 0.27})
    assert codes(causes(halved, before)) == [FindingCode.DATABASE_POOL_EXHAUSTED]
    slow = completed(0.9, server={"pool": 0.5, "db": 0.3, "total": 0.85})
    (holds,) = causes(slow, before)
    assert holds.code is FindingCode.DATABASE_CONNECTIONS_HELD
    holding = parameters(holds, HeldConnections)
    assert (holding.step.phase, holding.held.phase) == ("pool", "db")
    assert (holding.held.before_s, holding.held.now_s) == pytest.approx((0.05, 0.3))


def test_the_size_of_the_pool_is_named_where_the_target_reports_it() -> None:
    def sized(size: int, mean_s: float, **server: float) -> Measurement:
        gauges = {"database_connections_max": (size, size)}
        return completed(mean_s, server=server, target_metrics=TargetMetrics(gauges=gauges))

    before = sized(4, 0.1, pool=0.001, db=0.05, total=0.08)
    (cause,) = causes(sized(2, 0.5, pool=0.3, db=0.1, total=0.45), before)
    assert cause.code is FindingCode.DATABASE_POOL_EXHAUSTED
    pool = parameters(cause, DatabasePool)
    assert (pool.size, pool.size_before) == (2, 4)


def test_a_few_slow_requests_differ_from_slowness() -> None:
    tail, _ = causes(measurement(times_s=[0.1] * 90 + [3.0] * 10), wrong=("p95_s",))
    assert tail.code is FindingCode.SLOW_TAIL
    slow = parameters(tail, SlowTail)
    assert (slow.p50_s, slow.p95_s) == pytest.approx((0.1, 3.0), rel=1e-3)
    assert FindingCode.SLOW_TAIL not in codes(causes(completed(3.0), wrong=("p95_s",)))


def test_of_a_tail_the_phase_of_the_slowest_request_is_named() -> None:
    now = measurement(times_s=[0.1] * 90 + [3.0] * 10, server={"db": 0.3, "pool": 0.05, "total": 0.36})
    now.phases["server:db"] = now.phases["server:db"].model_copy(update={"max_s": 2.9})
    tail, database = causes(now, wrong=("p95_s",))
    slow = parameters(tail, SlowTail)
    assert (slow.phase, slow.phase_max_s) == ("db", 2.9)
    assert database.code is FindingCode.DATABASE_SLOW


def test_of_a_mixed_scenario_the_part_is_named_and_then_its_phase() -> None:
    fast = {"db": 0.05, "total": 0.09}
    before = [completed(0.1, 200), completed(0.1, part="stats", server=fast), completed(0.1, part="list", server=fast)]
    now = [
        measurement(times_s=[0.12] * 100 + [1.1] * 100),
        completed(0.12, part="stats", server=fast),
        completed(1.1, part="list", server={"db": 0.95, "total": 0.98}),
    ]
    whole, database = causes(now, before)
    assert (whole.part, whole.code) == ("", FindingCode.PART_DOMINATES)
    share = parameters(whole, PartShare)
    assert (share.dominant_part, share.share, share.grown) == ("list", pytest.approx(0.98, abs=0.001), True)
    assert (database.part, database.code) == ("list", FindingCode.DATABASE_SLOW)
    assert parameters(database, SlowStep).step.share == pytest.approx(0.891, abs=0.001)


def test_a_part_without_phases_is_named_all_the_same() -> None:
    events = completed(1.1, part="events", protocol=Protocol.WEBSOCKET, phases={"upgrade": phase(1.0)})
    (cause,) = causes([completed(0.6, 200), completed(0.1, part="stats"), events], wrong=("p50_s",))
    assert cause.code is FindingCode.PART_DOMINATES
    share = parameters(cause, PartShare)
    assert (share.dominant_part, share.share, share.grown) == ("events", pytest.approx(0.917, abs=0.001), False)


def test_what_explains_a_part_by_itself_is_not_repeated_for_the_whole() -> None:
    measurements = [completed(1.5, 200), completed(0.1, part="stats"), completed(3.0, part="list", server={"db": 2.9})]
    wrong = [Finding(code=FindingCode.TARGET_MISSED, part=part, metric="p50_s") for part in ("", "list")]
    found = diagnose(measurements, [], wrong)
    assert [(cause.part, cause.code) for cause in found] == [
        ("", FindingCode.PART_DOMINATES),
        ("list", FindingCode.DATABASE_SLOW),
    ]


def test_parts_that_all_slowed_share_a_cause() -> None:
    parts = ("stats", "list", "get")
    before = [completed(0.1, 300), *(completed(0.1, part=part) for part in parts)]
    now = [completed(0.5, 300), *(completed(0.5, part=part) for part in parts)]
    (cause,) = causes(now, before)
    assert cause.code is FindingCode.NO_PART_DOMINATES
    assert not likely(cause)


def test_slow_connecting_is_a_possible_cause() -> None:
    (cause,) = causes(completed(0.1, connect_mean_s=0.8), completed(0.1), wrong=("connect_mean_s",))
    assert cause.code is FindingCode.CONNECTING_SLOW
    assert cause.parameters == SlowConnecting(connect=MeanTime(now_s=0.8, before_s=0.001))
    assert not likely(cause)


def test_without_phases_the_cause_is_unknown() -> None:
    (cause,) = causes(completed(3.0, phases={}))
    assert cause.code is FindingCode.NO_PHASES
    assert not likely(cause)
