import numpy as np
import pytest
from numpy.typing import NDArray

from loadtasks.verdict.history.far_runs import FarRuns


def log_odds(scales: NDArray[np.float64], sign: float = 1.0, autocorrelation: float = 0.25) -> NDArray[np.float64]:
    """Of one series; `scales`: the newest run last."""
    runs = FarRuns(
        mildest=scales[None],
        scale=np.ones(1),
        alike=np.ones(1),
        autocorrelation=np.array([autocorrelation]),
        measured=np.ones((1, len(scales)), dtype=np.int64),
        count=np.array([len(scales)]),
    )
    return runs.log_odds(np.array([0]), np.array([sign]))[0]


def with_far(before: NDArray[np.float64], newest: int) -> NDArray[np.float64]:
    return np.concatenate([before, np.full(newest, 4.0)])


def test_far_runs_in_a_row_are_a_large_shift_where_there_were_none() -> None:
    calm = np.zeros(60)
    odds = [log_odds(with_far(calm, newest)).max() for newest in (1, 2, 3, 4)]
    assert odds == sorted(odds)
    assert odds[0] < 2 < odds[1]
    assert odds[3] > 10
    assert log_odds(with_far(calm, 4)).argmax() == 3


@pytest.mark.parametrize("period", [2, 3, 5])
def test_where_many_runs_are_far_three_in_a_row_are_little(period: int) -> None:
    often = np.where(np.arange(60) % period == 0, 4.0, 0.0)
    assert log_odds(with_far(often, 3)).max() < log_odds(with_far(np.zeros(60), 3)).max() - 2


def test_where_far_runs_come_in_groups_a_group_is_little() -> None:
    groups = np.where(np.arange(60) % 15 < 4, 4.0, 0.0)
    alone = np.where(np.arange(60) % 4 == 0, 4.0, 0.0)
    assert log_odds(with_far(groups, 4)).max() < 2.5 < log_odds(with_far(alone, 4)).max()


def test_where_runs_are_correlated_those_that_follow_a_far_one_are_little() -> None:
    odds = [log_odds(with_far(np.zeros(60), 4), autocorrelation=correlation).max() for correlation in (0.0, 0.5, 0.9)]
    assert odds == sorted(odds, reverse=True)
    assert odds[0] > 8
    assert odds[2] < 4


def test_far_runs_of_the_other_side_are_no_shift() -> None:
    assert log_odds(with_far(np.zeros(60), 4), sign=-1.0).max() < 0
    assert log_odds(-with_far(np.zeros(60), 4), sign=-1.0).max() > 10
