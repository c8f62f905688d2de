"""How long, and in how much memory, long histories are judged anew.

    python -m benchmarks.verdict.long_history

1,000 runs of 50 series by the detector alone: less than 3 s and 300 MB. 3,000 runs of 40 scenarios as stored runs are
judged, all of their metrics, and once more after a repetition of the last run: less than 5 s each. The seconds are
processor time, so that other work on the machine doesn't count. Ends with 1 where a limit doesn't hold.
"""

import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from benchmarks.verdict.simulated_runs import Noise, Values
from loadtasks.measurement.metrics import BASELINE_METRICS
from loadtasks.results.fingerprint import Fingerprint
from loadtasks.results.series import MetricSeries, SeriesPoint
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history.detector import Detector
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.replay import SeriesReplay
from loadtasks.verdict.history.series_judgement import DetectorState
from loadtasks.verdict.history.series_settings import SeriesSettings

SERIES, RUNS = 50, 1000
SCENARIOS, STORED_RUNS = 40, 3000
_MAX_S, _MAX_MB, _MAX_STORED_S = 3.0, 300.0, 5.0
_REQUESTS = 500


def main() -> int:
    """Print times and memory."""
    took_s, megabytes, raised = judge_series()
    print(f"{RUNS:,} runs x {SERIES} series: {took_s:.2f} s, {megabytes:.0f} MB, {raised} false alarms of 10 budgeted")
    series, runs = stored_series()
    alarms, first_s = judge_stored(series, runs)
    _, again_s = judge_stored([*series[:-1], with_repetition(series[-1])], runs)
    times = f"{first_s:.2f} s, after a repetition {again_s:.2f} s"
    print(f"{STORED_RUNS:,} runs x {SCENARIOS} scenarios: {times}, {alarms} alarms")
    is_fast = took_s < _MAX_S and max(first_s, again_s) < _MAX_STORED_S
    return 0 if is_fast and megabytes < _MAX_MB else 1


def judge_series() -> tuple[float, float, int]:
    """Judge series by the detector alone. Returns seconds, megabytes and the number of regressions raised."""
    values = Noise(0.10).drift(np.random.default_rng(1), SERIES, RUNS).total
    began_s = time.process_time()
    detector = Detector(
        [SeriesSettings(min_effect=0.02, share=1 / SERIES)] * SERIES, FalseAlarmBudget(runs_per_false_alarm=100)
    )
    raised = 0
    for run in range(RUNS):
        judged = detector.observe(values[:, run])
        raised += sum(one.raised and one.state is DetectorState.REGRESSED for one in judged)
    took_s = time.process_time() - began_s
    return took_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, raised


def stored_series(scenarios: int = SCENARIOS, runs: int = STORED_RUNS) -> tuple[list[MetricSeries], list[str]]:
    """The series of all scenarios as the results keep them, and the ids of their runs; each run is measured once."""
    begun = datetime(2020, 1, 1, tzinfo=UTC)
    started = [begun + timedelta(days=run) for run in range(runs)]
    ids = [f"{at:%Y%m%dT%H%M%SZ}-{run:04x}" for run, at in enumerate(started)]
    fingerprint = Fingerprint(
        scenario_hash="0", load={}, generator="host", processes=1, measurement_version=1, service="api", paired=False
    )
    series = []
    for number, of_scenario in enumerate(_stored_values(scenarios, runs)):
        counts = np.array([[0, _REQUESTS]])
        points = [
            SeriesPoint(ids[run], run, started[run], "1.0", fingerprint, values, _REQUESTS, values[None, :], counts)
            for run, values in enumerate(of_scenario)
        ]
        series.append(MetricSeries(f"scenario.{number}", "", points))
    return series, ids


def _stored_values(scenarios: int, runs: int) -> Values:
    """Shape: scenarios x runs x `BASELINE_METRICS`."""
    random = np.random.default_rng(2)
    drift = Noise(0.05).drift(random, scenarios, runs).total
    own = [random.standard_normal(drift.shape) for _ in range(3)]
    values = {
        "p50_s": 0.1 * np.exp(drift),
        "p95_s": 0.18 * np.exp(drift + 0.05 * own[0]),
        "throughput_per_s": 10 * np.exp(-drift + 0.02 * own[1]),
        "success_rate": np.ones_like(drift),
        "connect_mean_s": 0.001 * np.exp(0.1 * own[2]),
    }
    return np.stack([values[name] for name in BASELINE_METRICS], axis=2)


def judge_stored(series: Sequence[MetricSeries], runs: Sequence[str]) -> tuple[int, float]:
    """Judge stored series. Returns the number of alarms, and seconds."""
    began_s = time.process_time()
    _, alarms = SeriesReplay(series, runs, Sensitivity()).judge()
    return len(alarms), time.process_time() - began_s


def with_repetition(series: MetricSeries) -> MetricSeries:
    """The series with one more repetition in its last run."""
    last = series.points[-1]
    repeated = replace(last, repetitions=np.repeat(last.repetitions, 2, axis=0))
    return replace(series, points=[*series.points[:-1], repeated])


if __name__ == "__main__":
    sys.exit(main())
