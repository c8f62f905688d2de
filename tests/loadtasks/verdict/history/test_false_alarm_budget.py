import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget


@given(st.floats(1, 1e5), st.floats(1.01, 10), st.floats(0.01, 1))
def test_fewer_false_alarms_take_more_evidence(runs: float, factor: float, share: float) -> None:
    assert FalseAlarmBudget(runs).threshold(share) <= FalseAlarmBudget(runs * factor).threshold(share)
    assert FalseAlarmBudget(runs).threshold(share) >= FalseAlarmBudget(runs).threshold()


def test_a_share_of_the_budget_is_a_smaller_budget() -> None:
    assert FalseAlarmBudget(30).threshold(0.1) == pytest.approx(FalseAlarmBudget(300).threshold())


def test_the_threshold_grows_beyond_the_table() -> None:
    assert FalseAlarmBudget(22_000 / 1.1).threshold() == pytest.approx(9.7)
    assert FalseAlarmBudget(220_000 / 1.1).threshold() == pytest.approx(9.7 + 0.78 * 2.3026, abs=1e-3)


@given(st.floats(1, 1e5), st.floats(0.01, 1))
def test_repetitions_that_are_alike_take_no_less_evidence(runs: float, share: float) -> None:
    budget = FalseAlarmBudget(runs)
    assert budget.threshold(share, alike=True) >= budget.threshold(share)


def test_a_large_budget_takes_as_much_evidence_whatever_repetitions_show() -> None:
    assert FalseAlarmBudget(1000).threshold(alike=True) == FalseAlarmBudget(1000).threshold()


@pytest.mark.parametrize("runs", [0.5, -1, float("nan")])
def test_a_budget_of_more_than_one_false_alarm_a_run_is_refused(runs: float) -> None:
    with pytest.raises(ValueError, match="it must be at least 1"):
        FalseAlarmBudget(runs)


@pytest.mark.parametrize("share", [0, 1.1])
def test_a_share_is_above_0_and_at_most_1(share: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        FalseAlarmBudget(30).threshold(share)
