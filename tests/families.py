"""A family of series with controls, made of arrays: what a run is compared with, without a database."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from loadtasks.measurement.control import ControlSample, RunControls
from loadtasks.measurement.metrics import BASELINE_METRICS
from loadtasks.results.control_runs import ControlRun
from loadtasks.results.fingerprint import Fingerprint
from loadtasks.results.regression import Regression
from loadtasks.results.series import MetricSeries, SeriesPoint
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history.comparison import ComparedSeries, compare_with_baseline
from tests.measurements import SERVICE, STARTED_AT

_PLAUSIBLE = {"p50_s": 0.01, "p95_s": 0.02, "throughput_per_s": 100.0, "success_rate": 1.0, "connect_mean_s": 0.0002}


def names(number: int) -> list[str]:
    return [f"s{scenario}.all" for scenario in range(number)]


def series_of(medians: NDArray[np.float64], repetitions: int = 1) -> list[MetricSeries]:
    """A series a column, whose median, p95 and throughput move together by these logarithms; shape: runs x number."""
    fingerprint = Fingerprint(
        scenario_hash="5eed",
        load={},
        generator="a-host",
        processes=1,
        measurement_version=1,
        service=SERVICE,
        paired=False,
    )
    made = []
    for scenario, column in zip(names(medians.shape[1]), medians.T, strict=True):
        points = []
        for run, value in enumerate(column):
            factors = {"p50_s": value, "p95_s": value, "throughput_per_s": -value}
            row = np.array([_PLAUSIBLE[name] * np.exp(factors.get(name, 0.0)) for name in BASELINE_METRICS])
            started = STARTED_AT + timedelta(days=run)
            made_of = np.repeat(row[None, :], repetitions, 0)
            counts = np.array([[0, 100]] * repetitions)
            points.append(SeriesPoint(f"run-{run}", run + 1, started, "1.0", fingerprint, row, 100, made_of, counts))
        made.append(MetricSeries(scenario, "", points))
    return made


def controls_of(control: Sequence[float], scenarios: Sequence[str] = ()) -> list[ControlRun]:
    """The null server's round trip of each run, by its logarithm, and which scenarios are controls."""
    return [
        ControlRun(
            f"run-{run}",
            run + 1,
            "a-host",
            RunControls(
                scenarios=list(scenarios),
                samples=[
                    ControlSample(
                        host="a-host", at=STARTED_AT, round_trip_s=30e-6 * float(np.exp(value)), on_one_cpu=True
                    )
                ],
            ),
        )
        for run, value in enumerate(control)
    ]


def compared(
    medians: NDArray[np.float64],
    control: Sequence[float],
    run: int | None = None,
    scenarios: Sequence[str] = (),
    known: Sequence[Regression] = (),
) -> ComparedSeries:
    """A run, the last one unless another is named, compared with those before it."""
    of = f"run-{len(medians) - 1 if run is None else run}"
    return compare_with_baseline(of, series_of(medians), known, Sensitivity(), controls_of(control, scenarios))
