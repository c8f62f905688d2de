import numpy as np

from loadtasks.verdict.history.baselines import MAX_RUNS_SINCE_CHANGE
from loadtasks.verdict.history.score_excess import ScoreExcess

ALL = np.array([True, True])


def learn(excess: ScoreExcess, deviations: tuple[float, float], runs: int, seed: int = 1) -> None:
    """Independent scores of two series, with these standard deviations."""
    random = np.random.default_rng(seed)
    for _ in range(runs):
        excess.learn(random.standard_normal((2, MAX_RUNS_SINCE_CHANGE)) * np.array(deviations)[:, None], ALL)


def test_scores_that_vary_as_their_model_says_have_no_excess() -> None:
    excess = ScoreExcess(2)
    learn(excess, (1.0, 0.5), 300)
    assert excess.factor.max() < 1.15
    assert (excess.factor[1] == 1).all()


def test_the_excess_is_learnt_from_the_series_and_more_of_it_where_scores_overlap_less() -> None:
    excess = ScoreExcess(2)
    learn(excess, (1.0, 2.0), 300)
    assert 1.7 < excess.factor[1, 0] < 2.1
    assert excess.factor[1, 0] > excess.factor[1, -1] > 1.1
    assert excess.factor[0].max() < 1.15


def test_the_newest_scores_count_only_after_a_while_and_not_where_they_were_a_change() -> None:
    excess = ScoreExcess(2)
    learn(excess, (1.0, 1.0), 100)
    before = excess.factor.copy()
    learn(excess, (4.0, 4.0), MAX_RUNS_SINCE_CHANGE)
    assert np.abs(excess.factor - before).max() < 0.1
    excess.forget_newest(0)
    learn(excess, (1.0, 1.0), MAX_RUNS_SINCE_CHANGE + 1)
    assert excess.factor[0, 0] < 1.15
    assert excess.factor[1, 0] > 1.4


def test_runs_without_a_value_teach_nothing() -> None:
    excess = ScoreExcess(2)
    for _ in range(100):
        excess.learn(np.full((2, MAX_RUNS_SINCE_CHANGE), 4.0), np.array([True, False]))
    assert excess.factor[0, 0] > 1.5
    assert (excess.factor[1] == 1).all()
