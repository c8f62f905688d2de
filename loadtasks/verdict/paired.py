"""Judging a candidate beside its reference within one night: the ratio of alternating rounds, as they come in.

Both sides of a round share the night, so that its mood falls out of their ratio. The location of the rounds' log
ratios is their trimmed mean with Tukey and McLaughlin's t (1963, "Less vulnerable confidence and significance
procedures for location on the basis of a single sample"; Yuen 1974 for two samples), which a stalled round can't move
far. It is looked at several times; the error that a night may make is spent over the looks and the metrics (a union
bound, Lan and DeMets 1983, "Discrete sequential boundaries for clinical trials", without their credit for dependence),
so that the error rate holds whenever one stops.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Values = NDArray[np.float64]


class Decision(StrEnum):
    """What the rounds so far say of the candidate."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    SAME = "same"
    """Any difference is smaller than what matters."""
    UNSURE = "unsure"


@dataclass(frozen=True)
class Rule:
    """How sure one wants to be, and of what."""

    false_alarm_nights: float = 5000.0
    """At most one false alarm in so many nights of a scenario, all of its metrics together."""
    floor: float = 0.02
    """The least relative change that is an alarm."""
    matters: float = 0.05
    """The relative change that one wants to find: below it the rounds may stop."""
    miss: float = 0.01
    """The probability, at one look, of stopping for `same` where the change is `matters`."""
    looks: tuple[int, ...] = (30, 45, 60, 75, 90)
    """After how many rounds one looks; the last is all that a night may take."""
    trim: float = 0.1
    """The share of rounds that is set aside on each side."""

    def __post_init__(self) -> None:
        if len(self.looks) == 0 or list(self.looks) != sorted(set(self.looks)) or self.looks[0] < _FEWEST:
            raise ValueError(f"looks after {self.looks} rounds; they grow, and the first is at least {_FEWEST}")


@dataclass(frozen=True)
class Ratio:
    """The candidate's metric divided by the reference's."""

    decision: Decision
    ratio: float
    low: float
    """The ratio's interval, which holds at every look and for every metric at once, but for the night's error."""
    high: float
    rounds: int


_FEWEST = 10


def more_rounds(decisions: Sequence[Decision], rounds: int, rule: Rule) -> int:
    """How many rounds to add: none when one metric regressed or all are settled, or the budget is used up."""
    unsure = Decision.UNSURE in decisions and Decision.REGRESSED not in decisions
    later = [each for each in rule.looks if each > rounds]
    return later[0] - rounds if unsure and later else 0


def judge(log_ratios: Values, metrics: int, rule: Rule, worse_up: bool = True) -> Ratio:
    """One metric by the rounds so far, whose number should be one of the rule's looks.

    `log_ratios`: a round each, ln(candidate / reference). `metrics`: how many metrics are judged of the scenario.
    `worse_up`: whether a higher value is worse.
    """
    rounds = len(log_ratios)
    if rounds < _FEWEST:
        return Ratio(Decision.UNSURE, float(np.exp(np.median(log_ratios))) if rounds else 1.0, 0.0, np.inf, rounds)
    mean, error, freedom = _trimmed(log_ratios if worse_up else -log_ratios, rule.trim)
    spent = 1.0 / (rule.false_alarm_nights * len(rule.looks) * metrics)
    half = float(stdtrit(freedom, 1.0 - spent)) * error
    decision = Decision.UNSURE
    if mean - half > 0 and mean >= np.log1p(rule.floor):
        decision = Decision.REGRESSED
    elif mean + half < 0 and mean <= -np.log1p(rule.floor):
        decision = Decision.IMPROVED
    elif float(stdtr(freedom, -(np.log1p(rule.matters) - abs(mean)) / error)) < rule.miss:
        decision = Decision.SAME
    sign = 1.0 if worse_up else -1.0
    low, high = sorted((sign * (mean - half), sign * (mean + half)))
    return Ratio(decision, float(np.exp(sign * mean)), float(np.exp(low)), float(np.exp(high)), rounds)


def _trimmed(values: Values, trim: float) -> tuple[float, float, int]:
    """The trimmed mean, its standard error and the degrees of freedom."""
    number, aside = len(values), int(trim * len(values))
    ordered = np.sort(values)
    kept = ordered[aside : number - aside]
    winsorised = np.clip(ordered, kept[0], kept[-1])
    error = float(winsorised.std(ddof=1)) * number**0.5 / len(kept)
    return float(kept.mean()), max(error, 1e-12), len(kept) - 1
