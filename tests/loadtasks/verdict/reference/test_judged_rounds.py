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
