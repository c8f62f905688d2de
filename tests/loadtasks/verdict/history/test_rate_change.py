"""How large a change of an error rate is."""

import numpy as np
import pytest

from loadtasks.verdict.history.failure_counts import FailureCounts
from loadtasks.verdict.history.rate_change import CountedRun, estimate_rates, locate_rate_change, wilson


def runs(*failed: int, requests: int = 1000) -> list[CountedRun]:
    return [CountedRun(number, np.array([[one, requests]])) for number, one in enumerate(failed)]


# What scipy.stats says, `binomtest(failed, requests).proportion_ci(method="wilson")`: its import takes 0.5 s of CPU.
@pytest.mark.parametrize(
    ("failed", "requests", "low", "high"),
    [
        (50, 10_000, 0.003794901, 0.006585257),
        (0, 20, 0.0, 0.161125158),
        (20, 20, 0.838874842, 1.0),
        (1, 300, 0.000588658, 0.018636694),
    ],
)
def test_the_interval_of_a_rate_is_wilson_s(failed: int, requests: int, low: float, high: float) -> None:
    assert wilson(failed, requests) == pytest.approx((low, high), abs=1e-7)


def test_runs_that_vary_by_more_than_chance_widen_the_interval() -> None:
    alike, varying = (estimate_rates(runs(0, 0), runs(*since), 0, 0) for since in ((20, 20, 20), (2, 18, 40)))
    assert alike.errors.rate == varying.errors.rate == 0.02
    assert varying.errors.high - varying.errors.low > 2 * (alike.errors.high - alike.errors.low)


def test_a_change_of_the_success_rate_has_the_counts_and_ratios() -> None:
    change = estimate_rates(runs(1, 1), runs(100, 100), 0, 0).as_metric("success_rate")
    assert change.errors is not None
    assert (change.errors.failed, change.errors.requests, change.before) == (200, 2000, 0.999)
    assert change.ratio == pytest.approx(0.9 / 0.999)
    assert change.low < change.ratio < change.high < 1
    nothing_worked = estimate_rates(runs(1000), runs(0), 0, 0).as_metric("success_rate")
    assert (nothing_worked.before, nothing_worked.ratio) == (0.0, 1000.0)


def test_a_burst_is_no_part_of_the_rate_before() -> None:
    history = runs(*[0, 0, 9000, 0] * 5, *[50] * 5, requests=10_000)
    change = locate_rate_change(history, FailureCounts(), 0.05, worse=True)
    assert (change.first, change.reportable) == (20, True)
    assert change.bursts == {2, 6, 10, 14, 18}
    assert change.errors.rate_before == 0
    assert estimate_rates(history[2:3], history[20:], 0, 0, change.bursts).errors.rate_before == 0.9, "nothing else"
