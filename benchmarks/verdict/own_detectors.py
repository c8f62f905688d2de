"""This project's detectors over the benchmark's runs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from benchmarks.verdict.simple_detectors import Raised
from benchmarks.verdict.simulated_runs import Cell, SimulatedRuns, Values, repeat, simulate_rounds
from loadtasks.verdict.history.baselines import MAX_REPETITIONS
from loadtasks.verdict.history.change_point import ChangePoint
from loadtasks.verdict.history.detector import Detector
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.series_judgement import DetectorState
from loadtasks.verdict.history.series_settings import SeriesSettings
from loadtasks.verdict.reference import sequential_test
from loadtasks.verdict.reference.sequential_test import Decision, Rule

BUDGET = FalseAlarmBudget(runs_per_false_alarm=365 / 4)
"""Four false alarms in a year, for the series of one scenario."""
FAMILY = (SeriesSettings(min_effect=0.02, share=0.95), SeriesSettings(min_effect=0.05, share=0.05))
"""The median, and the 95th percentile relative to it: that is free of the runs' drift, and so needs little of the
budget."""


@dataclass(frozen=True)
class JudgedRuns:
    """What the history detector raises for scenarios over their runs."""

    changes: list[list[tuple[int, ChangePoint]]]
    """Of each scenario, the runs at which a regression is raised, each with the change."""
    repetitions: NDArray[np.int64]
    """How often each run was repeated; shape: scenarios x runs."""


def history(runs: SimulatedRuns, cell: Cell, seed: int) -> Raised:
    """Whether a regression is raised, by scenario and run."""
    raised = np.zeros(runs.times_s.shape[:2], dtype=bool)
    for row, changes in enumerate(judge(runs, cell, seed).changes):
        raised[row, [run for run, _ in changes]] = True
    return raised


def judge(runs: SimulatedRuns, cell: Cell, seed: int) -> JudgedRuns:
    """Judge run after run; each is repeated where the detector asks for it. False alarms are dismissed at once."""
    first, *further = (_values(one) for one in (runs, *repeat(cell, runs, seed, MAX_REPETITIONS - 1)))
    scenarios, count = runs.times_s.shape[:2]
    detector = Detector(FAMILY * scenarios, BUDGET)
    changes: list[list[tuple[int, ChangePoint]]] = [[] for _ in range(scenarios)]
    repetitions = np.zeros((scenarios, count), dtype=np.int64)
    for run in range(count):
        detector.begin_run(first[:, run])
        for values in further:
            due_by_series = np.array([reason is not None for reason in detector.repetitions_due()])
            due = due_by_series.reshape(scenarios, -1).any(axis=1)
            if not due.any():
                break
            repetitions[due, run] += 1
            detector.add_repetition(np.where(np.repeat(due, len(FAMILY)), values[:, run], np.nan))
        for row, judgement in enumerate(detector.judge()):
            scenario = row // len(FAMILY)
            if judgement.state is DetectorState.REGRESSED and judgement.raised and judgement.change:
                changes[scenario].append((run, judgement.change))
                if run < runs.shifted[scenario]:
                    detector.dismiss(row)
    return JudgedRuns(changes, repetitions)


def _values(runs: SimulatedRuns) -> Values:
    """The values of all scenarios' series; shape: (scenarios x `FAMILY`) x runs."""
    p50, p95 = np.log(runs.percentile_s(0.5)), np.log(runs.percentile_s(0.95))
    return np.stack([p50, p95 - p50], axis=1).reshape(-1, p50.shape[1])


@dataclass(frozen=True)
class PairedRuns:
    """Runs of a candidate paired with a reference, each judged by itself."""

    decisions: list[tuple[Decision, ...]]
    """Of each run, p50's and p95's."""
    rounds: NDArray[np.int64]
    """How many rounds each run took."""

    @property
    def found(self) -> float:
        """The share of runs that regressed."""
        return sum(Decision.REGRESSED in decision for decision in self.decisions) / len(self.decisions)


def judge_paired(cell: Cell, runs: int, seed: int, rule: Rule | None = None) -> PairedRuns:
    """Judge paired runs; rounds are added as the rule requires."""
    rule = rule or Rule()
    reference, candidate = simulate_rounds(cell, runs, rule.interim_analyses[-1], seed)
    ratios = [np.log(candidate.percentile_s(share) / reference.percentile_s(share)) for share in (0.5, 0.95)]
    decisions, rounds = [], []
    for run in range(runs):
        number = more = rule.interim_analyses[0]
        decided: tuple[Decision, ...] = ()
        while more:
            decided = tuple(
                sequential_test.judge([ratio[run, :number]], len(ratios), rule).decision for ratio in ratios
            )
            more = sequential_test.more_rounds(decided, number, rule)
            number += more
        decisions.append(decided)
        rounds.append(number)
    return PairedRuns(decisions, np.array(rounds))


def page_interval(cell: Cell, runs: int, seed: int) -> float:
    """The share found by a fixed rule: 30 rounds, 99 % t interval above 0, at least 2 %, p50 or p95."""
    rounds, min_effect, error = 30, 0.02, 0.005
    reference, candidate = simulate_rounds(cell, runs, rounds, seed)
    found = np.zeros(runs, dtype=bool)
    for share in (0.5, 0.95):
        ratios = np.log(candidate.percentile_s(share) / reference.percentile_s(share))
        mean, standard_error = ratios.mean(axis=1), ratios.std(axis=1, ddof=1) / np.sqrt(rounds)
        found |= (mean > stdtrit(rounds - 1, 1 - error) * standard_error) & (mean >= np.log1p(min_effect))
    return float(found.mean())
