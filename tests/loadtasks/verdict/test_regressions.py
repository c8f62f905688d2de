import pytest

from loadtasks.engine.measurement import metric
from loadtasks.results.judgement import FindingKind
from loadtasks.verdict.regressions import COMPARED, Rule, compare
from tests.measurements import measurement

REGRESSION, IMPROVEMENT = FindingKind.REGRESSION, FindingKind.IMPROVEMENT


@pytest.mark.parametrize(
    ("name", "observed", "baseline", "claim"),
    [
        ("p95_s", 0.300, 0.200, REGRESSION),  # just the ratio and just the floor
        ("p95_s", 0.299, 0.200, None),  # above neither
        ("p50_s", 0.099, 0.001, None),  # 99 times, but below the floor
        ("p50_s", 0.101, 0.001, REGRESSION),
        ("p95_s", 1.400, 1.000, None),  # 400 ms, but below the ratio
        ("p95_s", 0.200, 0.300, IMPROVEMENT),
        ("p95_s", 0.200, 0.299, None),
        ("p50_s", 0.001, 0.099, None),
        ("p95_s", 0.110, 0.0, REGRESSION),
        ("success_rate", 0.95, 1.0, REGRESSION),
        ("success_rate", 0.96, 1.0, None),
        ("success_rate", 0.95, 0.90, IMPROVEMENT),
        ("mean_s", 9.0, 1.0, None),
        ("throughput_per_s", 1.0, 900.0, None),
    ],
)
def test_a_claim_needs_the_ratio_and_the_floor(
    name: str, observed: float, baseline: float, claim: FindingKind | None
) -> None:
    assert Rule().claim(name, observed, baseline) is claim


def test_the_rule_can_be_set() -> None:
    assert Rule(ratio=1.1, floor_s=0.001).claim("p95_s", 0.112, 0.1) is REGRESSION
    assert Rule(success_drop=0.01).claim("success_rate", 0.98, 1.0) is REGRESSION


def test_every_compared_metric_stands_beside_its_baselines() -> None:
    now, before = measurement(times_s=[0.4] * 10), measurement(times_s=[0.1] * 10)
    compared = compare([now], [before])
    assert {each.metric: (each.observed, each.baseline) for each in compared.comparisons} == {
        name: (metric(now, name), metric(before, name)) for name in COMPARED
    }
    by_name = {each.metric: each.ratio for each in compared.comparisons}
    assert by_name["p95_s"] == pytest.approx(4.0, rel=0.002)
    assert by_name["success_rate"] == 1.0


def test_what_got_slower_is_told_with_both_numbers() -> None:
    compared = compare([measurement(times_s=[0.4] * 400)], [measurement(times_s=[0.1] * 400)])
    assert [(each.kind, each.metric, each.sentence) for each in compared.findings] == [
        (REGRESSION, "p50_s", "p50 400 ms, baseline 100 ms (4.0×)"),  # noqa: RUF001
        (REGRESSION, "p95_s", "p95 400 ms, baseline 100 ms (4.0×)"),  # noqa: RUF001
    ]
    assert compared.findings[0].limit == measurement(times_s=[0.1] * 10).p50_s


def test_a_slower_tail_alone_is_a_regression_of_p95() -> None:
    compared = compare([measurement(times_s=[0.1] * 360 + [0.3] * 40)], [measurement(times_s=[0.1] * 400)])
    assert [each.metric for each in compared.findings] == ["p95_s"]


@pytest.mark.parametrize(("now", "before"), [(399, 400), (400, 399)])
def test_a_p95_that_few_requests_decide_is_not_judged(now: int, before: int) -> None:
    slower = measurement(times_s=[0.1] * (now - 40) + [0.3] * 40)
    assert compare([slower], [measurement(times_s=[0.1] * before)]).findings == []


def test_a_lower_success_rate_is_a_regression_though_it_is_faster() -> None:
    compared = compare([measurement(times_s=[0.1] * 450, failed=50)], [measurement(times_s=[0.3] * 500)])
    assert {each.metric: each.kind for each in compared.findings} == {
        "success_rate": REGRESSION,
        "p50_s": IMPROVEMENT,
        "p95_s": IMPROVEMENT,
    }
    (drop,) = (each.sentence for each in compared.findings if each.metric == "success_rate")
    assert drop == "success rate 90.0 %, baseline 100 %"


def test_the_same_again_shows_nothing() -> None:
    assert compare([measurement()], [measurement()]).findings == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"load": "5 requests, 1 worker"}, "its load is 100 requests, 10 workers, the baseline's was 5 requests"),
        ({"scenario_hash": "other"}, "what is sent has changed"),
    ],
)
def test_only_the_same_requests_under_the_same_load_are_compared(changes: dict[str, str], says: str) -> None:
    compared = compare([measurement(times_s=[9.0])], [measurement(**changes)])
    assert compared.comparisons == []
    (note,) = compared.findings
    assert note.kind is FindingKind.NOTE
    assert note.sentence.startswith(f"not compared: {says}")


def test_a_missing_baseline_is_told_once() -> None:
    compared = compare([measurement("m.x"), measurement("m.x", part="a")], [])
    assert [each.sentence for each in compared.findings] == ["not compared: there is no baseline yet"]
    assert compare([], []).findings == []


def test_parts_are_compared_with_their_own_and_a_new_part_is_told() -> None:
    before = [measurement("mixed.x"), measurement("mixed.x", part="a")]
    now = [measurement("mixed.x"), measurement("mixed.x", part="a", times_s=[0.5]), measurement("mixed.x", part="b")]
    compared = compare(now, before)
    assert {(each.part, each.kind) for each in compared.findings} == {("a", REGRESSION), ("b", FindingKind.NOTE)}
    assert {each.part for each in compared.comparisons} == {"", "a"}


def test_a_mixed_scenario_that_changed_is_told_once() -> None:
    now = [measurement("mixed.x", scenario_hash="new"), measurement("mixed.x", part="a", times_s=[9.0])]
    compared = compare(now, [measurement("mixed.x"), measurement("mixed.x", part="a")])
    assert [each.part for each in compared.findings] == [""]


def test_metrics_that_one_side_lacks_are_left_out() -> None:
    compared = compare([measurement(times_s=[], failed=5)], [measurement()])
    assert [each.metric for each in compared.comparisons] == ["throughput_per_s", "success_rate"]
