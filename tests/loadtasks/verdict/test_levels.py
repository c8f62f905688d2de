import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtasks.verdict.levels import MEMORY, Estimates, Levels
from tests.nights import drift


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
    found = estimates(drift(cv=0.1, correlation=0.0, series=300, nights=60))
    assert found.spread.mean() == pytest.approx(0.1, rel=0.03)


def test_outlier_nights_widen_the_spread_little() -> None:
    values = drift(cv=0.1, correlation=0.0, series=300, nights=60)
    values[:, [10, 30]] += 5.0
    assert estimates(values).spread.mean() == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(("correlation", "low", "high"), [(0.0, 0.0, 0.15), (0.3, 0.15, 0.35), (0.7, 0.4, 0.7)])
def test_the_correlation_is_seen_though_shrunk(correlation: float, low: float, high: float) -> None:
    found = estimates(drift(cv=0.1, correlation=correlation, series=300, nights=60))
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
    assert taken[0].tolist() == taken[1].tolist() == [15, 16, 17, 18, 19]
    assert made.count[0] == 15
    made.extend(0, *taken)
    np.testing.assert_array_equal(made.nights, whole.nights)
    assert made.count[0] == 20
