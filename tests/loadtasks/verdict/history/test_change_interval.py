"""The interval of a change in one run: as wide as the baseline's runs differ."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from loadtasks.verdict.history.change_interval import change_factor
from loadtasks.verdict.history.findings import compare_scenario
from loadtasks.verdict.history.lifecycle import KnownChanges
from tests.families import compared
from tests.measurements import measurement

_SCALE = 0.1


def _runs(number: int) -> np.ndarray:
    return np.exp(np.random.default_rng(5).normal(math.log(0.2), _SCALE, number))


def test_it_covers_nineteen_of_twenty_runs_that_have_not_changed() -> None:
    runs = _runs(4_000)
    within = [
        abs(math.log(runs[at] / np.median(runs[at - 20 : at]))) <= math.log(change_factor("p50_s", runs[at - 20 : at]))
        for at in range(20, len(runs), 7)
    ]
    assert 0.92 <= np.mean(within) <= 0.98


def test_few_runs_say_little_and_fewer_than_three_nothing() -> None:
    assert change_factor("p50_s", _runs(2)) is None
    assert change_factor("p50_s", np.array([0.2, np.nan, 0.21])) is None
    young, whole = change_factor("p50_s", _runs(3)), change_factor("p50_s", _runs(40))
    assert young is not None
    assert whole is not None
    assert young > whole > 1


def test_one_outlier_does_not_widen_it_much_and_equal_runs_are_no_certainty() -> None:
    usual = change_factor("p95_s", _runs(30))
    with_outlier = change_factor("p95_s", np.append(_runs(30), 20.0))
    assert usual is not None
    assert with_outlier is not None
    assert with_outlier < usual * 1.1
    equal = change_factor("throughput_per_s", np.full(20, 100.0))
    assert equal is not None
    assert equal > 1


@pytest.mark.parametrize("metric", ["success_rate"])
def test_shares_are_judged_by_counts_and_have_none(metric: str) -> None:
    assert change_factor(metric, np.full(20, 0.99)) is None


def test_a_comparison_with_the_baseline_has_it() -> None:
    medians = np.random.default_rng(7).normal(0, 0.02, (20, 1))
    comparisons = compared(medians, [0.0] * 20).comparisons
    ((scenario, _),) = comparisons
    found = compare_scenario([measurement(scenario)], comparisons, KnownChanges(), datetime.now(UTC))
    shown = {one.metric: one for one in found.comparisons}
    median, success = shown["p50_s"], shown["success_rate"]
    assert median.low is not None
    assert median.high is not None
    assert median.ratio is not None
    assert 1.03 < median.high / median.ratio < 1.08, "runs differ by 2 %"
    assert median.ratio / median.low == pytest.approx(median.high / median.ratio)
    assert (success.low, success.high) == (None, None)
