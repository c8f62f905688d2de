"""Series of runs made up for tests."""

from collections.abc import Collection
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from loadtasks.measurement.metrics import BASELINE_METRICS
from loadtasks.results.fingerprint import Fingerprint
from loadtasks.results.series import MetricSeries, SeriesPoint
from tests.measurements import STARTED_AT

LIKE = Fingerprint(
    scenario_hash="5eed",
    load={"model": "closed", "workers": 1, "requests": 50},
    generator="a-host",
    processes=1,
    measurement_version=1,
    service="shop",
    paired=False,
)
MEDIAN_S = 0.05


def drift(
    cv: float = 0.05, correlation: float = 0.3, series: int = 1, runs: int = 60, seed: int = 1
) -> NDArray[np.float64]:
    """Logarithms of a metric, each correlated with that of the run before; one row a series, one column a run."""
    random = np.random.default_rng(seed)
    values = random.standard_normal((series, runs)) * cv
    for run in range(1, runs):
        values[:, run] = correlation * values[:, run - 1] + np.sqrt(1 - correlation**2) * values[:, run]
    return values


def median_series(scenario: str, levels: NDArray[np.float64], missing: Collection[int] = ()) -> MetricSeries:
    """A scenario of 50 requests a run whose medians are `MEDIAN_S` times e to the levels; nothing else is measured."""
    values = np.full((len(levels), 1, len(BASELINE_METRICS)), np.nan)
    values[:, 0, list(BASELINE_METRICS).index("p50_s")] = MEDIAN_S * np.exp(levels)
    return MetricSeries(
        scenario,
        "",
        [
            SeriesPoint(
                f"run-{run}",
                run,
                STARTED_AT + timedelta(days=run),
                None,
                LIKE,
                value[0],
                50,
                value,
                np.array([[0, 50]]),
            )
            for run, value in enumerate(values)
            if run not in missing
        ],
    )
