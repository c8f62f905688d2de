"""A bound on what a detector can find that measures each run once: one that knows what others must estimate.

The same statistic as the history detector's, but with the true level, scale and autocorrelation, and with a threshold
that is set by simulation so that it raises exactly four false alarms a series-year. It judges p50 only.
"""

import functools

import numpy as np
from scipy.special import log_ndtr

from benchmarks.verdict.simple_detectors import Raised
from benchmarks.verdict.simulated_runs import FIRST_JUDGED, RUNS, Cell, Noise, SimulatedRuns, Values, simulate

ALARMS_A_YEAR = 4.0
_LEVEL_S = 0.1
_CLIP, _MAX_LASTED = 2.0, 12
_CALIBRATION_SERIES, _CALIBRATION_SEED = 2000, 987


def known_level(runs: SimulatedRuns, noise: Noise) -> Raised:
    """Whether each run of each series is above the threshold; shape: series x runs."""
    return _log_odds(runs, noise) > _threshold(noise)


@functools.cache
def _threshold(noise: Noise) -> float:
    simulated = simulate(Cell(noise, None), _CALIBRATION_SERIES, _CALIBRATION_SEED)
    log_odds = _log_odds(simulated, noise)[:, FIRST_JUDGED:]
    low, high = 0.0, 20.0
    for _ in range(30):
        middle = (low + high) / 2
        above = log_odds > middle
        alarmed = above.any(axis=1)
        at_risk = np.where(alarmed, above.argmax(axis=1) + 1, RUNS - FIRST_JUDGED).sum()
        low, high = (middle, high) if alarmed.sum() / at_risk * 365 > ALARMS_A_YEAR else (low, middle)
    return high


def _log_odds(runs: SimulatedRuns, noise: Noise) -> Values:
    clipped = np.clip(np.log(runs.percentile_s(0.5) / _LEVEL_S), -_CLIP * noise.cv, _CLIP * noise.cv)
    innovations = clipped.copy()
    innovations[:, 1:] -= noise.correlation * clipped[:, :-1]
    innovations /= noise.cv * np.sqrt(1 - noise.correlation**2)
    kept = 1 - noise.correlation
    total = np.full(clipped.shape, -np.inf)
    for lasted in range(_MAX_LASTED):
        shift = innovations[:, : RUNS - lasted].copy()
        for later in range(1, lasted + 1):
            shift += kept * innovations[:, later : RUNS - lasted + later]
        information = 1 + lasted * kept**2
        weight = information / (1 + information)
        score = shift / np.sqrt(information)
        odds = np.log(2) + log_ndtr(score * np.sqrt(weight)) - 0.5 * np.log1p(information) + 0.5 * score**2 * weight
        total[:, lasted:] = np.logaddexp(total[:, lasted:], odds)
    return total
