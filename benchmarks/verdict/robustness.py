"""The history's false alarms, and what it finds, where nights differ in other ways than the benchmark's.

    python -m benchmarks.verdict.robustness

A row a kind of noise: false alarms a series-year (four are the budget), shifts by twice the nights' CV found within 10
nights and ever, how often the interval of the size (95 %) that is told with the alarm holds the truth, and how far
`since` is off: the share of alarms whose span of nights (90 %) holds the first night.
"""

import argparse
import time

import numpy as np

from benchmarks.engine.bench import table
from benchmarks.verdict import ours
from benchmarks.verdict.detectors import WITHIN
from benchmarks.verdict.nights import JUDGED, Cell, Noise
from benchmarks.verdict.nights import nights as made_up

KINDS = {
    "the benchmark's, CV 5 %": Noise(0.05),
    "the benchmark's, CV 10 %": Noise(0.10),
    "CV 2 %": Noise(0.02),
    "CV 20 %": Noise(0.20),
    "independent nights": Noise(0.10, correlation=0.0),
    "correlation 0.6": Noise(0.10, correlation=0.6),
    "no outliers": Noise(0.10, outliers=0.0),
    "10 % outliers": Noise(0.10, outliers=0.10),
    "heavy tails (t, 3)": Noise(0.10, freedom=3.0),
    "weekends 10 % slower": Noise(0.05, weekend=0.10),
    "lasting steps of 5 %": Noise(0.05, steps=0.05),
    "re-runs independent": Noise(0.10, within=0.0),
    "re-runs correlated 0.7": Noise(0.10, within=0.7),
    "re-runs like their night": Noise(0.10, within=1.0),
}
_LONG = 180


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--series", type=int, default=200)
    options.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same gives the same")
    asked = options.parse_args()
    print(f"seed {asked.seed}, {asked.series} series a cell", flush=True)
    rows = [_row(name, noise, asked.series, asked.seed) for name, noise in KINDS.items()]
    heads = ["noise", "alarms", f"{_LONG} nights", "shift", "in 10", "ever", "size holds", "since holds"]
    print(table(heads, rows))


def _row(name: str, noise: Noise, series: int, seed: int) -> list[str]:
    short, long = (_alarms(Cell(noise, None), series, seed, count) for count in (60, _LONG))
    shift = 2 * noise.cv
    cell = Cell(noise, shift)
    nights = made_up(cell, series, seed)
    judged = ours.judged(nights, cell, seed)
    number = np.arange(nights.times_s.shape[1])
    delays, holds, since = [], [], []
    for row, changes in enumerate(judged.changes):
        first = nights.shifted[row]
        found = [(night, change) for night, change in changes if night >= first]
        if found:
            night, change = found[0]
            delays.append(night - first)
            holds.append(change.low <= np.log1p(shift) <= change.high)
            since.append(change.earliest <= number[first] <= change.latest)
    within = sum(delay < WITHIN for delay in delays) / series
    found_share = len(delays) / series
    measured = [f"{within:.2f}", f"{found_share:.2f}", f"{np.mean(holds):.2f}", f"{np.mean(since):.2f}"]
    return [name, f"{short:.1f}", f"{long:.1f}", f"{shift:+.0%}", *measured]


def _alarms(cell: Cell, series: int, seed: int, count: int) -> float:
    nights = made_up(cell, series * 60 // count, seed, count)
    changes = ours.judged(nights, cell, seed).changes
    false = sum(night >= JUDGED for change in changes for night, _ in change)
    return false / (len(changes) * (count - JUDGED)) * 365


if __name__ == "__main__":
    main()
