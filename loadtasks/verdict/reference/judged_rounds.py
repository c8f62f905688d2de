"""The metrics of paired rounds judged by the sequential test, and how many more rounds it needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from statistics import median

import numpy as np

from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.measurement.metrics import METRICS, REFERENCE_METRICS, Unit
from loadtasks.verdict.reference import sequential_test
from loadtasks.verdict.reference.sequential_test import Decision, Ratio, Rule

JUDGED = tuple(name for name, rule in REFERENCE_METRICS.items() if rule.decides)
"""The metrics that are judged: the median and the tail, which show different faults, and failures."""
_ANALYSES = Rule().interim_analyses


@dataclass(frozen=True)
class RoundBudget:
    """How much one scenario may take when it is driven in rounds with its reference."""

    rounds: int = _ANALYSES[-1]
    seconds: float = 30.0
    starts: int = 1
    """How many starts of both builds must show a change before the rounds end with it."""

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
            decisions = [
                Decision.INCONCLUSIVE if self._is_early(ratio) else ratio.decision for ratio in _judged(parts, ratios)
            ]
            return min(left, sequential_test.more_rounds(decisions, usable, rule))
        return min(left, next(analysis for analysis in rule.interim_analyses if analysis > usable) - usable)

    def rounds_left(self, parts: Sequence[RoundRatios]) -> float:
        """How many more rounds a decision is likely to take, if locations and noise stay as they are.

        Up to the analysis that is likely to bring it: about the metric that looks worse and is decided soonest, else
        about all of them. Infinite where no analysis within the budget is likely to.
        """
        usable, ratios = parts[0].saturated.count(False), judge_rounds(parts, self.rule)
        undecided = [ratio for ratio in _judged(parts, ratios) if ratio.decision is Decision.INCONCLUSIVE]
        left = [ratio.rounds_left if ratio.rounds_left is not None else inf for ratio in undecided]
        worse = [rounds for ratio, rounds in zip(undecided, left, strict=True) if ratio.looks_worse]
        needed = usable + (min(worse) if worse else max(left, default=0.0))
        return next((analysis for analysis in self.rule.interim_analyses if analysis >= needed), inf) - usable

    def awaits_start(self, parts: Sequence[RoundRatios]) -> bool:
        """Whether the rounds so far show a change that another start of both builds has to show too."""
        if parts[0].saturated.count(False) not in self.rule.interim_analyses:
            return False
        return any(self._is_early(ratio) for ratio in _judged(parts, judge_rounds(parts, self.rule)))

    def _is_early(self, ratio: Ratio) -> bool:
        return ratio.decision in (Decision.REGRESSED, Decision.IMPROVED) and ratio.starts < self.starts


def _judged(parts: Sequence[RoundRatios], ratios: Mapping[tuple[str, str], Ratio]) -> list[Ratio]:
    return [ratios[part.part, name] for part in parts for name in JUDGED if is_judged(part, name)]


def judge_rounds(parts: Sequence[RoundRatios], rule: Rule) -> dict[tuple[str, str], Ratio]:
    """The ratios by part and metric; the error rate is that of all metrics that are judged together.

    Args:
        parts: The rounds of the whole, then of its parts.
        rule: Error rates and effects.
    """
    judged = sum(is_judged(part, name) for part in parts for name in JUDGED)
    return {
        (part.part, name): sequential_test.judge(
            [np.array(ratios) for ratios in part.usable_by_start(name)],
            max(1, judged),
            rule,
            worse_up=not METRICS[name].higher_is_better,
            continuous=METRICS[name].unit is not Unit.SHARE,
        )
        for part in parts
        for name in REFERENCE_METRICS
        if part.usable(name)
    }


def is_judged(rounds: RoundRatios, metric: str) -> bool:
    """Whether the rounds hold enough to judge a metric by."""
    return bool(rounds.usable(metric)) and median(rounds.requests) >= REFERENCE_METRICS[metric].min_requests
