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


def test_few_requests_and_a_pruned_histogram_have_the_rule_of_the_registry() -> None:
    few = measurement(times_s=[0.1, 0.2, 0.4])
    pruned = measurement(times_s=[0.1] * 100, response=PrunedHistogram(100, quantiles_s={0.5: 0.1, 0.95: 0.2}))
    for run, number in ((few, 3), (pruned, 100)):
        for name in ("p50_s", "p95_s"):
            error = BASELINE_METRICS[name].sampling_error / math.sqrt(number)
            assert sampling_errors(run, name) == pytest.approx((error, error))
    assert sampling_errors(measurement(times_s=[]), "p50_s").above == BASELINE_METRICS["p50_s"].sampling_error


def test_a_share_near_one_is_not_known_exactly() -> None:
    for number in (20, 2000):
        below, above = sampling_errors(measurement(times_s=[0.1] * number), "success_rate", z=4.0)
        assert (below, above) == (pytest.approx(4.0 / (number + 16)), 0.0)
    nothing = measurement(times_s=[], throttled=5)
    assert sampling_errors(nothing, "success_rate") == (1.0, 1.0)
