"""The sequential test of a candidate against its reference, by the ratios of the rounds that drive both in turn.

Both sides of a round share its moment, so what the machine does at that moment cancels out of their ratio. The location
of the rounds' log ratios is estimated in two ways. Their trimmed mean with Tukey and McLaughlin's t (1963, "Less
vulnerable confidence and significance procedures for location on the basis of a single sample"; Yuen 1974 for two
samples) has the narrower interval where the noise is near normal, and with few rounds. Their median with the interval
of the sign test assumes nothing about the noise, and has the narrower interval where the machine's load changes within
many of the rounds. Both intervals hold, so the narrower one is used. Intervals are widened where consecutive rounds are
correlated (Bartlett 1946, "On the theoretical specification and sampling properties of autocorrelated time-series").

Two processes of one build differ for as long as both run, by their layout in memory and the like: mostly by less than
the build difference that the rule allows for, now and then by much more. More rounds don't help against that; other
processes do. Where the rounds drove several starts of both builds, a change is claimed only if the rounds of each start
show it by themselves: their location is beyond the build difference, on its side. A start with fewer rounds than the
first analysis has no say. (Kalibera and Jones 2013, "Rigorous
benchmarking in reasonable time", repeat each level of an experiment that has a variance of its own.)

The rounds are analysed several times (interim analyses). The error that a run may make is spent over the analyses, the
metrics and the two estimators (a union bound; Lan and DeMets 1983, "Discrete sequential boundaries for clinical
trials", without their credit for dependence), so that the error rate holds whenever the test stops.
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

MIN_ROUNDS = 10
"""Fewer rounds decide nothing: the trimmed mean of 10 rests on 6 of them."""
MIN_ROUNDS_OF_START = 30
"""A start of both builds with fewer rounds has no say of its own: its location is a matter of chance."""
_MAX_AUTOCORRELATION = 0.9
"""Keeps the widening of an interval finite: at most by the root of 19."""


class Decision(StrEnum):
    """What the rounds so far say about the candidate."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    EQUIVALENT = "equivalent"
    """Any difference is smaller than the relevant effect."""
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Rule:
    """The error rates of the test, and the effects that it looks for."""

    runs_per_false_alarm: float = 5000.0
    """At most one false alarm in this many runs of a scenario, all of its metrics together."""
    build_difference: float = 0.01
    """The relative difference between two processes of one build in what is measured; it is no change. Measured with
    `benchmarks.verdict.live`: equal builds on one core differ by up to 0.6 %."""
    min_effect: float = 0.02
    """The smallest relative change beyond it that is reported."""
    relevant_effect: float = 0.05
    """The relative change that is worth finding: when it is ruled out, no more rounds are driven."""
    miss_probability: float = 0.01
    """The probability, at one analysis, of stopping as `equivalent` where the change is the relevant effect."""
    interim_analyses: tuple[int, ...] = (30, 60, 120, 240, 480)
    """After how many rounds they are analysed; the last is the most that a run may drive. Few analyses spend little of
    the error, and noise falls only with the root of the rounds, so their number doubles."""
    trim: float = 0.2
    """The share of rounds that the trimmed mean drops at each end: the usual 20 % (Yuen 1974)."""
    trim_of_counts: float = 0.1
    """The share of rounds that the trimmed mean of counts, such as failures, drops at each end: smaller, since few
    rounds may have all of the failures."""

    def __post_init__(self) -> None:
        """Check the interim analyses.

        Raises:
            ValueError: there is none, they don't grow, or the first is too early.
        """
        rounds = self.interim_analyses
        if len(rounds) == 0 or list(rounds) != sorted(set(rounds)) or rounds[0] < MIN_ROUNDS:
            raise ValueError(f"interim analyses after {rounds} rounds: they must grow from at least {MIN_ROUNDS}")


@dataclass(frozen=True)
class Ratio:
    """The candidate's metric divided by the reference's."""

    decision: Decision
    ratio: float
    low: float
    """The lower end of the ratio's interval, which holds at all analyses and for all metrics at once, but for the run's
    error."""
    high: float
    """The upper end of the ratio's interval."""
    rounds: int
    starts: int = 1
    """How many starts of both builds have a say: the rounds drove each often enough."""
    starts_disagree: bool = False
    """Whether a change is not claimed only because the rounds of some start don't show it."""
    looks_worse: bool = False
    """Whether its location is a change for the worse that would be reported, be it chance or not."""
    rounds_left: float | None = None
    """Without a decision: how many more rounds are likely to bring one, if the location and the noise stay as they are.
    None where a decision was made, or where the rounds are too few for an interval."""


def more_rounds(decisions: Sequence[Decision], rounds: int, rule: Rule) -> int:
    """How many rounds to add until the next analysis; 0 when the test has ended.

    It ends when one metric regressed, when none is inconclusive, or after the last analysis.
    """
    open_ended = Decision.INCONCLUSIVE in decisions and Decision.REGRESSED not in decisions
    later = [analysis for analysis in rule.interim_analyses if analysis > rounds]
    return later[0] - rounds if open_ended and later else 0


def judge(
    by_start: Sequence[Values], metrics: int, rule: Rule, *, worse_up: bool = True, continuous: bool = True
) -> Ratio:
    """Judge one metric by the rounds so far, whose number should be one of the rule's interim analyses.

    Args:
        by_start: ln(candidate / reference), one a round; an array for each start of both builds.
        metrics: How many metrics of the scenario are judged.
        rule: Error rates and effects.
        worse_up: Whether a higher value is worse.
        continuous: Whether the metric is measured, not counted. Where most rounds count the same, as with failures,
            their median says nothing about the others.
    """
    log_ratios = np.concatenate(by_start) if by_start else np.array([])
    rounds = len(log_ratios)
    if rounds < MIN_ROUNDS:
        ratio = float(np.exp(np.median(log_ratios))) if rounds else 1.0
        return Ratio(Decision.INCONCLUSIVE, ratio, 0.0, np.inf, rounds)
    sign = 1.0 if worse_up else -1.0
    if continuous:
        estimates: list[_Location] = [_trimmed_mean(sign * log_ratios, rule.trim, rule.trim)]
        estimates.append(_median(sign * log_ratios))
    else:
        estimates = [_trimmed_mean(sign * log_ratios, rule.trim_of_counts, trim_of_some=0.0)]
    error = 1.0 / (rule.runs_per_false_alarm * len(rule.interim_analyses) * metrics * len(estimates))
    location = min(estimates, key=lambda estimate: estimate.interval(error).width)
    build_difference = rule.build_difference if continuous else 0.0
    levels = _Levels(error, rule.miss_probability / len(estimates))
    decision = _decide(location, levels, build_difference, rule)
    telling = [sign * ratios for ratios in by_start if len(ratios) >= MIN_ROUNDS_OF_START]
    side = {Decision.REGRESSED: 1.0, Decision.IMPROVED: -1.0}.get(decision, 0.0)
    disagree = side != 0 and any(side * location.center_of(ratios) <= np.log1p(build_difference) for ratios in telling)
    low, high = sorted(sign * end for end in location.interval(error))
    ratio, lowest, highest = (float(np.exp(value)) for value in (sign * location.center, low, high))
    left = None
    if decision is Decision.INCONCLUSIVE:
        left = _rounds_left(location, rounds, levels, build_difference, rule)
    decision = Decision.INCONCLUSIVE if disagree else decision
    looks_worse = location.center >= np.log1p(build_difference + rule.min_effect)
    return Ratio(decision, ratio, lowest, highest, rounds, len(telling), disagree, bool(looks_worse), left)


class _Levels(NamedTuple):
    """What the intervals of one metric may miss at one analysis, on each side."""

    error: float
    """For claiming a change."""
    miss_probability: float
    """For ruling one out."""


class _Interval(NamedTuple):
    low: float
    high: float

    @property
    def width(self) -> float:
        return self.high - self.low


class _Location(Protocol):
    """An estimate of the location of log ratios."""

    @property
    def center(self) -> float: ...

    def interval(self, error: float) -> _Interval:
        """The interval that misses the location with this probability on each side."""

    def center_of(self, some: Values) -> float:
        """The location of some of the rounds, by the same estimator; of counts their mean, since few may differ."""


@dataclass(frozen=True)
class _TrimmedMean:
    center: float
    deviation: float
    freedom: int
    trim: float
    """The share that is dropped at each end of some of the rounds."""

    def interval(self, error: float) -> _Interval:
        half = float(stdtrit(self.freedom, 1.0 - error)) * self.deviation
        return _Interval(self.center - half, self.center + half)

    def center_of(self, some: Values) -> float:
        return float(_kept(some, self.trim).mean())


@dataclass(frozen=True)
class _Median:
    center: float
    ordered: Values
    widening: float

    def interval(self, error: float) -> _Interval:
        number = len(self.ordered)
        half = -float(ndtri(error)) * sqrt(number) / 2 * self.widening
        dropped = int(np.floor((number - 1) / 2 - half))
        if dropped < 0:
            return _Interval(-inf, inf)
        return _Interval(float(self.ordered[dropped]), float(self.ordered[number - 1 - dropped]))

    def center_of(self, some: Values) -> float:
        return float(np.median(some))


def _decide(location: _Location, levels: _Levels, build_difference: float, rule: Rule) -> Decision:
    low, high = location.interval(levels.error)
    no_change, min_effect, relevant = (
        float(np.log1p(effect))
        for effect in (build_difference, build_difference + rule.min_effect, rule.relevant_effect)
    )
    if low > no_change and location.center >= min_effect:
        return Decision.REGRESSED
    if high < -no_change and location.center <= -min_effect:
        return Decision.IMPROVED
    lowest, highest = location.interval(levels.miss_probability)
    return Decision.EQUIVALENT if -relevant < lowest and highest < relevant else Decision.INCONCLUSIVE


def _rounds_left(
    location: _Location, rounds: int, levels: _Levels, build_difference: float, rule: Rule
) -> float | None:
    """How many more rounds a decision is likely to take; None where nobody can say.

    An interval's width falls with the root of the number of rounds. A change is decided when its interval no longer
    reaches the build difference, and ruled out when its interval no longer reaches the relevant effect; what comes
    first counts.
    """
    center = abs(location.center)
    widths = [location.interval(level).width / 2 for level in levels]
    margins = [
        center - float(np.log1p(build_difference)) if center >= np.log1p(build_difference + rule.min_effect) else 0.0,
        float(np.log1p(rule.relevant_effect)) - center,
    ]
    needed = [
        rounds * (width / margin) ** 2
        for width, margin in zip(widths, margins, strict=True)
        if margin > 0 and np.isfinite(width)
    ]
    return max(1.0, min(needed) - rounds) if needed else None


def _trimmed_mean(values: Values, trim: float, trim_of_some: float) -> _TrimmedMean:
    kept = _kept(values, trim)
    winsorised = np.clip(values, kept[0], kept[-1])
    deviation = float(winsorised.std(ddof=1)) * sqrt(len(values)) / len(kept) * _widening(values)
    return _TrimmedMean(float(kept.mean()), max(deviation, 1e-12), len(kept) - 1, trim_of_some)


def _kept(values: Values, trim: float) -> Values:
    """The values without a share at each end, in order."""
    dropped = int(trim * len(values))
    return np.sort(values)[dropped : len(values) - dropped]


def _median(values: Values) -> _Median:
    return _Median(float(np.median(values)), np.sort(values), _widening(values))


def _widening(values: Values) -> float:
    """The factor by which the lag-1 autocorrelation of the rounds' signs about their median widens an interval."""
    signs = np.sign(values - np.median(values))
    autocorrelation = float(np.clip(np.mean(signs[1:] * signs[:-1]), 0.0, _MAX_AUTOCORRELATION))
    return sqrt((1 + autocorrelation) / (1 - autocorrelation))
