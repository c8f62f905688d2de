"""Where the thresholds of `loadtasks.verdict.budget` come from: false alarms of series without a shift, by simulation.

    python -m benchmarks.verdict.calibration

Series of the anchor's noise (CV 10 %, correlation 0.3, 3 % outliers; evidence is standardised, so that the CV doesn't
matter, which `benchmarks.verdict.robustness` shows) are followed for 200 nights, judged from the 14th on. After an
alarm evidence is gathered anew, as it is when an alarm is dismissed. For each threshold: the nights to a false alarm,
with their 95 % interval (Poisson).
"""

import argparse

import numpy as np
from scipy.stats import chi2

from benchmarks.verdict.nights import Noise, Values
from loadtasks.verdict import evidence
from loadtasks.verdict.history import NEEDED
from loadtasks.verdict.levels import MEMORY, Levels

THRESHOLDS = np.arange(2.0, 7.1, 0.5)
NIGHTS = 200
_BLOCK = 1000
_REQUEST_NOISE = 0.0196  # of the median of 500 lognormal requests, sigma 0.35


def alarms(values: Values) -> Values:
    """False alarms of all series, a row each, at each threshold."""
    found = np.zeros(len(THRESHOLDS))
    levels = Levels(np.full(len(values), 1e-9))
    fresh = np.full((len(THRESHOLDS), len(values)), MEMORY)
    for night in range(values.shape[1]):
        levels.add(night, values[:, night])
        fresh = np.minimum(fresh + 1, MEMORY)
        if night + 1 < NEEDED:
            continue
        weighed = evidence.weigh(levels)
        for index, threshold in enumerate(THRESHOLDS):
            raised = evidence.total(weighed.rise(fresh[index])) > threshold
            found[index] += raised.sum()
            fresh[index, raised] = 0
    return found


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--blocks", type=int, default=40, help=f"of {_BLOCK} series")
    options.add_argument("--seed", type=int, default=6)
    asked = options.parse_args()
    found = np.zeros(len(THRESHOLDS))
    for block in range(asked.blocks):
        random = np.random.default_rng([asked.seed, block])
        values = Noise(0.10).drift(random, _BLOCK, NIGHTS)
        found += alarms(values + _REQUEST_NOISE * random.standard_normal(values.shape))
    judged = asked.blocks * _BLOCK * (NIGHTS - NEEDED + 1)
    for threshold, count in zip(THRESHOLDS, found, strict=True):
        most = judged / max(chi2.ppf(0.025, 2 * count) / 2, 0.025) if count else np.inf
        least = judged / (chi2.ppf(0.975, 2 * (count + 1)) / 2)
        nights = judged / max(count, 1)
        print(f"{threshold:.1f}: {count:9,.0f} alarms, one in {nights:11,.1f} nights ({least:,.0f} to {most:,.0f})")


if __name__ == "__main__":
    main()
