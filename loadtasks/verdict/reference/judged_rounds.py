"""The metrics of paired rounds judged by the sequential test, and how many more rounds it needs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

import numpy as np

from loadtasks.engine.recording.round_ratios import PAIRED, RoundRatios
from loadtasks.errors import BadInputError
from loadtasks.verdict.reference import sequential_test
from loadtasks.verdict.reference.sequential_test import MIN_ROUNDS, Ratio, Rule

JUDGED = ("p50_s", "p95_s", "success_rate")
"""The metrics that are judged: the median and the tail, which show different faults, and failures."""
_HIGHER_IS_BETTER = frozenset({"success_rate", "throughput_per_s"})
_COUNTED = frozenset({"success_rate"})
_MIN_REQUESTS_OF_P95 = 20
"""A p95 is judged where a round has at least 20 requests: of fewer it would be the slowest one."""
_ANALYSES = Rule().interim_analyses


@dataclass(frozen=True)
class RoundBudget:
    """How much one scenario may take when it is driven in rounds with its reference."""

    rounds: int = _ANALYSES[-1]
    seconds: float = 30.0

    @classmethod
    def from_environ(cls) -> Self:
        """The budget of LOADTASKS_ROUNDS and LOADTASKS_ROUNDS_S.

        Raises:
            BadInputError: one of them is no such number.
        """
        rounds = os.environ.get("LOADTASKS_ROUNDS") or str(cls.rounds)
        seconds = os.environ.get("LOADTASKS_ROUNDS_S") or str(cls.seconds)
        if not (rounds.isascii() and rounds.isdigit() and int(rounds) >= MIN_ROUNDS):
            raise BadInputError(
                f"LOADTASKS_ROUNDS {rounds}: it must be a whole number of at least {MIN_ROUNDS}; fewer rounds decide "
                "nothing."
            )
        if not (seconds.isascii() and seconds.replace(".", "", 1).isdigit() and float(seconds) > 0):
            raise BadInputError(f"LOADTASKS_ROUNDS_S {seconds}: it must be a number of seconds above 0.")
        return cls(int(rounds), float(seconds))

    @property
    def rule(self) -> Rule:
        """The sequential test that keeps to the budget."""
        earlier = (analysis for analysis in _ANALYSES if analysis < self.rounds)
        return Rule(interim_analyses=(*earlier, self.rounds))

    def more_rounds(self, parts: Sequence[RoundRatios]) -> int:
        """How many rounds to drive until the next analysis; 0 when the test has ended, or the budget is used up.

        Args:
            parts: The rounds so far of the whole, then of its parts.
        """
        usable, rule = parts[0].saturated.count(False), self.rule
        left = self.rounds - len(parts[0].saturated)
        if usable in rule.interim_analyses:
            ratios = judge_rounds(parts, rule)
            decisions = [ratios[part.part, name].decision for part in parts for name in JUDGED if is_judged(part, name)]
            return min(left, sequential_test.more_rounds(decisions, usable, rule))
        return min(left, next(analysis for analysis in rule.interim_analyses if analysis > usable) - usable)


def judge_rounds(parts: Sequence[RoundRatios], rule: Rule) -> dict[tuple[str, str], Ratio]:
    """The ratios by part and metric; the error rate is that of all metrics that are judged together.

    Args:
        parts: The rounds of the whole, then of its parts.
        rule: Error rates and effects.
    """
    judged = sum(is_judged(part, name) for part in parts for name in JUDGED)
    return {
        (part.part, name): sequential_test.judge(
            np.array(part.usable(name)),
            max(1, judged),
            rule,
            worse_up=name not in _HIGHER_IS_BETTER,
            continuous=name not in _COUNTED,
        )
        for part in parts
        for name in PAIRED
        if part.usable(name)
    }


def is_judged(rounds: RoundRatios, metric: str) -> bool:
    """Whether the rounds hold enough to judge a metric by."""
    return bool(rounds.usable(metric)) and (metric != "p95_s" or median(rounds.requests) >= _MIN_REQUESTS_OF_P95)
