"""The history detector's false alarms, and what it finds, under other kinds of noise than the benchmark's.

    python -m benchmarks.verdict.robustness

A row a kind of noise: false alarms a series-year (four are the budget) over 60 and over 180 runs, the share of shifts
by twice the CV found within 10 runs and ever, how often the 95 % interval of the size contains the truth, and how often
the 90 % interval of the first run does.
"""

import argparse
import time

import numpy as np

from benchmarks.engine.bench import table
from benchmarks.verdict import own_detectors
from benchmarks.verdict.detectors import WITHIN
from benchmarks.verdict.simulated_runs import FIRST_JUDGED, Cell, Noise, simulate

KINDS = {
    "the benchmark's, CV 5 %": Noise(0.05),
    "the benchmark's, CV 10 %": Noise(0.10),
    "CV 2 %": Noise(0.02),
    "CV 20 %": Noise(0.20),
    "independent runs": Noise(0.10, correlation=0.0),
    "correlation 0.6": Noise(0.10, correlation=0.6),
    "no outliers": Noise(0.10, outliers=0.0),
    "10 % outliers": Noise(0.10, outliers=0.10),
    "heavy tails (t, 3)": Noise(0.10, freedom=3.0),
    "weekends 10 % slower": Noise(0.05, weekend=0.10),
    "lasting steps of 5 %": Noise(0.05, steps=0.05),
    "independent repetitions": Noise(0.10, within=0.0),
    "repetitions, corr. 0.7": Noise(0.10, within=0.7),
    "repetitions equal": Noise(0.10, within=1.0),
}
_LONG_RUNS = 180


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--series", type=int, default=200)
    options.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same gives the same")
    arguments = options.parse_args()
    print(f"seed {arguments.seed}, {arguments.series} series a cell", flush=True)
    rows = [_row(name, noise, arguments.series, arguments.seed) for name, noise in KINDS.items()]
    heads = ["noise", "alarms", f"{_LONG_RUNS} runs", "shift", "in 10", "ever", "size holds", "since holds"]
    print(table(heads, rows))


def _row(name: str, noise: Noise, series: int, seed: int) -> list[str]:
    short, long = (_alarms(Cell(noise, None), series, seed, count) for count in (60, _LONG_RUNS))
    shift = 2 * noise.cv
    cell = Cell(noise, shift)
    runs = simulate(cell, series, seed)
    judged = own_detectors.judge(runs, cell, seed)
    number = np.arange(runs.times_s.shape[1])
    delays, holds, since = [], [], []
    for row, changes in enumerate(judged.changes):
        first = runs.shifted[row]
        found = [(run, change) for run, change in changes if run >= first]
        if found:
            run, change = found[0]
            delays.append(run - first)
            holds.append(change.low <= np.log1p(shift) <= change.high)
            since.append(change.earliest <= number[first] <= change.latest)
    within = sum(delay < WITHIN for delay in delays) / series
    found_share = len(delays) / series
    measured = [f"{within:.2f}", f"{found_share:.2f}", f"{np.mean(holds):.2f}", f"{np.mean(since):.2f}"]
    return [name, f"{short:.1f}", f"{long:.1f}", f"{shift:+.0%}", *measured]


def _alarms(cell: Cell, series: int, seed: int, count: int) -> float:
    runs = simulate(cell, series * 60 // count, seed, count)
    changes = own_detectors.judge(runs, cell, seed).changes
    false = sum(run >= FIRST_JUDGED for change in changes for run, _ in change)
    return false / (len(changes) * (count - FIRST_JUDGED)) * 365


if __name__ == "__main__":
    main()
