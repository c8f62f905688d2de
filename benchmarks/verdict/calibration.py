"""Simulates the thresholds of `false_alarm_budget`: false alarms of series without a shift.

    python -m benchmarks.verdict.calibration

Series of the anchor's noise (CV 10 %, correlation 0.3, 3 % outliers; evidence is standardised, so that the CV doesn't
matter, which `benchmarks.verdict.robustness` shows) are followed for 200 nights, each measured again where the history
asks for it, and judged from the 14th on. After an alarm evidence is gathered anew, as it is when an alarm is dismissed.
For each threshold: the nights to a false alarm, with their 95 % interval (Poisson). About a quarter of an hour.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from benchmarks.verdict.nights import Noise, Values
from loadtasks.verdict.history.detector import NEEDED, Detector, DetectorState, SeriesSettings
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.levels import MAX_REPETITIONS

BLOCKS = {2.0: 1, 2.5: 1, 3.0: 1, 3.5: 1, 4.0: 1, 4.5: 2, 5.0: 4, 5.5: 8, 6.0: 4, 6.5: 8, 7.0: 12}
"""By threshold, how many blocks of series show enough alarms."""
NIGHTS = 200
_BLOCK = 1000
_REQUEST_NOISE = 0.0196  # of the median of 500 lognormal requests, sigma 0.35


@dataclass(frozen=True)
class _Threshold(FalseAlarmBudget):
    """A budget whose threshold is given."""

    given: float = 0.0

    def threshold(self, share: float = 1.0) -> float:
        """The same for all."""
        return self.given


def alarms(repetitions: Sequence[Values], threshold: float) -> int:
    """False alarms of all series, a row each; `repetitions`: the nights' first measurements, and those made again."""
    found, series = 0, len(repetitions[0])
    history = Detector([SeriesSettings(min_effect=1e-9, share=1.0)] * series, _Threshold(nights=1.0, given=threshold))
    for night in range(NIGHTS):
        history.begin(repetitions[0][:, night])
        for values in repetitions[1:]:
            wanted = np.array([each is not None for each in history.again()])
            if not wanted.any():
                break
            history.add(np.where(wanted, values[:, night], np.nan))
        for row, judgement in enumerate(history.judge()):
            if judgement.raised and judgement.state is DetectorState.REGRESSED:
                found += 1
                history.dismiss(row)
    return found


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seed", type=int, default=6)
    asked = options.parse_args()
    for threshold, blocks in BLOCKS.items():
        count = sum(alarms(_block(asked.seed, block), threshold) for block in range(blocks))
        judged = blocks * _BLOCK * (NIGHTS - NEEDED + 1)
        most = judged / max(chi2.ppf(0.025, 2 * count) / 2, 0.025) if count else np.inf
        least = judged / (chi2.ppf(0.975, 2 * (count + 1)) / 2)
        nights = judged / max(count, 1)
        told = f"{threshold:.1f}: {count:9,.0f} alarms, one in {nights:11,.1f} nights ({least:,.0f} to {most:,.0f})"
        print(told, flush=True)


def _block(seed: int, block: int) -> list[Values]:
    random, noise = np.random.default_rng([seed, block]), Noise(0.10)
    drifts = [noise.drift(random, _BLOCK, NIGHTS)]
    for _ in range(MAX_REPETITIONS - 1):
        drifts.append(noise.again(random, drifts[-1]))
    return [drift.total + _REQUEST_NOISE * random.standard_normal(drift.total.shape) for drift in drifts]


if __name__ == "__main__":
    main()
