"""How much the nights of a series speak for a new level: the odds of each night to be the first of one.

Shiryaev and Roberts's statistic (Shiryaev 1963; Roberts 1966, "A comparison of some control chart procedures"): the
likelihood ratios of "a new level since night v" against "the same level throughout", summed over v. Each ratio is a
Bayes factor: the old level is unknown and integrated out, the size of the change has a half-normal prior as wide as
the nights' own spread (a unit-information prior), and neighbouring nights are correlated of first order, so that what
is judged are the innovations. A spread that is estimated makes the ratio a Student's; its score is brought to the
normal's by Wallace's approximation (1959, "Bounds on normal approximations to Student's and the chi-square
distributions").

A night that looks bad is measured again, and the mean of its measurements is its evidence: the ratio is that of all of
them, since they are exchangeable, and stays one however it was decided to make more. A new level begins with a night,
so that more measurements say nothing by their number. What is gained depends on how alike they are, which the series
itself has shown: the variance of a mean of k is `alike + (1 - alike) / k` of a single one's.

Since single nights count only so far, a large change would take as many nights as a moderate one. So a run of nights
that are all far off speaks too: outlier nights are rare, and rarely follow one another; nor do measurements of one
night, as far as they are not alike, so that a large change which all of them show is found in its first night.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from loadtasks.verdict.history.levels import Levels, Values

WIDTH = 24
"""Nights back from the newest that are asked whether they were the first of a new level."""
BEFORE = 9
"""Nights that a level has at least before the first night of a new one."""
_LEAST_VARIANCE = 0.05
_FAR = 2.5
"""Spreads from the level at which a night is far off."""
_FAR_BEFORE, _FAR_AFTER = 0.05, 0.9
"""The share of nights that are so far off: with no change, an ample guess, and after a large one."""
_FAR_WEIGHT = -2.5
"""Log odds of a large change beforehand; with it two far nights alone are no alarm, and three are one up to a budget of
some 10,000 nights."""


@dataclass(frozen=True)
class Evidence:
    """For each series (a row) and each number of nights that a new level may have lasted, 1 first (a column)."""

    score: Values
    """How many standard errors the nights since then stand above the nights before; nan where that is not asked."""
    information: Values
    """The inverse of the squared standard error, in units of the innovations' spread."""
    spreads: Values
    """How many spreads the first of these nights stands above the level, by its mildest measurement."""
    number: Values
    """How many measurements of that night that is worth: those that are alike count for fewer."""

    def rise(self, fresh: NDArray[np.int64]) -> Values:
        """Log odds of a higher level since each night, if one of the `fresh` newest; -inf where that is not asked."""
        return self._odds(1.0, fresh)

    def fall(self, fresh: NDArray[np.int64]) -> Values:
        """The same of a lower level."""
        return self._odds(-1.0, fresh)

    def _odds(self, sign: float, fresh: NDArray[np.int64]) -> Values:
        asked = ~np.isnan(self.score) & (np.arange(WIDTH)[None, :] < fresh[:, None])
        lasting = np.where(asked, _log_odds(sign * self.score, self.information), -np.inf)
        far = np.where(asked, self._far(sign * self.spreads), -np.inf)
        either: Values = np.logaddexp(lasting, far)
        return either

    def _far(self, spreads: Values) -> Values:
        far = math.log(_FAR_AFTER / _FAR_BEFORE)
        near = math.log((1 - _FAR_AFTER) / (1 - _FAR_BEFORE))
        odds: Values = _FAR_WEIGHT + np.cumsum(np.where(spreads > _FAR, self.number * far, near), axis=1)
        return odds


def weigh(levels: Levels) -> Evidence:
    """The evidence of every series' newest nights."""
    estimates = levels.estimates()
    present = ~np.isnan(levels.nights)
    follows = present[:, 1:] & present[:, :-1]
    number = (~np.isnan(levels.repetitions)).sum(axis=2)
    alike = estimates.alike[:, None]
    variance = alike + (1.0 - alike) / np.maximum(number, 1)
    correlation = estimates.correlation[:, None]
    deviation = np.sqrt(np.maximum(variance[:, 1:] - correlation**2 * variance[:, :-1], _LEAST_VARIANCE))
    first, later = 1.0 / deviation, np.where(follows, (1.0 - correlation) / deviation, 0.0)
    nights = estimates.clipped
    innovations = np.where(follows, (nights[:, 1:] - correlation * nights[:, :-1]) / deviation, 0.0)
    level = np.maximum((later**2).sum(axis=1), 1e-9)
    mean = (later * innovations).sum(axis=1) / level
    steps = np.maximum(levels.count - 1, 1)
    centred = np.where(follows, innovations - later * mean[:, None], 0.0)
    spread = np.maximum(np.sqrt((centred**2).sum(axis=1) / np.maximum(steps - 1, 1)), levels.least)
    lasted = np.arange(WIDTH)[None, :]  # nights after the first
    asked = lasted + 1 + BEFORE <= levels.count[:, None]
    about, information = _change(_newest(innovations), _newest(first), _newest(later), mean[:, None], level[:, None])
    information = np.where(asked, np.maximum(information, 1e-9), np.nan)
    score = about / (spread[:, None] * np.sqrt(information))
    freedom = np.maximum(steps - 2, 1)[:, None]
    normal = np.sign(score) * np.sqrt(freedom * np.log1p(score**2 / freedom))
    spreads = _newest(estimates.mildest / estimates.spread[:, None])
    return Evidence(normal, information, spreads, alike + (1.0 - alike) * _newest(number))


def total(log_odds: Values) -> Values:
    """The logarithm of the odds summed over the nights since which there may be a new level; -inf where none is."""
    best = log_odds.max(axis=1, initial=-np.inf)
    finite = np.where(np.isfinite(best), best, 0.0)
    with np.errstate(divide="ignore"):
        summed: Values = finite + np.log(np.exp(log_odds - finite[:, None]).sum(axis=1))
    return summed


def _newest(nights: NDArray[Any]) -> NDArray[Any]:
    """Of each row the newest ones, from the newest back."""
    return nights[:, ::-1][:, :WIDTH]


def _change(innovations: Values, first: Values, later: Values, mean: Values, level: Values) -> tuple[Values, Values]:
    """The efficient score and information of a change since each night, the old level integrated out.

    From the newest back. A change of 1 moves the innovation of the night that it begins with by `first`, and those
    after it by `later`; a level of 1 moves all by `later`. `mean` and `level` are its estimate and information.
    """
    score, information = (
        np.concatenate([np.zeros((len(each), 1)), np.cumsum(each, axis=1)[:, :-1]], axis=1)
        for each in (later * innovations, later**2)
    )
    shared = first * later + information
    return first * innovations + score - shared * mean, first**2 + information - shared**2 / level


def _log_odds(score: Values, information: Values) -> Values:
    weight = information / (1.0 + information)
    odds: Values = np.log(2.0) + log_ndtr(score * np.sqrt(weight)) - 0.5 * np.log1p(information)
    return odds + 0.5 * score**2 * weight
