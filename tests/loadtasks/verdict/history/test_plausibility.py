"""How plausible a run is as one more run of its baseline."""

import numpy as np
import pytest

from loadtasks.verdict.history.baselines import MAX_REPETITIONS, Baselines, Values
from loadtasks.verdict.history.persistence import MIN_PERSISTENCE
from loadtasks.verdict.history.plausibility import (
    Noise,
    least_plausibility,
    noise_before,
    smallest_shift,
    weigh_newest,
)
from tests.series import drift

A_THOUSANDTH = 1e-3


def baselines(earlier: Values, *repetitions: float) -> Baselines:
    """One series: earlier runs that were measured once, and the newest run with its repetitions."""
    made = Baselines(np.array([0.005]), np.array([0.1]))
    for number, value in enumerate(earlier):
        made.add_run(number, np.array([value]))
    made.add_run(len(earlier), np.array(repetitions[:1]))
    for value in repetitions[1:]:
        made.add_repetition(np.array([value]))
    return made


def noise(made: Baselines, persistence: float = MIN_PERSISTENCE) -> Noise:
    return noise_before(made, np.full(len(made.count), persistence))


def probability(earlier: Values, *repetitions: float, persistence: float = MIN_PERSISTENCE) -> float:
    made = baselines(earlier, *repetitions)
    return float(weigh_newest(made, noise(made, persistence)).probability[0])


def runs(number: int, cv: float = 0.05, seed: int = 3) -> Values:
    return drift(cv=cv, runs=number, seed=seed)[0]


def test_the_farther_a_run_is_the_less_plausible_it_is() -> None:
    steps = np.log([1.2, 1.5, 2, 4, 11, 42])
    found = [probability(runs(8), *[step] * MAX_REPETITIONS) for step in steps]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 1e-6 < found[0]


@pytest.mark.parametrize("number", [1, 4, 89, 120])
@pytest.mark.parametrize("repetitions", [1, 2, MAX_REPETITIONS])
def test_the_bounds_of_plausibility_are_below_it(number: int, repetitions: int) -> None:
    for step in np.log([0.9, 1, 1.05, 1.2, 1.5, 4, 42]):
        made = baselines(runs(number), *[step] * repetitions)
        least, exact = least_plausibility(made, np.array([0])), weigh_newest(made, noise(made))
        assert 0 <= least.probability[0] <= exact.probability[0]
        assert 0 <= least.suspicion[0] <= exact.suspicion[0]


def test_four_times_as_slow_is_implausible_from_the_second_run_on_and_half_as_slow_again_is_not() -> None:
    assert probability(runs(1), *[np.log(4)] * MAX_REPETITIONS) < A_THOUSANDTH / 10
    assert probability(runs(1), *[np.log(1.5)] * MAX_REPETITIONS) > A_THOUSANDTH


def test_a_calm_series_takes_the_place_of_the_prior() -> None:
    shifted = [0.35] * MAX_REPETITIONS
    assert probability(runs(2, cv=0.02), *shifted) > A_THOUSANDTH > probability(runs(40, cv=0.02), *shifted)


def test_a_noisy_series_makes_a_run_more_plausible() -> None:
    shifted = [0.8] * MAX_REPETITIONS
    assert probability(runs(20, cv=0.3), *shifted) > A_THOUSANDTH > probability(runs(20, cv=0.05), *shifted)


def test_a_repetition_near_the_level_makes_a_run_plausible() -> None:
    assert probability(runs(8), 1.4, 1.4, 1.4, 0.0) > 10 * probability(runs(8), 1.4, 1.4, 1.4, 1.4)


def test_a_single_measurement_proves_less_than_repetitions() -> None:
    assert probability(runs(8), 1.4) > A_THOUSANDTH > probability(runs(8), 1.4, 1.4)


def test_repetitions_that_are_alike_prove_less() -> None:
    shifted = [1.0] * MAX_REPETITIONS
    assert probability(runs(20), *shifted, persistence=0.9) > 10 * probability(runs(20), *shifted)


def test_outliers_of_the_past_make_another_one_plausible() -> None:
    calm, with_outliers = runs(20), runs(20)
    with_outliers[[3, 9, 15]] += 0.9
    shifted = [1.0] * MAX_REPETITIONS
    assert probability(with_outliers, *shifted) > 3 * probability(calm, *shifted)


def test_a_run_no_worse_than_one_of_the_baseline_is_plausible() -> None:
    earlier = runs(20)
    earlier[7] += 3.0
    assert probability(earlier, *[2.9] * MAX_REPETITIONS) == pytest.approx(1 / 21)


def test_the_first_run_is_compared_with_nothing() -> None:
    made = baselines(np.array([]), 0.3)
    weighed = weigh_newest(made, noise(made))
    assert np.isnan(weighed.probability[0])
    assert np.isnan(weighed.suspicion[0])


@pytest.mark.parametrize("number", [1, 4, 20])
def test_the_smallest_shift_is_the_one_from_which_on_a_run_is_implausible(number: int) -> None:
    made = baselines(runs(number), 0.0)
    (smallest,) = smallest_shift(noise(made), np.array([A_THOUSANDTH]))
    level = noise(made).level[0]
    below, above = (level + smallest * factor for factor in (0.99, 1.01))
    assert probability(runs(number), *[above] * MAX_REPETITIONS) < A_THOUSANDTH
    assert probability(runs(number), *[below] * MAX_REPETITIONS) > A_THOUSANDTH
