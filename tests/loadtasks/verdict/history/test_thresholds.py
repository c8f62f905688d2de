import numpy as np
import pytest

from loadtasks.verdict.history.thresholds import SeriesThresholds

TABLE = np.array([7.0, 7.0])
ALL = np.array([True, True])
NO_REPETITIONS = np.array([0.4, 0.4])


def learn(thresholds: SeriesThresholds, peaks: tuple[float, float], blocks: int) -> None:
    """Blocks of 24 runs, each with one peak in each series."""
    for run in range(24 * blocks):
        thresholds.learn(np.where(run % 24 == 5, np.array(peaks), 0.0), ALL)


def test_a_calm_series_has_the_threshold_of_the_table() -> None:
    thresholds = SeriesThresholds(TABLE, TABLE)
    learn(thresholds, (2.0, 3.9), 20)
    assert thresholds.at(NO_REPETITIONS).tolist() == [7.0, 7.0]


def test_a_series_whose_evidence_has_often_been_high_needs_more() -> None:
    thresholds = SeriesThresholds(TABLE, TABLE)
    learn(thresholds, (2.0, 6.0), 4)
    after_four = thresholds.at(NO_REPETITIONS)
    learn(thresholds, (2.0, 6.0), 16)
    assert after_four[0] == thresholds.at(NO_REPETITIONS)[0] == 7.0
    assert 7.5 < after_four[1] < thresholds.at(NO_REPETITIONS)[1] < 15


def test_what_was_a_change_does_not_raise_the_threshold() -> None:
    thresholds = SeriesThresholds(TABLE, TABLE)
    learn(thresholds, (9.0, 9.0), 1)
    thresholds.learn(np.full(2, 12.0), ALL)
    thresholds.forget_newest(0)
    learn(thresholds, (2.0, 2.0), 3)
    assert thresholds.at(NO_REPETITIONS)[0] == 7.0 < thresholds.at(NO_REPETITIONS)[1]


def test_a_dismissal_raises_the_threshold_of_its_series_and_is_forgotten() -> None:
    thresholds = SeriesThresholds(TABLE, TABLE)
    thresholds.dismiss(1)
    assert thresholds.raised.tolist() == pytest.approx([0.0, 1.75])
    assert thresholds.at(NO_REPETITIONS).tolist() == pytest.approx([7.0, 8.75])
    for _ in range(90):
        thresholds.begin_run(ALL)
    assert thresholds.raised[1] == pytest.approx(0.875)
    thresholds.begin_run(np.array([False, False]))
    assert thresholds.raised[1] == pytest.approx(0.875)


def test_repetitions_that_are_alike_take_the_higher_threshold_of_the_budget() -> None:
    table, alike = np.full(4, 2.8), np.full(4, 3.8)
    thresholds = SeriesThresholds(table, alike)
    assert thresholds.at(np.array([0.0, 0.45, 0.6, 1.0])).tolist() == pytest.approx([2.8, 2.8, 3.3, 3.8])


def test_a_threshold_that_the_series_itself_has_raised_is_not_raised_again_by_what_its_repetitions_show() -> None:
    thresholds = SeriesThresholds(TABLE, TABLE + 0.5)
    learn(thresholds, (2.0, 6.0), 20)
    independent, alike = thresholds.at(np.zeros(2)), thresholds.at(np.ones(2))
    assert independent[1] == alike[1] > 8.0
    assert alike[0] == 7.5


@pytest.mark.parametrize(("threshold", "step"), [(2.0, 0.0), (2.8, 0.1), (7.0, 1.75)])
def test_where_a_budget_expects_false_alarms_often_a_dismissal_says_little(threshold: float, step: float) -> None:
    table = np.array([threshold])
    thresholds = SeriesThresholds(table, table)
    thresholds.dismiss(0)
    assert thresholds.raised[0] == pytest.approx(step)
