import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from loadtasks.verdict.reference.sequential_test import Decision, Ratio, Rule, judge, more_rounds

RULE = Rule()


def rounds(size: float, number: int = 480, seed: int = 1, noise: float = 0.075) -> NDArray[np.float64]:
    return np.log1p(size) + noise * np.random.default_rng(seed).standard_normal(number)


def whole_test(size: float, seed: int) -> Ratio:
    """One metric, rounds added as the rule requires."""
    log_ratios, number = rounds(size, seed=seed), RULE.interim_analyses[0]
    while True:
        ratio = judge([log_ratios[:number]], 1, RULE)
        more = more_rounds([ratio.decision], number, RULE)
        if not more:
            return ratio
        number += more


def test_one_build_is_never_called_slower_nor_faster() -> None:
    assert {whole_test(0.0, seed).decision for seed in range(1000)} <= {Decision.EQUIVALENT, Decision.INCONCLUSIVE}


def test_a_relevant_effect_is_found_in_one_run_with_its_size() -> None:
    ratios = [whole_test(0.05, seed) for seed in range(200)]
    assert sum(ratio.decision is Decision.REGRESSED for ratio in ratios) >= 180
    assert all(ratio.low <= 1.05 <= ratio.high for ratio in ratios)
    assert {whole_test(0.10, seed).decision for seed in range(200)} == {Decision.REGRESSED}


def test_a_larger_difference_takes_fewer_rounds() -> None:
    small, large = (np.mean([whole_test(size, seed).rounds for seed in range(50)]) for size in (0.05, 0.2))
    assert large == RULE.interim_analyses[0] < small <= RULE.interim_analyses[-1]


def test_a_difference_below_the_minimum_effect_is_equivalent() -> None:
    precise = rounds(0.01, noise=0.001)
    assert judge([precise], 1, RULE).decision is Decision.EQUIVALENT
    assert judge([precise], 1, Rule(min_effect=0.005, build_difference=0.0)).decision is Decision.REGRESSED


def test_the_difference_between_processes_of_one_build_is_no_change() -> None:
    precise = rounds(0.045, noise=0.12)
    assert judge([precise], 1, Rule(build_difference=0.0)).decision is Decision.REGRESSED
    assert judge([precise], 1, Rule(build_difference=0.025)).decision is Decision.INCONCLUSIVE
    fewer = np.full(120, np.log(0.975))
    assert judge([fewer], 1, RULE, worse_up=False, continuous=False).decision is Decision.REGRESSED
    assert judge([fewer], 1, RULE, worse_up=False).decision is Decision.EQUIVALENT


@given(st.permutations(range(30)), st.floats(-0.3, 0.3))
@settings(max_examples=30)
def test_the_order_of_rounds_does_not_change_the_ratio(order: list[int], size: float) -> None:
    log_ratios = rounds(size, 30)
    assert judge([log_ratios[order]], 2, RULE).ratio == pytest.approx(judge([log_ratios], 2, RULE).ratio)


@given(st.floats(-0.3, 0.3), st.integers(0, 100))
@settings(max_examples=50)
def test_swapping_the_sides_reverses_the_decision(size: float, seed: int) -> None:
    there, back = judge([rounds(size, 45, seed)], 2, RULE), judge([-rounds(size, 45, seed)], 2, RULE)
    reverse = {Decision.REGRESSED: Decision.IMPROVED, Decision.IMPROVED: Decision.REGRESSED}
    assert back.decision is reverse.get(there.decision, there.decision)
    assert back.ratio == pytest.approx(1 / there.ratio)
    assert back.low == pytest.approx(1 / there.high)
    assert there.low < there.ratio < there.high


def test_less_throughput_is_worse() -> None:
    ratio = judge([rounds(-0.2)], 1, RULE, worse_up=False)
    assert ratio.decision is Decision.REGRESSED
    assert ratio.low < 0.8 < ratio.high < 1


def test_stalled_rounds_change_nothing() -> None:
    log_ratios = rounds(0.0, 30)
    log_ratios[[3, 17]] = 5.0
    ratio = judge([log_ratios], 1, RULE)
    assert ratio.decision is not Decision.REGRESSED
    assert ratio.ratio == pytest.approx(1.0, abs=0.06)


def partly_busy(size: float, number: int, seed: int) -> NDArray[np.float64]:
    """Rounds of which two in five are noisy, since the machine's load changes within them."""
    chance = np.random.default_rng(seed)
    noise = np.where(chance.random(number) < 0.4, 0.8, 0.06)
    return np.log1p(size) + noise * chance.standard_normal(number)


def test_noisy_rounds_hide_no_effect() -> None:
    ratios = [judge([partly_busy(0.1, 120, seed)], 3, RULE) for seed in range(50)]
    assert sum(ratio.decision is Decision.REGRESSED for ratio in ratios) >= 45
    assert all(ratio.low <= 1.1 <= ratio.high for ratio in ratios)


def test_the_error_rate_is_kept_whatever_the_noise() -> None:
    rule = Rule(runs_per_false_alarm=20, min_effect=0.0, build_difference=0.0, relevant_effect=1e-9)
    chance = np.random.default_rng(1)
    for runs in (
        chance.standard_normal((400, 240)),
        chance.standard_t(2, (400, 240)),
        [partly_busy(0.0, 240, seed) for seed in range(400)],
    ):
        alarms = sum(
            any(judge([run[:analysis]], 1, rule).decision is Decision.REGRESSED for analysis in (30, 60, 120, 240))
            for run in runs
        )
        assert alarms <= 20


def test_failures_in_few_rounds_are_found_though_most_rounds_are_equal() -> None:
    log_ratios = np.zeros(480)
    log_ratios[::5] = np.log(0.75)
    counted = judge([log_ratios], 1, RULE, worse_up=False, continuous=False)
    assert counted.decision is Decision.REGRESSED
    assert judge([log_ratios], 1, RULE, worse_up=False).ratio == 1, "the median"


def test_correlated_rounds_widen_the_interval() -> None:
    ordered = rounds(0.0, 120)
    mixed, correlated = judge([ordered], 1, RULE), judge([np.sort(ordered)], 1, RULE)
    assert correlated.ratio == mixed.ratio
    assert np.log(correlated.high / correlated.low) > 2 * np.log(mixed.high / mixed.low)


def test_few_rounds_are_inconclusive() -> None:
    assert judge([rounds(1.0, 9)], 1, RULE).decision is Decision.INCONCLUSIVE
    assert judge([], 1, RULE) == Ratio(Decision.INCONCLUSIVE, 1.0, 0.0, np.inf, 0)


def test_rounds_are_added_only_while_inconclusive() -> None:
    assert more_rounds([Decision.INCONCLUSIVE, Decision.EQUIVALENT], 30, RULE) == 30
    assert more_rounds([Decision.INCONCLUSIVE, Decision.REGRESSED], 30, RULE) == 0
    assert more_rounds([Decision.EQUIVALENT, Decision.EQUIVALENT], 30, RULE) == 0
    assert more_rounds([Decision.INCONCLUSIVE], 480, RULE) == 0


@pytest.mark.parametrize("interim_analyses", [(), (30, 30), (45, 30), (5, 30)])
def test_interim_analyses_that_do_not_grow_are_refused(interim_analyses: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="interim analyses after"):
        Rule(interim_analyses=interim_analyses)


@pytest.mark.parametrize("size", [0.0, 0.03, 0.05])
def test_the_rounds_that_are_left_are_about_those_that_it_takes(size: float) -> None:
    drawn = {seed: rounds(size, 6000, seed, noise=0.2) for seed in range(40)}
    left = {seed: judge([log_ratios[:60]], 1, RULE).rounds_left for seed, log_ratios in drawn.items()}
    undecided = {seed: more for seed, more in left.items() if more is not None}
    assert len(undecided) > 20
    decided = [judge([drawn[seed][: 60 + int(2 * more)]], 1, RULE).decision for seed, more in undecided.items()]
    assert sum(decision is not Decision.INCONCLUSIVE for decision in decided) > len(decided) / 2
    assert judge([rounds(size, 20_000)], 1, RULE).rounds_left is None, "a decision was made"
    assert judge([rounds(size, 6)], 1, RULE).rounds_left is None, "nobody can say"


def test_what_one_start_of_the_builds_shows_and_another_does_not_is_no_change() -> None:
    slower, equal = rounds(0.2, 240, seed=1), rounds(0.0, 60, seed=2, noise=0.02)
    together = judge([slower, equal], 1, RULE)
    assert (together.decision, together.starts_disagree) == (Decision.INCONCLUSIVE, True)
    assert together.low > 1.01, "by all rounds alike it would be one"
    assert together.rounds_left is None
    faster = judge([-slower, equal], 1, RULE)
    assert (faster.decision, faster.starts_disagree) == (Decision.INCONCLUSIVE, True)
    fewer = judge([-slower, equal], 1, RULE, worse_up=False, continuous=False)
    assert (fewer.decision, fewer.starts_disagree) == (Decision.INCONCLUSIVE, True)


def test_failures_in_a_few_rounds_of_each_start_are_claimed() -> None:
    starts = [np.where(np.arange(number) % every == 0, np.log(0.8), 0.0) for number, every in ((60, 15), (400, 4))]
    found = judge(starts, 1, RULE, worse_up=False, continuous=False)
    assert (found.decision, found.starts_disagree) == (Decision.REGRESSED, False)


def test_what_every_start_shows_is_claimed_and_a_few_rounds_of_one_have_no_say() -> None:
    first, second, few = rounds(0.2, 60, seed=1), rounds(0.15, 60, seed=2), rounds(-0.2, 29, seed=3)
    both = judge([first, second, few], 1, RULE)
    assert (both.decision, both.starts, both.starts_disagree) == (Decision.REGRESSED, 2, False)
    improved = judge([-first, -second, -few], 1, RULE)
    assert (improved.decision, improved.starts_disagree) == (Decision.IMPROVED, False)
