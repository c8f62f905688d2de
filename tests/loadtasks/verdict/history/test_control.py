"""What a control explains: a busy neighbour, mixed hosts; and what it must not explain."""

import numpy as np
import pytest

from loadtasks.verdict.history.control import MAX_COEFFICIENT, SeriesGroups, explain
from loadtasks.verdict.history.control_levels import follow

SCENARIOS = 13
START, SHIFT = 30, 0.4


def left(values: np.ndarray, control: np.ndarray) -> np.ndarray:
    """What a control leaves of one metric of several scenarios; shape: runs x scenarios."""
    of = SeriesGroups(np.zeros(values.shape[1], dtype=np.int64), np.arange(values.shape[1]))
    return values - explain(values, follow(control), np.arange(len(control)), of).explained


def neighbour(coefficients: np.ndarray | float, scale: float = 0.03, runs: int = 50, seed: int = 3):
    """Series and control of runs with a neighbour that begins to be busy at run 30, and stays."""
    random = np.random.default_rng(seed)
    control, values = random.normal(0, 0.05, runs), random.normal(0, scale, (runs, SCENARIOS))
    control[START:] += SHIFT
    values[START:] += np.broadcast_to(coefficients, SCENARIOS) * SHIFT
    return values, control


def test_what_all_series_share_with_the_control_is_explained_and_what_one_moved_beyond_is_not() -> None:
    values, control = neighbour(0.8)
    values[START:, 4] += 0.1
    since = left(values, control)[START:].mean(axis=0)
    assert np.abs(np.delete(since, 4)).max() < 0.04
    assert since[4] == pytest.approx(0.1, abs=0.04)


def test_series_that_the_environment_meets_differently_are_each_excused_by_what_they_moved() -> None:
    coefficients = np.array([0.0] * 3 + [0.9] * 10)
    values, control = neighbour(coefficients)
    since = left(values, control)[START:].mean(axis=0)
    assert np.abs(since).max() < 0.07  # nobody is made to look better than it is, either


def test_a_shift_of_all_series_that_the_control_does_not_share_stays() -> None:
    values, control = neighbour(0.0)
    values[START:] += 0.1
    control[START:] -= SHIFT
    assert left(values, control)[START:].mean() == pytest.approx(0.1, abs=0.01)


def test_no_more_than_the_control_moved_is_explained() -> None:
    values, control = neighbour(2.0)
    beyond = (2.0 - MAX_COEFFICIENT) * SHIFT
    assert left(values, control)[START:].mean() == pytest.approx(beyond, abs=0.06)


def test_an_imprecise_control_excuses_nothing() -> None:
    values, control = neighbour(0.25)
    control += np.random.default_rng(8).normal(0, 0.4, len(control))
    assert left(values, control)[START:].mean() == pytest.approx(0.1, abs=0.02)


def test_what_the_api_does_later_is_its_own() -> None:
    values, control = neighbour(0.8, runs=60)
    values[45:, :] += 0.1
    assert left(values, control)[45:].mean() == pytest.approx(0.1, abs=0.02)


def test_the_environment_that_returns_takes_its_excuse_along() -> None:
    values, control = neighbour(0.8, runs=70)
    values[55:] -= 0.8 * SHIFT
    control[55:] -= SHIFT
    assert np.abs(left(values, control)[55:].mean(axis=0)).max() < 0.03


def test_mixed_hosts_are_judged_on_what_the_control_leaves() -> None:
    random = np.random.default_rng(4)
    host = random.normal(0, 0.16, 200)
    values = host[:, None] + random.normal(0, 0.035, (200, 1))
    rest = left(values, host + random.normal(0, 0.01, 200))
    assert values[30:].std() > 0.14
    assert rest[30:].std() < 0.045


def test_a_control_without_correlation_adds_no_noise() -> None:
    random = np.random.default_rng(5)
    values = random.normal(0, 0.05, (400, 40))
    rest = left(values, random.normal(0, 0.05, 400))
    assert rest.std() < 1.01 * values.std()


def test_the_past_stays_when_runs_are_added() -> None:
    values, control = neighbour(0.8, runs=60)
    whole, earlier = left(values, control), left(values[:50], control[:50])
    np.testing.assert_array_equal(whole[:50], earlier)


def test_missing_values_are_no_trouble() -> None:
    values, control = neighbour(0.8)
    values[::3, 2] = control[::4] = np.nan
    values[:, 5] = np.nan
    with np.errstate(all="raise"):
        rest = left(values, control)
    assert np.isnan(rest[:, 5]).all()
    assert np.isnan(rest).sum() == np.isnan(values).sum()
