import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtasks.verdict.history.levels import MEMORY, Estimates, Levels
from tests.series import drift


def levels(values: np.ndarray) -> Levels:
    """Series, a row each, with their nights."""
    made = Levels(np.full(len(values), 1e-9))
    for number in range(values.shape[1]):
        made.add(number, values[:, number])
    return made


def estimates(values: np.ndarray) -> Estimates:
    return levels(values).estimates()


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=2 * MEMORY))
@settings(max_examples=20, deadline=None)
def test_the_place_is_the_median_of_the_nights_remembered(nights: list[float]) -> None:
    found = estimates(np.array([nights]))
    assert found.place[0] == pytest.approx(np.median(nights[-MEMORY:]))


def test_the_spread_of_a_normal_series_is_its_standard_deviation() -> None:
    found = estimates(drift(cv=0.1, correlation=0.0, series=300, runs=60))
    assert found.spread.mean() == pytest.approx(0.1, rel=0.03)


def test_outlier_nights_widen_the_spread_little() -> None:
    values = drift(cv=0.1, correlation=0.0, series=300, runs=60)
    values[:, [10, 30]] += 5.0
    assert estimates(values).spread.mean() == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(("correlation", "low", "high"), [(0.0, 0.0, 0.15), (0.3, 0.15, 0.35), (0.7, 0.4, 0.7)])
def test_the_correlation_is_seen_though_shrunk(correlation: float, low: float, high: float) -> None:
    found = estimates(drift(cv=0.1, correlation=correlation, series=300, runs=60))
    assert low < found.correlation.mean() < high


def test_a_night_without_a_value_is_no_night() -> None:
    with_gap = estimates(np.array([[1.0, 2.0, np.nan, 4.0]]))
    without = estimates(np.array([[1.0, 2.0, 4.0]]))
    assert with_gap.place == without.place
    assert with_gap.spread == without.spread


def test_a_series_that_never_varies_has_the_least_spread() -> None:
    made = Levels(np.array([0.01]))
    for number in range(20):
        made.add(number, np.array([3.0]))
    assert made.estimates().spread[0] == 0.01


def test_nights_taken_out_come_back_as_they_were() -> None:
    values = np.arange(20.0)[None, :]
    made, whole = levels(values), levels(values)
    taken = made.take(0, 5)
    assert taken.numbers.tolist() == taken.means.tolist() == [15, 16, 17, 18, 19]
    assert made.count[0] == 15
    made.extend(0, taken)
    np.testing.assert_array_equal(made.nights, whole.nights)
    assert made.count[0] == 20


def several(alike: float, shift: float = 0.0) -> Levels:
    """Series of 40 nights, each of the last 30 measured twice; the nights since the 20th shifted."""
    mood, own = drift(correlation=0.0, series=200, runs=40), drift(correlation=0.0, series=200, runs=80, seed=2)
    made = Levels(np.full(200, 1e-9))
    for night in range(40):
        mean = np.sqrt(alike) * mood[:, night] + shift * (night >= 20)
        made.add(night, mean + np.sqrt(1 - alike) * own[:, night])
        if night >= 10:
            made.add_again(mean + np.sqrt(1 - alike) * own[:, 40 + night])
    return made


@pytest.mark.parametrize("alike", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_measurements_of_one_night_show_how_alike_they_are_whatever_changes(alike: float, shift: float) -> None:
    most = max(alike, 0.1) + (0.5 if shift else 0.1)  # the spread takes a shift for noise
    assert alike - 0.1 <= several(alike, shift).estimates().alike.mean() <= most


def test_a_night_measured_again_stands_where_its_measurements_do_on_average() -> None:
    made = levels(drift(runs=30))
    made.add(30, np.array([1.0]))
    assert made.estimates().mildest[0, -1] == pytest.approx(1.0 - made.estimates().place[0])
    made.add_again(np.array([0.01]))
    found = made.estimates()
    assert found.mildest[0, -1] == pytest.approx(0.01 - found.place[0])
    assert found.clipped[0, -1] == pytest.approx((1.5 * found.spread[0] + 0.01 - found.place[0]) / 2)
    made.add_again(np.array([-1.0]))
    assert made.estimates().mildest[0, -1] == 0.0
