"""How well detectors tell a slower API from a noisy run, on simulated runs whose truth is known.

    make benchmark-verdict

The runs: `benchmarks/verdict/simulated_runs.py`. A row a detector and coefficient of variation (CV) of the runs' drift:

    alarms     False alarms in a series-year of 365 runs, over all runs from the 20th on that are before the shift, of
               all cells. Detectors that go on (history, window, Otava) are counted every time; those of the history
               detector are dismissed. The others are silent after their first, so runs after it don't count.
    in 10      The share of shifts at which an alarm is raised within 10 runs, the shift's own the first; false alarms
               before it don't matter.
    ever       The share of shifts at which an alarm is raised until the last run, 10 to 40 runs after the shift.
    delay      Median runs from the shift to the alarm, of those found.

A series here is one scenario: its p50 and p95 (or the tail, p95 / p50) are judged together. `known level` is no
detector: it is given the true level, scale and autocorrelation, and set to exactly four false alarms; what has to
estimate these and measures each run once can't find much more in 10 runs. The history detector repeats runs that look
worse, up to three times, and each repetition has a drift of its own. In one run: `paired`, rounds with a reference.

The history detector is also tried where runs meet a slower host now and then, or wander slowly: a false alarm is as
rare there. `benchmarks/verdict/gains.py` says what its last table shows.

Ends with 1 where a limit of the history detector or of the paired test doesn't hold.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.engine.bench import table
from benchmarks.verdict import bound, gains, limits, own_detectors, peers, simple_detectors
from benchmarks.verdict.simple_detectors import Raised
from benchmarks.verdict.simulated_runs import FIRST_JUDGED, TAIL, Cell, Noise, SimulatedRuns, repeat, simulate

CVS = (0.05, 0.10)
SHIFTS: tuple[float | str, ...] = (0.05, 0.10, 0.20, 0.40, TAIL)
FURTHER_NOISES = {
    "slower host": Noise(0.05, slow_hosts=0.3),
    "slow wander": Noise(0.05, correlation=0.0, wander=0.5),
}
"""Noises that real series show and the benchmark's own doesn't, with the lower CV; each is tried with both CVs."""
FURTHER_SHIFTS = (0.10, 0.20, 0.40)
WITHIN = 10


@dataclass(frozen=True)
class BenchmarkedDetector:
    """One way to judge runs."""

    name: str
    raised: Callable[[SimulatedRuns, Cell], Raised]
    goes_on: bool = False
    """Whether it may raise another alarm after its first."""
    p50_only: bool = False


class Score:
    """The false alarms and detections of one detector in all cells of one CV."""

    def __init__(self, detector: BenchmarkedDetector, cv: float) -> None:
        self.detector, self.cv = detector, cv
        self.false, self.runs = 0, 0
        self.found: dict[float | str, float] = {}
        self.ever: dict[float | str, float] = {}
        self.delay: dict[float | str, float] = {}

    @property
    def alarms(self) -> float:
        """False alarms a series-year."""
        return self.false / self.runs * 365

    def add(self, cell: Cell, runs: SimulatedRuns, raised: Raised) -> None:
        """Count the alarms of one cell."""
        number = np.arange(raised.shape[1])[None, :]
        before = (number < runs.shifted[:, None]) & (number >= FIRST_JUDGED)
        false = raised & before
        if self.detector.goes_on:
            self.false += int(false.sum())
            self.runs += int(before.sum())
        else:
            alarmed = false.any(axis=1)
            self.false += int(alarmed.sum())
            until = np.where(alarmed, false.argmax(axis=1) - FIRST_JUDGED + 1, runs.shifted - FIRST_JUDGED)
            self.runs += int(until.sum())
        if cell.shift is None or (self.detector.p50_only and cell.shift == TAIL):
            return
        after = raised & (number >= runs.shifted[:, None])
        delays = (after.argmax(axis=1) - runs.shifted)[after.any(axis=1)]
        self.found[cell.shift] = float((delays < WITHIN).sum() / len(raised))
        self.ever[cell.shift] = len(delays) / len(raised)
        self.delay[cell.shift] = float(np.median(delays)) if len(delays) else np.nan

    def row(self) -> list[str]:
        """The detector's row of the table."""
        found = [f"{self.found[shift]:.2f}" if shift in self.found else "" for shift in SHIFTS]
        ever = " ".join(f"{self.ever[shift]:.2f}" if shift in self.ever else " -  " for shift in SHIFTS)
        delays = sorted(self.delay.values())
        measured = [f"{self.alarms:.1f}", *found, ever, f"{delays[0]:.0f} to {delays[-1]:.0f}"]
        return [self.detector.name, f"{self.cv:.0%}", *measured]


def detectors(seed: int) -> Iterator[BenchmarkedDetector]:
    """All detectors, in the order of the table."""
    yield BenchmarkedDetector("p95 > 1.2 x one run", lambda runs, _: simple_detectors.threshold(runs))
    yield BenchmarkedDetector("p95 z-score > 3, 10 runs", lambda runs, _: simple_detectors.z_score(runs))
    yield BenchmarkedDetector("Mann-Whitney against one run", lambda runs, _: simple_detectors.mann_whitney(runs))
    yield BenchmarkedDetector("median + 4 MAD, 14 runs", lambda runs, _: simple_detectors.deviation(runs))
    yield BenchmarkedDetector(
        "the same, confirmed by a re-run",
        lambda runs, cell: simple_detectors.deviation_confirmed(runs, repeat(cell, runs, seed)[0]),
    )
    yield BenchmarkedDetector("window, 3 against 20 runs", lambda runs, _: simple_detectors.window(runs), goes_on=True)
    if peers.is_installed():
        yield BenchmarkedDetector("Apache Otava", lambda runs, _: peers.otava(runs), goes_on=True)
    yield BenchmarkedDetector("known level", lambda runs, cell: bound.known_level(runs, cell.noise), p50_only=True)
    yield BenchmarkedDetector(
        "loadtasks, history", lambda runs, cell: own_detectors.history(runs, cell, seed), goes_on=True
    )


def main() -> int:
    """Run all, print the tables and the limits that don't hold."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--series", type=int, default=200, help="in each cell")
    options.add_argument("--runs", type=int, default=500, help="paired runs without a shift at each CV")
    options.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same gives the same")
    arguments = options.parse_args()
    print(
        f"seed {arguments.seed}, {arguments.series} series a cell; found: +5 %, +10 %, +20 %, +40 %, tail", flush=True
    )
    if not peers.is_installed():
        print("Apache Otava is not installed and left out; make benchmark-verdict installs it")
    scores = [score for cv in CVS for score in _scores(cv, arguments.series, arguments.seed)]
    heads = ["detector", "CV", "alarms", *(f"{shift} in 10" for shift in ("+5%", "+10%", "+20%", "+40%", TAIL))]
    print(table([*heads, "ever", "delay"], [score.row() for score in scores]))
    cells = list(_paired_cells(arguments.runs, arguments.series, arguments.seed))
    heads = ["paired, in one run", "CV", "shift", "runs", "regressed", "rounds, median", "page's rule"]
    print(table(heads, [cell.row() for cell in cells]))
    further = list(_further_scores(arguments.series, arguments.seed))
    heads = ["history, other noise", "CV", "alarms", *(f"{shift:+.0%} in 10" for shift in FURTHER_SHIFTS)]
    print(table(heads, [_further_row(score) for score in further]))
    gains_table, gains_problems = gains.measure(series=30, seed=arguments.seed)
    print(gains_table)
    own = {score.cv: score for score in scores if score.detector.name == "loadtasks, history"}
    otava = {score.cv: score for score in scores if score.detector.name == "Apache Otava"}
    problems = [
        *limits.history({cv: (score.alarms, score.found) for cv, score in own.items()}),
        *limits.against(
            {cv: (own[cv].alarms, own[cv].found, score.alarms, score.found) for cv, score in otava.items()}
        ),
        *limits.paired([(cell.cv, cell.shift, cell.found) for cell in cells]),
        *limits.false_alarms([(f"{score.detector.name}, CV {score.cv:.0%}", score.alarms) for score in further]),
        *gains_problems,
    ]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


@dataclass(frozen=True)
class PairedCell:
    """One cell of paired runs."""

    cv: float
    shift: float | str | None
    runs: int
    found: float
    rounds: float
    page: float

    def row(self) -> list[str]:
        """The cell's row of the table."""
        shift = "none" if self.shift is None else self.shift if isinstance(self.shift, str) else f"{self.shift:+.0%}"
        measured = [f"{self.found:.3f}", f"{self.rounds:.0f}", f"{self.page:.3f}"]
        return ["loadtasks", f"{self.cv:.0%}", shift, f"{self.runs}", *measured]


def _scores(cv: float, series: int, seed: int) -> list[Score]:
    scores = [Score(detector, cv) for detector in detectors(seed)]
    for shift in (None, *SHIFTS):
        cell = Cell(Noise(cv), shift)
        runs = simulate(cell, series, seed)
        for score in scores:
            score.add(cell, runs, score.detector.raised(runs, cell))
    return scores


def _further_scores(series: int, seed: int) -> Iterator[Score]:
    for name, noise in FURTHER_NOISES.items():
        own = BenchmarkedDetector(name, lambda runs, cell: own_detectors.history(runs, cell, seed), goes_on=True)
        for cv in CVS:
            score = Score(own, cv)
            for shift in (None, *FURTHER_SHIFTS):
                cell = Cell(replace(noise, cv=cv), shift)
                runs = simulate(cell, series, seed)
                score.add(cell, runs, own.raised(runs, cell))
            yield score


def _further_row(score: Score) -> list[str]:
    found = [f"{score.found[shift]:.2f}" for shift in FURTHER_SHIFTS]
    return [score.detector.name, f"{score.cv:.0%}", f"{score.alarms:.1f}", *found]


def _paired_cells(runs_without_shift: int, runs_with_shift: int, seed: int) -> Iterator[PairedCell]:
    for cv in CVS:
        for shift in (None, *SHIFTS):
            cell, runs = Cell(Noise(cv), shift), runs_without_shift if shift is None else runs_with_shift
            paired = own_detectors.judge_paired(cell, runs, seed)
            page = own_detectors.page_interval(cell, runs, seed)
            yield PairedCell(cv, shift, runs, paired.found, float(np.median(paired.rounds)), page)


if __name__ == "__main__":
    sys.exit(main())
