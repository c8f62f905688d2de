"""Simulates the thresholds of `false_alarm_budget`: false alarms of series without a shift.

    python -m benchmarks.verdict.calibration

Series of the benchmark's noise (CV 10 %, autocorrelation 0.3, 3 % outliers; evidence is standardised, so that the CV
doesn't matter, which `benchmarks.verdict.robustness` shows) are followed for 200 runs, each repeated where the detector
asks for it, and judged from the 14th on. After an alarm evidence is collected anew, as when an alarm is dismissed. For
each threshold: the runs per false alarm, with their 95 % interval (Poisson); first where repetitions are correlated by
0.3, then where they are all alike. About five minutes.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from benchmarks.verdict.simulated_runs import Noise, Values
from loadtasks.verdict.history.baselines import MAX_REPETITIONS, MIN_BASELINE_RUNS
from loadtasks.verdict.history.detector import Detector
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.series_judgement import DetectorState
from loadtasks.verdict.history.series_settings import SeriesSettings

THRESHOLDS = {0.3: (1.5, 2.1, 2.8, 4.5), 1.0: (1.9, 2.7, 3.7, 4.5)}
"""By the correlation of repetitions."""
RUNS = 200
SERIES = 400
_NEVER = 1e12
"""Runs per false alarm at which no single run is beyond doubt: the evidence alone is judged."""
_REQUEST_NOISE = 0.0196  # of the median of 500 lognormal requests, sigma 0.35


@dataclass(frozen=True)
class _Threshold(FalseAlarmBudget):
    """A budget whose threshold is given."""

    given: float = 0.0

    def threshold(self, share: float = 1.0, alike: bool = False) -> float:
        """The given threshold, whatever the share, and whether repetitions are alike."""
        return self.given


def alarms(repetitions: Sequence[Values], threshold: float) -> int:
    """False alarms of all series.

    Args:
        repetitions: The first measurement of each run, then its repetitions; each of shape series x runs.
        threshold: Log odds.
    """
    found, series = 0, len(repetitions[0])
    detector = Detector([SeriesSettings(min_effect=1e-9, share=1.0)] * series, _Threshold(_NEVER, given=threshold))
    for run in range(RUNS):
        detector.begin_run(repetitions[0][:, run])
        for values in repetitions[1:]:
            due = np.array([reason is not None for reason in detector.repetitions_due()])
            if not due.any():
                break
            detector.add_repetition(np.where(due, values[:, run], np.nan))
        for row, judgement in enumerate(detector.judge()):
            if judgement.raised and judgement.state is DetectorState.REGRESSED:
                found += 1
                detector.dismiss(row)
    return found


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seed", type=int, default=6)
    arguments = options.parse_args()
    judged = SERIES * (RUNS - MIN_BASELINE_RUNS + 1)
    for within, thresholds in THRESHOLDS.items():
        repetitions = _repetitions(arguments.seed, Noise(0.10, within=within))
        for threshold in thresholds:
            count = alarms(repetitions, threshold)
            high = judged / max(chi2.ppf(0.025, 2 * count) / 2, 0.025) if count else np.inf
            low = judged / (chi2.ppf(0.975, 2 * (count + 1)) / 2)
            found = f"{count:9,.0f} alarms, one in {judged / max(count, 1):11,.1f} runs ({low:,.0f} to {high:,.0f})"
            print(f"repetitions {within:.1f}, threshold {threshold:.1f}: {found}", flush=True)


def _repetitions(seed: int, noise: Noise) -> list[Values]:
    random = np.random.default_rng(seed)
    drifts = [noise.drift(random, SERIES, RUNS)]
    for _ in range(MAX_REPETITIONS - 1):
        drifts.append(noise.repeat(random, drifts[-1]))
    return [drift.total + _REQUEST_NOISE * random.standard_normal(drift.total.shape) for drift in drifts]


if __name__ == "__main__":
    main()
