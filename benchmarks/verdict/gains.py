"""Gains that are lost, small gains that hide larger ones, and creep: what the history detector says of them.

    python -m benchmarks.verdict.gains

40 quiet runs of many series come first; each run is measured once. Series have a twentieth of the budget of one false
alarm in 100 runs, which is the part of the median where there are ten scenarios.

    lost gain     8 % better for 14 runs, then 2 % worse than before the gain. Found: a regression is raised within 10
                  runs. Suspected: the runs after the loss, of 63, that the detector would repeat or calls suspected.
    larger gain   4 % better, and 10 runs later 20 % better than that. Found: within 5 runs an improvement is raised
                  that begins there, or has half of its size or more.
    creep         5 % worse in 400 runs, and 6 % in 600, little by little, and 40 runs at that level. The share of
                  series of which creep is found, and how many regressions the detector raises of a series.

Ends with 1 where a limit doesn't hold at the lower CV: 28 of 30 lost gains and of larger gains; 10 suspected runs in
the mean.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.engine.bench import table
from benchmarks.verdict.simulated_runs import Noise, Values
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.verdict.history.creep import find_creep
from loadtasks.verdict.history.detector import Detector
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.series_judgement import DetectorState
from loadtasks.verdict.history.series_settings import SeriesSettings

CVS = (0.02, 0.05)
BEFORE = 40
SHARE = 0.05
MIN_EFFECT = 0.03
LOST_GAIN = ((0.92, 14), (1.02, 63))
"""The levels after the first, in times that, each with its runs."""
LARGER_GAIN = ((0.96, 10), (0.96 * 0.8, 30))
CREEPS = ((0.05, 400), (0.06, 600))
WITHIN_LOST, WITHIN_LARGER = 10, 5
MIN_FOUND, MAX_SUSPECTED = 28 / 30, 10.0
_NEAR = 3
_CREEP_EVERY = 14


@dataclass(frozen=True)
class Watched:
    """What the detector says of each series, run by run; shape of each: series x runs."""

    regressed: np.ndarray
    """Whether a regression is raised."""
    improved_since: Values
    """The first run of the improvement that is raised; nan where there is none."""
    improved_by: Values
    """Its size in logarithms, below 0; nan where there is none."""
    suspected: np.ndarray
    """Whether the run would be repeated, or is called suspected."""


def main() -> int:
    """Print the table, and the limits that don't hold."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--series", type=int, default=30, help="of each kind")
    options.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same gives the same")
    arguments = options.parse_args()
    print(f"seed {arguments.seed}, {arguments.series} series of each kind", flush=True)
    printed, problems = measure(arguments.series, arguments.seed)
    print(printed)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def measure(series: int, seed: int) -> tuple[str, list[str]]:
    """The table, and a sentence for each limit that doesn't hold."""
    rows, problems = [], []
    for number, cv in enumerate(CVS):
        random = np.random.default_rng([seed, number])
        noise = Noise(cv, outliers=0.0)
        found, suspected = lost_gains(noise, series, random)
        larger = larger_gains(noise, series, random)
        crept = [creeping(noise, series, random, *creep) for creep in CREEPS]
        cells = [f"{share:.2f}, {regressions:.1f}" for share, regressions in crept]
        rows.append([f"CV {cv:.0%}", f"{found:.2f}", f"{suspected:.1f}", f"{larger:.2f}", *cells])
        if not number:
            problems = _limits(found, suspected, larger)
    creeps = [f"{size:.0%} in {runs} runs: creep, regressions" for size, runs in CREEPS]
    heads = [f"lost gain in {WITHIN_LOST}", "suspected runs", f"larger gain in {WITHIN_LARGER}", *creeps]
    return table(["gains and creep", *heads], rows), problems


def lost_gains(noise: Noise, series: int, random: np.random.Generator) -> tuple[float, float]:
    """The share of lost gains that is found within 10 runs, and the mean number of suspected runs after the loss."""
    watched = watch(_levels(noise, series, random, LOST_GAIN))
    lost = BEFORE + LOST_GAIN[0][1]
    found = watched.regressed[:, lost : lost + WITHIN_LOST].any(axis=1)
    return float(found.mean()), float(watched.suspected[:, lost:].sum(axis=1).mean())


def larger_gains(noise: Noise, series: int, random: np.random.Generator) -> float:
    """The share of larger gains over a smaller one that is found within 5 runs."""
    watched = watch(_levels(noise, series, random, LARGER_GAIN))
    larger = BEFORE + LARGER_GAIN[0][1]
    within = slice(larger, larger + WITHIN_LARGER)
    is_near = np.abs(watched.improved_since[:, within] - larger) <= _NEAR
    is_large = watched.improved_by[:, within] <= np.log(LARGER_GAIN[1][0] / LARGER_GAIN[0][0]) / 2
    return float((is_near | is_large).any(axis=1).mean())


def creeping(noise: Noise, series: int, random: np.random.Generator, size: float, runs: int) -> tuple[float, float]:
    """Series that become slower little by little: the share with creep, and the mean number of regressions raised."""
    slower = np.log1p(np.concatenate([np.zeros(BEFORE), np.linspace(0, size, runs), np.full(BEFORE, size)]))
    values = noise.drift(random, series, len(slower)).total + slower
    found = np.zeros(series, dtype=bool)
    for last in range(BEFORE, len(slower) + 1, _CREEP_EVERY):
        found |= _creeps(values[:, :last].T)
    return float(found.mean()), float(watch(values).regressed.sum(axis=1).mean())


def _creeps(values: Values) -> list[bool]:
    """Whether there is creep in each series. `values`: shape runs x series."""
    series = values.shape[1]
    creeps = find_creep(values, np.zeros(series), np.full(series, np.log1p(MIN_EFFECT)), np.ones(series, dtype=bool))
    return [creep is not None for creep in creeps]


def watch(values: Values) -> Watched:
    """Judge series run by run, nobody responding to what is raised. `values`: logarithms, shape series x runs."""
    series, runs = values.shape
    detector = Detector([SeriesSettings(float(np.log1p(MIN_EFFECT)), SHARE)] * series, FalseAlarmBudget(100))
    regressed, suspected = np.zeros((series, runs), dtype=bool), np.zeros((series, runs), dtype=bool)
    improved_since, improved_by = np.full((2, series, runs), np.nan)
    for run in range(runs):
        detector.begin_run(values[:, run])
        suspected[:, run] = [reason is RepetitionReason.SUSPECT for reason in detector.repetitions_due()]
        for row, judgement in enumerate(detector.judge()):
            suspected[row, run] |= judgement.state is DetectorState.SUSPECTED
            if judgement.raised and judgement.change is not None:
                if judgement.state is DetectorState.REGRESSED:
                    regressed[row, run] = True
                else:
                    improved_since[row, run], improved_by[row, run] = judgement.change.first, judgement.change.size
    return Watched(regressed, improved_since, improved_by, suspected)


def _levels(noise: Noise, series: int, random: np.random.Generator, levels: Sequence[tuple[float, int]]) -> Values:
    runs = [BEFORE, *(number for _, number in levels)]
    level = np.repeat(np.log([1.0, *(factor for factor, _ in levels)]), runs)
    return noise.drift(random, series, len(level)).total + level


def _limits(found: float, suspected: float, larger: float) -> list[str]:
    problems = [
        f"{name}: {share:.2f} found within {within} runs; the limit is {MIN_FOUND:.2f}"
        for name, share, within in (("lost gains", found, WITHIN_LOST), ("larger gains", larger, WITHIN_LARGER))
        if share < MIN_FOUND
    ]
    if suspected > MAX_SUSPECTED:
        problems.append(f"lost gains: {suspected:.1f} suspected runs; the limit is {MAX_SUSPECTED:g}")
    return problems


if __name__ == "__main__":
    sys.exit(main())
