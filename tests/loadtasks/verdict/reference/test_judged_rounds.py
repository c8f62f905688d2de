from math import inf

from loadtasks.verdict.reference.judged_rounds import RoundBudget
from tests.loadtasks.verdict.reference.rounds import round_ratios


def test_rounds_are_added_while_inconclusive_up_to_the_budget() -> None:
    budget = RoundBudget(rounds=60)
    assert budget.more_rounds([round_ratios(0)]) == 30
    assert budget.more_rounds([round_ratios(30, noise=0.4)]) == 30
    assert budget.more_rounds([round_ratios(44, noise=0.4)]) == 16
    assert RoundBudget().more_rounds([round_ratios(60, noise=0.4)]) == 60
    assert budget.more_rounds([round_ratios(60, noise=0.4)]) == 0


def test_none_is_added_after_a_decision() -> None:
    assert RoundBudget().more_rounds([round_ratios(30)]) == 0
    assert RoundBudget().more_rounds([round_ratios(30, noise=0.1, p50_s=0.5)]) == 0


def test_saturated_rounds_are_replaced_within_the_budget() -> None:
    assert RoundBudget(rounds=60).more_rounds([round_ratios(30, saturated=10)]) == 10
    assert RoundBudget(rounds=60).more_rounds([round_ratios(50, saturated=40)]) == 10
    assert RoundBudget(rounds=60).more_rounds([round_ratios(60, saturated=60)]) == 0


def test_the_last_analysis_is_the_budget() -> None:
    assert RoundBudget(40, 7.5).rule.interim_analyses == (30, 40)


def test_a_regression_ends_the_rounds_when_enough_starts_show_it() -> None:
    budget = RoundBudget(starts=2)
    once, twice, barely = (
        [round_ratios(number, noise=0.1, p50_s=0.5, starts=starts)]
        for number, starts in ((30, (30,)), (60, (30, 30)), (60, (31, 29)))
    )
    assert (budget.more_rounds(once), budget.awaits_start(once)) == (30, True)
    assert (budget.more_rounds(twice), budget.awaits_start(twice)) == (0, False)
    assert (budget.more_rounds(barely), budget.awaits_start(barely)) == (60, True)
    assert not RoundBudget().awaits_start(once)
    faster = [round_ratios(30, noise=0.1, p50_s=-0.4, p95_s=-0.4, starts=(30,))]
    assert (budget.more_rounds(faster), budget.awaits_start(faster)) == (30, True)
    of_tail = [round_ratios(30, noise=0.1, p95_s=0.5, requests=5, starts=(30,))]
    assert not budget.awaits_start(of_tail), "the tail of so few requests is not judged"
    equal, early = [round_ratios(30, starts=(30,))], [round_ratios(29, noise=0.1, p50_s=0.5, starts=(29,))]
    assert (budget.more_rounds(equal), budget.awaits_start(equal)) == (0, False)
    assert not budget.awaits_start(early), "it was not analysed"


def test_the_rounds_left_are_those_until_the_analysis_that_is_likely_to_decide() -> None:
    budget = RoundBudget()
    assert budget.rounds_left([round_ratios(60)]) == 0, "it is decided"
    assert budget.rounds_left([round_ratios(60, noise=0.25, p50_s=0.15, p95_s=0.15)]) == 60
    assert budget.rounds_left([round_ratios(60, noise=2.0)]) == inf
    assert RoundBudget(rounds=90).rounds_left([round_ratios(60, noise=0.25, p50_s=0.15, p95_s=0.15)]) in (30, inf)


def test_rounds_of_earlier_versions_are_of_one_start() -> None:
    assert round_ratios(30).usable_by_start("p50_s") == [round_ratios(30).usable("p50_s")]
    assert round_ratios(30, starts=(30,), saturated=4).usable("p50_s") == round_ratios(30, saturated=4).usable("p50_s")
