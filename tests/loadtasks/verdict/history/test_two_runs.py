"""Two runs compared: how often a change is claimed of one build, and what bounds the interval."""

from typing import Any

import numpy as np
import pytest

from benchmarks.verdict.simulated_runs import Noise
from loadtasks.verdict.history import two_runs
from loadtasks.verdict.history.baselines import Values
from loadtasks.verdict.history.two_runs import Interval, Side


def side(values: Values, error: float = 0.0, **changes: Any) -> Side:
    errors = np.full(len(values), error)
    plain = {"mildest": values, "repetitions": np.ones(len(values), dtype=np.int64)}
    return Side(**{"value": values, "error_below": errors, "error_above": errors, **plain, **changes})


def compared(now: Side, before: Side, history: Values | None = None, error: float = 0.0) -> Interval:
    number = len(now.value)
    known = two_runs.weigh_history(
        np.full((number, 1), np.nan) if history is None else history,
        np.full(number, 0.007),
        np.full(number, 0.1),
        np.full(number, error),
    )
    return two_runs.compare_two(
        now, before, known, two_runs.bound_probabilities(np.full(number, 0.5), 13), np.ones(number, dtype=np.bool_)
    )


def one(now: float, before: float = 0.0, history: Values | None = None, **changes: Any) -> Interval:
    return compared(side(np.array([now]), **changes), side(np.array([before])), history)


@pytest.mark.parametrize(("cv", "history"), [(0.05, 30), (0.15, 0), (0.15, 10)])
def test_a_whole_comparison_of_one_build_claims_a_change_in_one_of_a_hundred_at_most(cv: float, history: int) -> None:
    comparisons = 1000
    drift = Noise(cv).drift(np.random.default_rng(14), comparisons * 13, history + 20).total
    past = drift[:, :history] if history else None
    interval = compared(side(drift[:, -1]), side(drift[:, history]), past)
    claims = (interval.low > 0) | (interval.high < 0)
    assert claims.reshape(comparisons, 13).any(axis=1).mean() <= two_runs.FALSE_CLAIMS


def test_four_times_is_beyond_doubt_and_two_times_only_with_a_quiet_history() -> None:
    quiet = 0.02 * np.random.default_rng(1).standard_normal((1, 60))
    assert one(np.log(4)).low[0] > 0
    assert one(np.log(2)).low[0] < 0 < one(np.log(2), history=quiet).low[0]
    assert one(np.log(1.4), history=quiet).low[0] < 0  # an outlier is half as slow again
    better = one(-np.log(4))
    assert better.high[0] < 0
    assert better.high[0] == pytest.approx(-one(np.log(4)).low[0])


def test_the_worst_run_of_a_history_is_never_exceeded_by_noise_alone() -> None:
    history = 0.02 * np.random.default_rng(1).standard_normal((1, 60))
    history[0, 7] = np.log(6)
    assert one(np.log(5), history=history).low[0] < 0


def test_repetitions_that_agree_are_no_outlier_and_the_mildest_counts() -> None:
    three = np.array([3])
    quiet = 0.02 * np.random.default_rng(1).standard_normal((1, 60))
    single = one(np.log(2), history=quiet).low[0]
    assert one(np.log(2), history=quiet, repetitions=three).low[0] > single
    assert one(np.log(2), history=quiet, repetitions=three, mildest=np.array([0.1])).low[0] < 0


def test_sampling_widens_the_side_on_which_it_matters() -> None:
    now = side(np.array([1.0]), error_below=np.array([0.5]), error_above=np.array([0.0]))
    before, exact = side(np.array([0.0])), one(1.0)
    wide = compared(now, before)
    assert wide.low[0] < exact.low[0]
    assert wide.high[0] == pytest.approx(exact.high[0])


def test_what_is_missing_has_no_interval_and_huge_values_have_bounds() -> None:
    missing = one(np.nan)
    assert np.isnan([missing.difference[0], missing.low[0], missing.high[0]]).all()
    huge = compared(side(np.array([40.0]), 1e9), side(np.array([-1.0]), 1e-9))
    assert np.isfinite([huge.low[0], huge.high[0]]).all()
    one_run = one(np.log(4), history=np.zeros((1, 1)))
    assert one_run.low[0] == pytest.approx(one(np.log(4)).low[0])
