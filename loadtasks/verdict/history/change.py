"""How large a change of level is, with an interval, and since which night."""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from loadtasks.verdict.history.levels import CLIP, Levels, Stretch, Values

_QUANTILE = 0.99
"""Of Student's distribution, on each side. An alarm comes when chance adds to a change, so that 0.975 would be too
little for 95 % of the intervals to hold the truth (`python -m benchmarks.verdict.robustness`)."""
_CREDIBLE = 0.9


@dataclass(frozen=True)
class ChangePoint:
    """A change of level, in the units of the values; of logarithms, `exp(size) - 1` is the relative change."""

    first: int
    """The first night of the new level: the likeliest."""
    earliest: int
    """With 90 % probability it was from this night on ..."""
    latest: int
    """... to this one."""
    lasted: int
    """Valid nights since the first."""
    size: float
    low: float
    """The size's 95 % interval."""
    high: float


@dataclass(frozen=True)
class Size:
    """The step from some nights to later ones, with its 95 % interval."""

    step: float
    low: float
    high: float
    before: float
    """Where the earlier nights stand."""
    deviation: float
    """How far a night's value strays, one standard deviation; for independent nights as good as these."""


def measure(levels: Levels, row: int, odds: Values, sign: float) -> ChangePoint:
    """The change of one series by the log odds of its newest nights; `sign`: what its values were multiplied with."""
    probability = np.exp(odds - odds.max())
    probability /= probability.sum()
    lasted = int(np.argmax(odds)) + 1
    newest_first = np.cumsum(probability)
    latest = int(np.searchsorted(newest_first, (1 - _CREDIBLE) / 2)) + 1
    earliest = int(np.searchsorted(newest_first, (1 + _CREDIBLE) / 2)) + 1
    stretch, numbers = levels.stretch(row), levels.numbers[row]
    size = step(stretch[:-lasted], stretch[-lasted:], float(levels.least[row]))
    low, high = sorted((sign * size.low, sign * size.high))
    return ChangePoint(
        first=int(numbers[-lasted]),
        earliest=int(numbers[-min(earliest, len(odds))]),
        latest=int(numbers[-latest]),
        lasted=lasted,
        size=sign * size.step,
        low=low,
        high=high,
    )


def step(before: Stretch, after: Stretch, least: float) -> Size:
    """The step between the means of two stretches of nights, outliers clipped; the nights' spread is the earlier ones'.

    The interval is Student's, its standard error that of means of nights correlated of first order.
    """
    levels = Levels(np.array([least]))
    levels.restart(0, before)
    estimates, later = levels.estimates(), after.means
    spread, correlation = float(estimates.spread[0]), float(estimates.correlation[0])
    mean = float(estimates.place[0] + estimates.clipped[0].sum() / len(before))
    middle = float(np.median(later))
    now = middle + float(np.clip(later - middle, -CLIP * spread, CLIP * spread).mean())
    variance = sum(_mean_variance(len(each), correlation) for each in (before, after))
    half = float(stdtrit(max(len(before) - 1, 1), _QUANTILE)) * spread * variance**0.5
    deviation = spread * ((1 + correlation) / (1 - correlation)) ** 0.5
    return Size(now - mean, now - mean - half, now - mean + half, mean, deviation)


def _mean_variance(number: int, correlation: float) -> float:
    """Of the mean of so many nights, for a spread of 1."""
    lags = np.arange(1, number)
    return float((1 + 2 * ((1 - lags / number) * correlation**lags).sum()) / number)
