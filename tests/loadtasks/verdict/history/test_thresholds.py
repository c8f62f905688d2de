import numpy as np
import pytest

from loadtasks.verdict.history.thresholds import SeriesThresholds

TABLE = np.array([7.0, 7.0])
ALL = np.array([True, True])


def learn(thresholds: SeriesThresholds, peaks: tuple[float, float], blocks: int) -> None:
    """Blocks of 24 runs, each with one peak in each series."""
    for run in range(24 * blocks):
        thresholds.learn(np.where(run % 24 == 5, np.array(peaks), 0.0), ALL)


def test_a_calm_series_has_the_threshold_of_the_table() -> None:
    thresholds = SeriesThresholds(TABLE)
    learn(thresholds, (2.0, 3.9), 20)
    assert thresholds.values.tolist() == [7.0, 7.0]


def test_a_series_whose_evidence_has_often_been_high_needs_more() -> None:
    thresholds = SeriesThresholds(TABLE)
    learn(thresholds, (2.0, 6.0), 4)
    after_four = thresholds.values
    learn(thresholds, (2.0, 6.0), 16)
    assert after_four[0] == thresholds.values[0] == 7.0
    assert 7.5 < after_four[1] < thresholds.values[1] < 15


def test_what_was_a_change_does_not_raise_the_threshold() -> None:
    thresholds = SeriesThresholds(TABLE)
    learn(thresholds, (9.0, 9.0), 1)
    thresholds.learn(np.full(2, 12.0), ALL)
    thresholds.forget_newest(0)
    learn(thresholds, (2.0, 2.0), 3)
    assert thresholds.values[0] == 7.0 < thresholds.values[1]


def test_a_dismissal_raises_the_threshold_of_its_series_and_is_forgotten() -> None:
    thresholds = SeriesThresholds(TABLE)
    thresholds.dismiss(1)
    assert thresholds.raised.tolist() == pytest.approx([0.0, 1.75])
    assert thresholds.values.tolist() == pytest.approx([7.0, 8.75])
    for _ in range(90):
        thresholds.begin_run(ALL)
    assert thresholds.raised[1] == pytest.approx(0.875)
    thresholds.begin_run(np.array([False, False]))
    assert thresholds.raised[1] == pytest.approx(0.875)
