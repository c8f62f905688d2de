"""How well detectors tell a slower API from a noisy night, on nights made up so that the truth is known.

    make benchmark-verdict

The nights: `benchmarks/verdict/nights.py`. A row a detector and coefficient of variation (CV) of the nights' drift:

    alarms     False alarms in a series-year of 365 nights, over all nights from the 20th on that are before the shift,
               of all cells. Detectors that go on (history, window, Otava) are counted every time; history's are
               dismissed by somebody who knows. The others are silent after their first, so that nights after it don't
               count.
    in 10      The share of shifts at which an alarm is raised within 10 nights, the shift's own the first; false
               alarms before it don't matter.
    ever       The same until the last night, which is 10 to 40 nights after the shift.
    delay      Median nights from the shift to the alarm, of those found.

A series here is one scenario: its p50 and p95 (or the tail, p95 / p50) are judged together. `known level` is no
detector: it is told the true level, spread and correlation, and set to exactly four false alarms; nobody who has to
estimate these and measures each night once can find more in 10 nights by much. History measures bad nights again, up to
three times, and what a re-run meets is a drift of its own, as the anchors page has it. In one night: `paired`, rounds
beside a reference.

Ends with 1 where what is asked of history and paired doesn't hold.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.engine.bench import table
from benchmarks.verdict import bound, limits, ours, peers, simple
from benchmarks.verdict.nights import JUDGED, TAIL, Cell, Nights, Noise, again
from benchmarks.verdict.nights import nights as made_up
from benchmarks.verdict.simple import Raised

CVS = (0.05, 0.10)
SHIFTS: tuple[float | str, ...] = (0.05, 0.10, 0.20, 0.40, TAIL)
WITHIN = 10


@dataclass(frozen=True)
class Detector:
    """One way to judge nights."""

    name: str
    raised: Callable[[Nights, Cell], Raised]
    goes_on: bool = False
    """Whether it may raise another alarm after its first."""
    p50_only: bool = False


class Score:
    """What one detector made of all cells of one CV."""

    def __init__(self, detector: Detector, cv: float) -> None:
        self.detector, self.cv = detector, cv
        self.false, self.nights = 0, 0
        self.found: dict[float | str, float] = {}
        self.ever: dict[float | str, float] = {}
        self.delay: dict[float | str, float] = {}

    @property
    def alarms(self) -> float:
        """False alarms a series-year."""
        return self.false / self.nights * 365

    def add(self, cell: Cell, nights: Nights, raised: Raised) -> None:
        """Count what was raised."""
        number = np.arange(raised.shape[1])[None, :]
        before = (number < nights.shifted[:, None]) & (number >= JUDGED)
        false = raised & before
        if self.detector.goes_on:
            self.false += int(false.sum())
            self.nights += int(before.sum())
        else:
            once = false.any(axis=1)
            self.false += int(once.sum())
            self.nights += int(np.where(once, false.argmax(axis=1) - JUDGED + 1, nights.shifted - JUDGED).sum())
        if cell.shift is None or (self.detector.p50_only and cell.shift == TAIL):
            return
        after = raised & (number >= nights.shifted[:, None])
        delays = (after.argmax(axis=1) - nights.shifted)[after.any(axis=1)]
        self.found[cell.shift] = float((delays < WITHIN).sum() / len(raised))
        self.ever[cell.shift] = len(delays) / len(raised)
        self.delay[cell.shift] = float(np.median(delays)) if len(delays) else np.nan

    def row(self) -> list[str]:
        """Of the table."""
        found = [f"{self.found[each]:.2f}" if each in self.found else "" for each in SHIFTS]
        ever = " ".join(f"{self.ever[each]:.2f}" if each in self.ever else " -  " for each in SHIFTS)
        delays = sorted(self.delay.values())
        measured = [f"{self.alarms:.1f}", *found, ever, f"{delays[0]:.0f} to {delays[-1]:.0f}"]
        return [self.detector.name, f"{self.cv:.0%}", *measured]


def detectors(seed: int) -> Iterator[Detector]:
    """In the order of the table."""
    yield Detector("p95 > 1.2 x one night", lambda nights, _: simple.threshold(nights))
    yield Detector("p95 z-score > 3, 10 nights", lambda nights, _: simple.z_score(nights))
    yield Detector("Mann-Whitney against one night", lambda nights, _: simple.mann_whitney(nights))
    yield Detector("median + 4 MAD, 14 nights", lambda nights, _: simple.deviation(nights))
    yield Detector(
        "the same, confirmed by a re-run",
        lambda nights, cell: simple.deviation_confirmed(nights, again(cell, nights, seed)[0]),
    )
    yield Detector("window, 3 against 20 nights", lambda nights, _: simple.window(nights), goes_on=True)
    if peers.there():
        yield Detector("Apache Otava", lambda nights, _: peers.otava(nights), goes_on=True)
    yield Detector("known level", lambda nights, cell: bound.known(nights, cell.noise), p50_only=True)
    yield Detector("loadtasks, history", lambda nights, cell: ours.history(nights, cell, seed), goes_on=True)


def main() -> int:
    """Run all, print the tables and what doesn't hold."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--series", type=int, default=200, help="in each cell")
    options.add_argument("--nights", type=int, default=500, help="paired nights without a shift at each CV")
    options.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same gives the same")
    asked = options.parse_args()
    print(f"seed {asked.seed}, {asked.series} series a cell; found: +5 %, +10 %, +20 %, +40 %, tail", flush=True)
    if not peers.there():
        print("Apache Otava is not installed and left out; make benchmark-verdict installs it")
    scores = [score for cv in CVS for score in _scored(cv, asked.series, asked.seed)]
    heads = ["detector", "CV", "alarms", *(f"{each} in 10" for each in ("+5%", "+10%", "+20%", "+40%", TAIL))]
    print(table([*heads, "ever", "delay"], [each.row() for each in scores]))
    pairs = list(_paired(asked.nights, asked.series, asked.seed))
    heads = ["paired, in one night", "CV", "shift", "nights", "regressed", "rounds, median", "page's rule"]
    print(table(heads, [pair.row() for pair in pairs]))
    mine = {each.cv: each for each in scores if each.detector.name == "loadtasks, history"}
    otava = {each.cv: each for each in scores if each.detector.name == "Apache Otava"}
    problems = [
        *limits.history({cv: (each.alarms, each.found) for cv, each in mine.items()}),
        *limits.against({cv: (mine[cv].alarms, mine[cv].found, each.alarms, each.found) for cv, each in otava.items()}),
        *limits.paired([(pair.cv, pair.shift, pair.found) for pair in pairs]),
    ]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


@dataclass(frozen=True)
class Paired:
    """One cell of paired nights."""

    cv: float
    shift: float | str | None
    nights: int
    found: float
    rounds: float
    page: float

    def row(self) -> list[str]:
        """Of the table."""
        shift = "none" if self.shift is None else self.shift if isinstance(self.shift, str) else f"{self.shift:+.0%}"
        measured = [f"{self.found:.3f}", f"{self.rounds:.0f}", f"{self.page:.3f}"]
        return ["loadtasks", f"{self.cv:.0%}", shift, f"{self.nights}", *measured]


def _scored(cv: float, series: int, seed: int) -> list[Score]:
    scores = [Score(detector, cv) for detector in detectors(seed)]
    for shift in (None, *SHIFTS):
        cell = Cell(Noise(cv), shift)
        nights = made_up(cell, series, seed)
        for score in scores:
            score.add(cell, nights, score.detector.raised(nights, cell))
    return scores


def _paired(without: int, series: int, seed: int) -> Iterator[Paired]:
    for cv in CVS:
        for shift in (None, *SHIFTS):
            cell, nights = Cell(Noise(cv), shift), without if shift is None else series
            pairs = ours.in_one_night(cell, nights, seed)
            page = ours.page_interval(cell, nights, seed)
            yield Paired(cv, shift, nights, pairs.found, float(np.median(pairs.rounds)), page)


if __name__ == "__main__":
    sys.exit(main())
