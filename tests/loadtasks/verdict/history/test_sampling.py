"""The standard errors that come from a run's finite number of requests."""

import math

import numpy as np
import pytest

from loadtasks.measurement.metrics import BASELINE_METRICS
from loadtasks.measurement.pruned_histogram import PrunedHistogram
from loadtasks.verdict.history.sampling import sampling_errors
from tests.measurements import measurement

SIGMA = 0.4


def test_they_are_those_of_many_runs() -> None:
    random = np.random.default_rng(14)
    runs = [measurement(times_s=list(0.1 * np.exp(SIGMA * random.standard_normal(400)))) for _ in range(60)]
    for name in ("p50_s", "p95_s"):
        values = [math.log(run.metrics[name] or math.nan) for run in runs]
        estimated = [np.mean(sampling_errors(run, name, is_relative=False)) for run in runs]
        assert np.std(values) == pytest.approx(np.mean(estimated), rel=0.3)
    means = [math.log(run.mean_s or math.nan) for run in runs]
    assert np.std(means) == pytest.approx(sampling_errors(runs[0], "throughput_per_s").above, rel=0.3)


def test_a_pruned_histogram_has_the_rule_of_the_registry() -> None:
    pruned = measurement(times_s=[0.1] * 100, response=PrunedHistogram(100, quantiles_s={0.5: 0.1, 0.95: 0.2}))
    for name in ("p50_s", "p95_s"):
        error = BASELINE_METRICS[name].sampling_error / math.sqrt(100)
        assert sampling_errors(pruned, name) == pytest.approx((error, error))


@pytest.mark.parametrize(("name", "needed"), [("p50_s", 6), ("p95_s", 72)])
def test_nothing_is_known_of_a_percentile_from_too_few_requests(name: str, needed: int) -> None:
    assert min(sampling_errors(measurement(times_s=[0.1] * (needed - 1)), name)) > math.log(1000)
    assert max(sampling_errors(measurement(times_s=[0.1] * needed), name)) < 1


def test_a_share_near_one_is_not_known_exactly() -> None:
    for number in (20, 2000):
        below, above = sampling_errors(measurement(times_s=[0.1] * number), "success_rate", z=4.0)
        assert (below, above) == (pytest.approx(4.0 / (number + 16)), 0.0)
    nothing = measurement(times_s=[], throttled=5)
    assert sampling_errors(nothing, "success_rate") == (1.0, 1.0)
