"""What no detector can beat by much that measures each night once: one that is told what others must estimate.

The same statistic as the history's, but level, spread and correlation are the true ones, and the threshold is set by
simulation so that it raises exactly four false alarms a series-year. It looks at p50 only.
"""

import functools

import numpy as np
from scipy.special import log_ndtr

from benchmarks.verdict.nights import JUDGED, NIGHTS, Cell, Nights, Noise, Values
from benchmarks.verdict.nights import nights as made_up
from benchmarks.verdict.simple import Raised

ALARMS_A_YEAR = 4.0
_PLACE_S = 0.1
_CLIP, _WIDTH = 2.0, 12
_CALIBRATION_SERIES, _CALIBRATION_SEED = 2000, 987


def known(nights: Nights, noise: Noise) -> Raised:
    """Whether each night of each series is above the threshold."""
    return _odds(nights, noise) > _threshold(noise)


@functools.cache
def _threshold(noise: Noise) -> float:
    odds = _odds(made_up(Cell(noise, None), _CALIBRATION_SERIES, _CALIBRATION_SEED), noise)[:, JUDGED:]
    low, high = 0.0, 20.0
    for _ in range(30):
        middle = (low + high) / 2
        above = odds > middle
        once = above.any(axis=1)
        at_risk = np.where(once, above.argmax(axis=1) + 1, NIGHTS - JUDGED).sum()
        low, high = (middle, high) if once.sum() / at_risk * 365 > ALARMS_A_YEAR else (low, middle)
    return high


def _odds(nights: Nights, noise: Noise) -> Values:
    clipped = np.clip(np.log(nights.percentile_s(0.5) / _PLACE_S), -_CLIP * noise.cv, _CLIP * noise.cv)
    innovations = clipped.copy()
    innovations[:, 1:] -= noise.correlation * clipped[:, :-1]
    innovations /= noise.cv * np.sqrt(1 - noise.correlation**2)
    kept = 1 - noise.correlation
    total = np.full(clipped.shape, -np.inf)
    for lasted in range(_WIDTH):
        about = innovations[:, : NIGHTS - lasted].copy()
        for later in range(1, lasted + 1):
            about += kept * innovations[:, later : NIGHTS - lasted + later]
        information = 1 + lasted * kept**2
        weight = information / (1 + information)
        score = about / np.sqrt(information)
        odds = np.log(2) + log_ndtr(score * np.sqrt(weight)) - 0.5 * np.log1p(information) + 0.5 * score**2 * weight
        total[:, lasted:] = np.logaddexp(total[:, lasted:], odds)
    return total
