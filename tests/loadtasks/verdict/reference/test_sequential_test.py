import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from loadtasks.verdict.reference.sequential_test import Decision, Ratio, Rule, judge, more_rounds

RULE = Rule()


def rounds(size: float, number: int = 480, seed: int = 1, noise: float = 0.075) -> NDArray[np.float64]:
    return np.log1p(size) + noise * np.random.default_rng(seed).standard_normal(number)


def a_night(size: float, seed: int) -> Ratio:
    """One metric, rounds added as the rule asks."""
    log_ratios, number = rounds(size, seed=seed), RULE.looks[0]
    while True:
        said = judge(log_ratios[:number], 1, RULE)
        more = more_rounds([said.decision], number, RULE)
        if not more:
            return said
        number += more


def test_the_same_build_is_never_called_slower_nor_faster() -> None:
    assert {a_night(0.0, seed).decision for seed in range(1000)} <= {Decision.SAME, Decision.UNSURE}


def test_what_matters_is_found_in_one_night_with_its_size() -> None:
    nights = [a_night(0.05, seed) for seed in range(200)]
    assert sum(point.decision is Decision.REGRESSED for point in nights) >= 180
    assert all(point.low <= 1.05 <= point.high for point in nights)
    assert {a_night(0.10, seed).decision for seed in range(200)} == {Decision.REGRESSED}


def test_a_larger_difference_takes_fewer_rounds() -> None:
    small, large = (np.mean([a_night(size, seed).rounds for seed in range(50)]) for size in (0.05, 0.2))
    assert large == RULE.looks[0] < small <= RULE.looks[-1]


def test_a_difference_below_the_floor_is_none() -> None:
    surely = rounds(0.01, noise=0.001)
    assert judge(surely, 1, RULE).decision is Decision.SAME
    assert judge(surely, 1, Rule(min_effect=0.005, alike=0.0)).decision is Decision.REGRESSED


def test_by_how_much_two_processes_of_one_build_differ_is_no_change() -> None:
    surely = rounds(0.045, noise=0.12)
    assert judge(surely, 1, Rule(alike=0.0)).decision is Decision.REGRESSED
    assert judge(surely, 1, Rule(alike=0.025)).decision is Decision.UNSURE
    fewer = np.full(120, np.log(0.975))
    assert judge(fewer, 1, RULE, worse_up=False, continuous=False).decision is Decision.REGRESSED
    assert judge(fewer, 1, RULE, worse_up=False).decision is Decision.SAME


@given(st.permutations(range(30)), st.floats(-0.3, 0.3))
@settings(max_examples=30)
def test_the_order_of_rounds_makes_no_difference(order: list[int], size: float) -> None:
    log_ratios = rounds(size, 30)
    assert judge(log_ratios[order], 2, RULE).ratio == pytest.approx(judge(log_ratios, 2, RULE).ratio)


@given(st.floats(-0.3, 0.3), st.integers(0, 100))
@settings(max_examples=50)
def test_the_sides_exchanged_the_answer_is_its_reverse(size: float, seed: int) -> None:
    there, back = judge(rounds(size, 45, seed), 2, RULE), judge(-rounds(size, 45, seed), 2, RULE)
    reverse = {Decision.REGRESSED: Decision.IMPROVED, Decision.IMPROVED: Decision.REGRESSED}
    assert back.decision is reverse.get(there.decision, there.decision)
    assert back.ratio == pytest.approx(1 / there.ratio)
    assert back.low == pytest.approx(1 / there.high)
    assert there.low < there.ratio < there.high


def test_of_throughput_less_is_worse() -> None:
    said = judge(rounds(-0.2), 1, RULE, worse_up=False)
    assert said.decision is Decision.REGRESSED
    assert said.low < 0.8 < said.high < 1


def test_stalled_rounds_change_nothing() -> None:
    log_ratios = rounds(0.0, 30)
    log_ratios[[3, 17]] = 5.0
    said = judge(log_ratios, 1, RULE)
    assert said.decision is not Decision.REGRESSED
    assert said.ratio == pytest.approx(1.0, abs=0.06)


def in_moods(size: float, number: int, seed: int) -> NDArray[np.float64]:
    """Rounds of which two in five share a busy moment badly."""
    chance = np.random.default_rng(seed)
    noise = np.where(chance.random(number) < 0.4, 0.8, 0.06)
    return np.log1p(size) + noise * chance.standard_normal(number)


def test_rounds_that_share_a_busy_moment_badly_hide_nothing() -> None:
    nights = [judge(in_moods(0.1, 120, seed), 3, RULE) for seed in range(50)]
    assert sum(point.decision is Decision.REGRESSED for point in nights) >= 45
    assert all(point.low <= 1.1 <= point.high for point in nights)


def test_the_error_rate_is_kept_whatever_the_noise() -> None:
    rule = Rule(runs_per_false_alarm=20, min_effect=0.0, alike=0.0, matters=1e-9)
    chance = np.random.default_rng(1)
    for nights in (
        chance.standard_normal((400, 240)),
        chance.standard_t(2, (400, 240)),
        [in_moods(0.0, 240, seed) for seed in range(400)],
    ):
        alarms = sum(
            any(judge(point[:look], 1, rule).decision is Decision.REGRESSED for look in (30, 60, 120, 240))
            for point in nights
        )
        assert alarms <= 20


def test_failures_in_few_rounds_are_seen_though_most_rounds_are_alike() -> None:
    log_ratios = np.zeros(480)
    log_ratios[::5] = np.log(0.75)
    counted = judge(log_ratios, 1, RULE, worse_up=False, continuous=False)
    assert counted.decision is Decision.REGRESSED
    assert judge(log_ratios, 1, RULE, worse_up=False).ratio == 1, "what the median says"


def test_rounds_that_resemble_those_before_them_count_for_fewer() -> None:
    ordered = rounds(0.0, 120)
    apart, in_runs = judge(ordered, 1, RULE), judge(np.sort(ordered), 1, RULE)
    assert in_runs.ratio == apart.ratio
    assert np.log(in_runs.high / in_runs.low) > 2 * np.log(apart.high / apart.low)


def test_few_rounds_say_nothing() -> None:
    assert judge(rounds(1.0, 9), 1, RULE).decision is Decision.UNSURE
    assert judge(np.array([]), 1, RULE) == Ratio(Decision.UNSURE, 1.0, 0.0, np.inf, 0)


def test_rounds_are_added_only_while_the_answer_is_unsure() -> None:
    assert more_rounds([Decision.UNSURE, Decision.SAME], 30, RULE) == 30
    assert more_rounds([Decision.UNSURE, Decision.REGRESSED], 30, RULE) == 0
    assert more_rounds([Decision.SAME, Decision.SAME], 30, RULE) == 0
    assert more_rounds([Decision.UNSURE], 480, RULE) == 0


@pytest.mark.parametrize("looks", [(), (30, 30), (45, 30), (5, 30)])
def test_looks_that_do_not_grow_are_refused(looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="looks after"):
        Rule(looks=looks)
