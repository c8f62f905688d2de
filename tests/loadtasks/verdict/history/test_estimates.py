import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS, Baselines
from loadtasks.verdict.history.estimates import Estimates, estimate
from loadtasks.verdict.history.peers import Peers
from tests.series import drift


def baselines(values: np.ndarray) -> Baselines:
    """The baselines of series, a row each, with a run a column."""
    made = Baselines(np.full(len(values), 1e-9), np.full(len(values), 0.1))
    for number in range(values.shape[1]):
        made.add_run(number, values[:, number])
    return made


def estimates(values: np.ndarray) -> Estimates:
    return estimate(baselines(values))


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=2 * MAX_BASELINE_RUNS))
@settings(max_examples=20, deadline=None)
def test_the_level_is_the_median_of_the_runs_of_the_baseline(values: list[float]) -> None:
    found = estimates(np.array([values]))
    assert found.level[0] == pytest.approx(np.median(values[-MAX_BASELINE_RUNS:]))


def test_the_scale_of_a_normal_series_is_its_standard_deviation() -> None:
    found = estimates(drift(cv=0.1, correlation=0.0, series=300, runs=60))
    assert found.scale.mean() == pytest.approx(0.1, rel=0.03)


def test_outliers_raise_the_scale_little() -> None:
    values = drift(cv=0.1, correlation=0.0, series=300, runs=60)
    values[:, [10, 30]] += 5.0
    assert estimates(values).scale.mean() == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(("correlation", "low", "high"), [(0.0, 0.0, 0.15), (0.3, 0.15, 0.35), (0.7, 0.4, 0.7)])
def test_the_autocorrelation_is_estimated_though_shrunk(correlation: float, low: float, high: float) -> None:
    found = estimates(drift(cv=0.1, correlation=correlation, series=300, runs=60))
    assert low < found.autocorrelation.mean() < high


def test_with_peers_the_autocorrelation_of_a_young_series_is_nearer_to_the_truth() -> None:
    made = baselines(drift(cv=0.1, correlation=0.8, series=60, runs=40))
    alone = estimate(made).autocorrelation
    by_tens = estimate(made, Peers([row // 10 for row in range(60)])).autocorrelation
    assert alone.mean() < 0.55 < by_tens.mean() < 0.8


def test_a_series_without_peers_is_estimated_as_if_there_were_no_others() -> None:
    made = baselines(drift(cv=0.1, correlation=0.8, series=3, runs=40))
    alone, with_peers = estimate(made), estimate(made, Peers([1, 1, None]))
    assert np.isnan(with_peers.expected_autocorrelation[2])
    assert with_peers.autocorrelation[2] == alone.autocorrelation[2]
    assert (with_peers.autocorrelation[:2] != alone.autocorrelation[:2]).all()


def test_peers_show_within_weeks_that_runs_are_unusually_alike() -> None:
    made = baselines(drift(cv=0.1, correlation=0.8, series=60, runs=16))
    expected = estimate(made, Peers([1] * 60)).expected_autocorrelation
    assert 0.33 < expected.min() <= expected.max() < 0.8


@pytest.mark.parametrize("correlation", [0.0, 0.2])
def test_what_is_usual_is_no_news_in_the_first_weeks(correlation: float) -> None:
    made = baselines(drift(cv=0.1, correlation=correlation, series=60, runs=16))
    assert np.isnan(estimate(made, Peers([1] * 60)).expected_autocorrelation).all()


def test_where_most_runs_agree_differences_show_nothing() -> None:
    ticks = np.where(np.arange(20) == 9, 0.2, 0.0)
    made = baselines(np.stack([np.roll(ticks, row) for row in range(10)]))
    assert np.isnan(estimate(made, Peers([1] * 10)).expected_autocorrelation).all()


MOVES = {
    "a shift": [(-10, 0)],
    "a shift of most of the newest": [(-20, 0)],
    "an outlier, then a shift": [(-12, -11), (-5, 0)],
    "an incident that passed, then a shift": [(-14, -8), (-3, 0)],
    "two shifts": [(-12, 0), (-5, 0)],
}


@pytest.mark.parametrize("runs", [20, 40])
@pytest.mark.parametrize("size", [0.2, 0.7, 2.0])
@pytest.mark.parametrize("moves", MOVES.values(), ids=MOVES)
def test_what_happens_to_all_series_does_not_look_like_autocorrelation(
    moves: list[tuple[int, int]], size: float, runs: int
) -> None:
    values = drift(cv=0.05, correlation=0.0, series=30, runs=runs)
    for begin, end in moves:
        values[:, begin % runs : end % runs or runs] += size
    expected = estimate(baselines(values), Peers([1] * 30)).expected_autocorrelation
    assert not (expected > 0.4).any()


def test_what_peers_show_is_an_autocorrelation_whatever_their_runs_do() -> None:
    rising = 0.04 * np.arange(80.0) + drift(cv=0.01, correlation=0.0, series=30, runs=80)
    expected = estimate(baselines(rising), Peers([1] * 30)).expected_autocorrelation
    assert expected.max() <= 0.9


def test_a_run_without_a_value_is_left_out() -> None:
    with_gap = estimates(np.array([[1.0, 2.0, np.nan, 4.0]]))
    without = estimates(np.array([[1.0, 2.0, 4.0]]))
    assert with_gap.level == without.level
    assert with_gap.scale == without.scale


def test_a_series_that_never_varies_has_the_minimum_scale() -> None:
    made = Baselines(np.array([0.01]), np.array([0.1]))
    for number in range(20):
        made.add_run(number, np.array([3.0]))
    assert estimate(made).scale[0] == 0.01


def repeated(intraclass: float, shift: float = 0.0) -> Baselines:
    """Series of 40 runs, each of the last 30 repeated once; the runs from the 20th on are shifted."""
    shared, own = drift(correlation=0.0, series=200, runs=40), drift(correlation=0.0, series=200, runs=80, seed=2)
    made = Baselines(np.full(200, 1e-9), np.full(200, 0.1))
    for run in range(40):
        mean = np.sqrt(intraclass) * shared[:, run] + shift * (run >= 20)
        made.add_run(run, mean + np.sqrt(1 - intraclass) * own[:, run])
        if run >= 10:
            made.add_repetition(mean + np.sqrt(1 - intraclass) * own[:, 40 + run])
    return made


@pytest.mark.parametrize("intraclass", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_the_intraclass_correlation_is_estimated_whatever_shifts(intraclass: float, shift: float) -> None:
    most = max(intraclass, 0.1) + (0.5 if shift else 0.1)  # a shift widens the scale
    assert intraclass - 0.1 <= estimate(repeated(intraclass, shift)).intraclass.mean() <= most


def test_a_repeated_run_counts_by_the_mean_of_its_repetitions() -> None:
    made = baselines(drift(runs=30))
    made.add_run(30, np.array([1.0]))
    assert estimate(made).mildest[0, -1] == pytest.approx(1.0 - estimate(made).level[0])
    made.add_repetition(np.array([0.01]))
    found = estimate(made)
    assert found.mildest[0, -1] == pytest.approx(0.01 - found.level[0])
    assert found.clipped[0, -1] == pytest.approx((1.5 * found.scale[0] + 0.01 - found.level[0]) / 2)
    made.add_repetition(np.array([-1.0]))
    assert estimate(made).mildest[0, -1] == 0.0
