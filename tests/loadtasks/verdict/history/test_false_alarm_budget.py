import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget


@given(st.floats(1, 1e5), st.floats(1.01, 10), st.floats(0.01, 1))
def test_fewer_false_alarms_take_more_evidence(nights: float, factor: float, share: float) -> None:
    assert FalseAlarmBudget(nights).threshold(share) <= FalseAlarmBudget(nights * factor).threshold(share)
    assert FalseAlarmBudget(nights).threshold(share) >= FalseAlarmBudget(nights).threshold()


def test_a_share_is_a_longer_time_for_the_series_alone() -> None:
    assert FalseAlarmBudget(30).threshold(0.1) == pytest.approx(FalseAlarmBudget(300).threshold())


def test_the_threshold_grows_beyond_the_table() -> None:
    assert FalseAlarmBudget(45_800 / 1.1).threshold() == pytest.approx(7.0)
    assert FalseAlarmBudget(458_000 / 1.1).threshold() == pytest.approx(7.0 + 2.3026, abs=1e-3)


@pytest.mark.parametrize("nights", [0.5, -1, float("nan")])
def test_a_budget_of_less_than_a_night_is_refused(nights: float) -> None:
    with pytest.raises(ValueError, match="it takes at least 1"):
        FalseAlarmBudget(nights)


@pytest.mark.parametrize("share", [0, 1.1])
def test_a_share_is_a_part_of_the_whole(share: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        FalseAlarmBudget(30).threshold(share)
