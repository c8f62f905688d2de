import numpy as np
import pytest

from loadtasks.verdict.history.baselines import MAX_REPETITIONS, Baselines
from loadtasks.verdict.history.estimates import estimate
from loadtasks.verdict.history.peers import Peers
from loadtasks.verdict.history.persistence import MIN_PERSISTENCE, persistence

FAR, NEAR = 1.0, 0.0


def baselines(repeated: list[list[float]], series: int = 1) -> Baselines:
    """Series of 30 calm runs; one run of the first has these measurements, and so has each other one of `repeated`."""
    made = Baselines(np.full(series, 0.001), np.full(series, 0.1))
    random = np.random.default_rng(1)
    for number in range(30):
        made.add_run(number, 0.05 * random.standard_normal(series))
    for number, measured in enumerate(repeated, start=30):
        first, *further = measured
        made.add_run(number, one(first, series))
        for value in further:
            made.add_repetition(one(value, series))
    made.add_run(99, np.zeros(series))
    return made


def one(value: float, series: int) -> np.ndarray:
    """A value of the first series; no other one has any."""
    return np.array([value] + [np.nan] * (series - 1))


def share(made: Baselines, peers: list[int | None] | None = None) -> list[float]:
    return persistence(made, estimate(made), Peers(peers or [None] * len(made.count))).tolist()


def test_it_is_the_prior_until_a_far_run_was_repeated():
    assert share(baselines([])) == [MIN_PERSISTENCE]
    assert share(baselines([[NEAR, FAR], [FAR]])) == [MIN_PERSISTENCE]


def test_a_run_that_is_bad_in_all_repetitions_shows_that_disturbances_last():
    (once,), (thrice,) = share(baselines([[FAR] * 4])), share(baselines([[FAR] * 4] * 3))
    assert MIN_PERSISTENCE < once < thrice < 1.0
    assert once == pytest.approx((2 * MIN_PERSISTENCE + 3) / 5)


def test_it_is_no_less_than_the_prior_where_disturbances_pass():
    assert share(baselines([[FAR, NEAR]] * 5)) == [MIN_PERSISTENCE]
    assert share(baselines([[FAR, NEAR]] * 5 + [[FAR] * 4]))[0] == pytest.approx((2 * MIN_PERSISTENCE + 3) / 10)


def test_peers_learn_it_from_each_other():
    made = baselines([[FAR] * MAX_REPETITIONS] * 3, series=3)
    alone, together = share(made), share(made, [1, 1, None])
    assert alone[1] == MIN_PERSISTENCE
    assert together[1] > 0.6
    assert together[2] == MIN_PERSISTENCE
    assert together[0] == alone[0]


def test_the_newest_run_says_nothing_of_itself():
    made = baselines([])
    made.add_run(100, np.array([FAR]))
    for _ in range(3):
        made.add_repetition(np.array([FAR]))
    assert share(made) == [MIN_PERSISTENCE]
