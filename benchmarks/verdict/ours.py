"""This project's detectors over the benchmark's nights."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from benchmarks.verdict.nights import Cell, Nights, Values, again, paired
from benchmarks.verdict.simple import Raised
from loadtasks.verdict.history.change import ChangePoint
from loadtasks.verdict.history.detector import Detector, DetectorState, SeriesSettings
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.levels import MAX_REPETITIONS
from loadtasks.verdict.reference.sequential_test import Decision, Rule, judge, more_rounds

BUDGET = FalseAlarmBudget(nights=365 / 4)
"""Four false alarms in a year, for the series of one scenario."""
FAMILY = (SeriesSettings(min_effect=0.02, share=0.95), SeriesSettings(min_effect=0.05, share=0.05))
"""The median, and how far the 95th percentile lies above it: that is free of the nights' drift, and so asks for little
of the budget."""


@dataclass(frozen=True)
class Judged:
    """What the history says of scenarios over the nights."""

    changes: list[list[tuple[int, ChangePoint]]]
    """Of each scenario, the nights at which a regression is raised, and what is said of it."""
    again: NDArray[np.int64]
    """Scenarios, nights: how often each was measured again."""


def history(nights: Nights, cell: Cell, seed: int) -> Raised:
    """The nights at which a regression is raised."""
    raised = np.zeros(nights.times_s.shape[:2], dtype=bool)
    for row, changes in enumerate(judged(nights, cell, seed).changes):
        raised[row, [night for night, _ in changes]] = True
    return raised


def judged(nights: Nights, cell: Cell, seed: int) -> Judged:
    """Judge night after night; a night is measured again where the history asks for it.

    False alarms are dismissed, as by somebody who knows.
    """
    first, *further = (_values(each) for each in (nights, *again(cell, nights, seed, MAX_REPETITIONS - 1)))
    scenarios, count = nights.times_s.shape[:2]
    judge_all = Detector(FAMILY * scenarios, BUDGET)
    changes: list[list[tuple[int, ChangePoint]]] = [[] for _ in range(scenarios)]
    measured_again = np.zeros((scenarios, count), dtype=np.int64)
    for night in range(count):
        judge_all.begin(first[:, night])
        for values in further:
            asked = np.array([each is not None for each in judge_all.again()])
            wanted = asked.reshape(scenarios, -1).any(axis=1)
            if not wanted.any():
                break
            measured_again[wanted, night] += 1
            judge_all.add(np.where(np.repeat(wanted, len(FAMILY)), values[:, night], np.nan))
        for row, judgement in enumerate(judge_all.judge()):
            scenario = row // len(FAMILY)
            if judgement.state is DetectorState.REGRESSED and judgement.raised and judgement.change:
                changes[scenario].append((night, judgement.change))
                if night < nights.shifted[scenario]:
                    judge_all.dismiss(row)
    return Judged(changes, measured_again)


def _values(nights: Nights) -> Values:
    """Those of all scenarios' series, nights."""
    p50, p95 = np.log(nights.percentile_s(0.5)), np.log(nights.percentile_s(0.95))
    return np.stack([p50, p95 - p50], axis=1).reshape(-1, p50.shape[1])


@dataclass(frozen=True)
class Pairs:
    """Nights with a reference beside the candidate."""

    decisions: list[tuple[Decision, ...]]
    """Of each night, p50's and p95's."""
    rounds: NDArray[np.int64]

    @property
    def found(self) -> float:
        """The share of nights that regressed."""
        return sum(Decision.REGRESSED in decision for decision in self.decisions) / len(self.decisions)


def in_one_night(cell: Cell, nights: int, seed: int, rule: Rule | None = None) -> Pairs:
    """So many nights, each judged by itself; rounds are added as the rule asks."""
    rule = rule or Rule()
    reference, candidate = paired(cell, nights, rule.looks[-1], seed)
    ratios = [np.log(candidate.percentile_s(each) / reference.percentile_s(each)) for each in (0.5, 0.95)]
    decisions, rounds = [], []
    for night in range(nights):
        number = more = rule.looks[0]
        said: tuple[Decision, ...] = ()
        while more:
            said = tuple(judge(ratio[night, :number], len(ratios), rule).decision for ratio in ratios)
            more = more_rounds(said, number, rule)
            number += more
        decisions.append(said)
        rounds.append(number)
    return Pairs(decisions, np.array(rounds))


def page_interval(cell: Cell, nights: int, seed: int) -> float:
    """The anchors page's paired row: 30 rounds, 99 % t interval above 0, 2 % floor, p50 or p95; the share found."""
    rounds, floor, each = 30, 0.02, 0.005
    reference, candidate = paired(cell, nights, rounds, seed)
    found = np.zeros(nights, dtype=bool)
    for share in (0.5, 0.95):
        ratios = np.log(candidate.percentile_s(share) / reference.percentile_s(share))
        mean, error = ratios.mean(axis=1), ratios.std(axis=1, ddof=1) / np.sqrt(rounds)
        found |= (mean > stdtrit(rounds - 1, 1 - each) * error) & (mean >= np.log1p(floor))
    return float(found.mean())
