import numpy as np
import pytest

from loadtasks.verdict.history.baselines import MAX_REPETITIONS, Baselines
from loadtasks.verdict.history.estimates import estimate
from loadtasks.verdict.history.peers import Peers
from loadtasks.verdict.history.persistence import MIN_PERSISTENCE, persistence

FAR, NEAR = 1.0, 0.0


def baselines(repeated: list[list[float]], series: int = 1, is_over: bool = True) -> Baselines:
    """Series of 30 calm runs, then runs of the first alone, with these measurements, and another calm one of all."""
    made = Baselines(np.full(series, 0.001), np.full(series, 0.1))
    random = np.random.default_rng(1)
    for number in range(30):
        made.add_run(number, 0.05 * random.standard_normal(series))
    for number, measured in enumerate(repeated, start=30):
        first, *further = measured
        made.add_run(number, one(first, series))
        for value in further:
            made.add_repetition(one(value, series))
    if is_over:
        made.add_run(99, np.zeros(series))
    return made


def one(value: float, series: int) -> np.ndarray:
    """A value of the first series; no other one has any."""
    return np.array([value] + [np.nan] * (series - 1))


def share(made: Baselines, peers: list[int | None] | None = None) -> list[float]:
    return persistence(made, estimate(made), Peers(peers or [None] * len(made.count))).tolist()


def test_it_is_the_prior_until_a_far_run_was_repeated() -> None:
    assert share(baselines([])) == [MIN_PERSISTENCE]
    assert share(baselines([[NEAR, FAR], [FAR]])) == [MIN_PERSISTENCE]


def test_a_run_that_is_bad_in_all_repetitions_shows_that_disturbances_last() -> None:
    (once,), (thrice,) = share(baselines([[FAR] * 4])), share(baselines([[FAR] * 4] * 3))
    assert once == pytest.approx((MIN_PERSISTENCE + 1) / 2)
    assert thrice == pytest.approx((MIN_PERSISTENCE + 3) / 4)


def test_it_is_no_less_than_the_prior_where_disturbances_pass() -> None:
    assert share(baselines([[FAR, NEAR]] * 5)) == [MIN_PERSISTENCE]
    assert share(baselines([[FAR, FAR, NEAR]])) == [pytest.approx((MIN_PERSISTENCE + 0.5) / 2)]


def test_peers_learn_it_from_each_other_and_no_single_one_teaches_much() -> None:
    made = baselines([[FAR] * MAX_REPETITIONS] * 3, series=3)
    alone, together = share(made), share(made, [1, 1, None])
    assert alone == [together[0], MIN_PERSISTENCE, MIN_PERSISTENCE]
    assert together[1] == pytest.approx((MIN_PERSISTENCE + 1) / 2)
    assert together[2] == MIN_PERSISTENCE


@pytest.mark.parametrize("shifted", [1, 3])
def test_a_shift_that_is_still_to_be_found_teaches_nothing(shifted: int) -> None:
    made = baselines([[FAR] * MAX_REPETITIONS] * shifted, is_over=False)
    assert share(made) == [MIN_PERSISTENCE]
    made.add_run(100, np.array([NEAR]))
    assert share(made)[0] > 0.6
