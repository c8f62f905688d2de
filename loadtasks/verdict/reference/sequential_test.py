"""Judging a candidate beside its reference within one night: the ratio of alternating rounds, as they come in.

Both sides of a round share the night, so that its mood falls out of their ratio. Where the rounds' log ratios lie is
told in two ways. Their trimmed mean with Tukey and McLaughlin's t (1963, "Less vulnerable confidence and significance
procedures for location on the basis of a single sample"; Yuen 1974 for two samples) says most where their noise is
tame, and of few rounds. Their median with the interval of the sign test asks nothing of the noise, and says most where
the machine's mood turns within many of the rounds. Both intervals hold, so that the narrower one is told. Where rounds
resemble those before them they count for fewer (Bartlett 1946, "On the theoretical specification and sampling
properties of autocorrelated time-series").

It is looked at several times; the error that a night may make is spent over the looks, the metrics and the two ways (a
union bound, Lan and DeMets 1983, "Discrete sequential boundaries for clinical trials", without their credit for
dependence), so that the error rate holds whenever one stops.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, sqrt
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

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

    runs_per_false_alarm: float = 5000.0
    """At most one false alarm in so many nights of a scenario, all of its metrics together."""
    alike: float = 0.01
    """The relative difference that two processes of one build may have, in what is measured: no change at all."""
    min_effect: float = 0.02
    """The least relative change beyond it that is an alarm."""
    matters: float = 0.05
    """The relative change that one wants to find: below it the rounds may stop."""
    miss: float = 0.01
    """The probability, at one look, of stopping for `same` where the change is `matters`."""
    looks: tuple[int, ...] = (30, 60, 120, 240, 480)
    """After how many rounds one looks; the last is all that a night may take. Few looks spend little of the error, and
    noise falls with the root of the rounds."""
    trim: float = 0.2
    """The share of rounds that the trimmed mean sets aside on each side."""
    trim_counted: float = 0.1
    """The same of what is counted, such as failures: few rounds may have all of them."""

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
_MOST_LIKENESS = 0.9


def more_rounds(decisions: Sequence[Decision], rounds: int, rule: Rule) -> int:
    """How many rounds to add: none when one metric regressed or all are settled, or the budget is used up."""
    unsure = Decision.UNSURE in decisions and Decision.REGRESSED not in decisions
    later = [comparison for comparison in rule.looks if comparison > rounds]
    return later[0] - rounds if unsure and later else 0


def judge(log_ratios: Values, metrics: int, rule: Rule, *, worse_up: bool = True, continuous: bool = True) -> Ratio:
    """One metric by the rounds so far, whose number should be one of the rule's looks.

    `log_ratios`: a round each, ln(candidate / reference). `metrics`: how many metrics are judged of the scenario.
    `worse_up`: whether a higher value is worse. `continuous`: whether it is measured, not counted; where most rounds
    count the same, as with failures, their median says nothing of the others.
    """
    rounds = len(log_ratios)
    if rounds < _FEWEST:
        return Ratio(Decision.UNSURE, float(np.exp(np.median(log_ratios))) if rounds else 1.0, 0.0, np.inf, rounds)
    sign = 1.0 if worse_up else -1.0
    places: list[_Place] = [_trimmed_mean(sign * log_ratios, rule.trim if continuous else rule.trim_counted)]
    if continuous:
        places.append(_median(sign * log_ratios))
    spent = 1.0 / (rule.runs_per_false_alarm * len(rule.looks) * metrics * len(places))
    place = min(places, key=lambda each: each.interval(spent).width)
    alike = rule.alike if continuous else 0.0
    decision = _decision(place, spent, rule.miss / len(places), alike, rule)
    low, high = sorted(sign * each for each in place.interval(spent))
    ratio, least, most = (float(np.exp(each)) for each in (sign * place.middle, low, high))
    return Ratio(decision, ratio, least, most, rounds)


class _Interval(NamedTuple):
    low: float
    high: float

    @property
    def width(self) -> float:
        return self.high - self.low


class _Place(Protocol):
    """Where log ratios lie."""

    @property
    def middle(self) -> float: ...

    def interval(self, error: float) -> _Interval:
        """What holds it, but for this probability of error on each side."""


@dataclass(frozen=True)
class _TrimmedMean:
    middle: float
    deviation: float
    freedom: int

    def interval(self, error: float) -> _Interval:
        half = float(stdtrit(self.freedom, 1.0 - error)) * self.deviation
        return _Interval(self.middle - half, self.middle + half)


@dataclass(frozen=True)
class _Median:
    middle: float
    ordered: Values
    stretch: float

    def interval(self, error: float) -> _Interval:
        number = len(self.ordered)
        half = -float(ndtri(error)) * sqrt(number) / 2 * self.stretch
        beyond = int(np.floor((number - 1) / 2 - half))
        if beyond < 0:
            return _Interval(-inf, inf)
        return _Interval(float(self.ordered[beyond]), float(self.ordered[number - 1 - beyond]))


def _decision(place: _Place, spent: float, miss: float, alike: float, rule: Rule) -> Decision:
    low, high = place.interval(spent)
    none, min_effect, matters = (float(np.log1p(each)) for each in (alike, alike + rule.min_effect, rule.matters))
    if low > none and place.middle >= min_effect:
        return Decision.REGRESSED
    if high < -none and place.middle <= -min_effect:
        return Decision.IMPROVED
    least, most = place.interval(miss)
    return Decision.SAME if -matters < least and most < matters else Decision.UNSURE


def _trimmed_mean(values: Values, trim: float) -> _TrimmedMean:
    number, aside = len(values), int(trim * len(values))
    ordered = np.sort(values)
    kept = ordered[aside : number - aside]
    winsorised = np.clip(ordered, kept[0], kept[-1])
    deviation = float(winsorised.std(ddof=1)) * sqrt(number) / len(kept) * _stretch(values)
    return _TrimmedMean(float(kept.mean()), max(deviation, 1e-12), len(kept) - 1)


def _median(values: Values) -> _Median:
    return _Median(float(np.median(values)), np.sort(values), _stretch(values))


def _stretch(values: Values) -> float:
    """How much wider an interval is since rounds lie on the same side of the median as those before them."""
    sides = np.sign(values - np.median(values))
    likeness = float(np.clip(np.mean(sides[1:] * sides[:-1]), 0.0, _MOST_LIKENESS))
    return sqrt((1 + likeness) / (1 - likeness))
