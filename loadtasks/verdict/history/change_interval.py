"""How far a run may differ from its baseline though nothing has changed: the interval of a change that is shown.

It decides nothing, which takes several runs and a family of series (`loadtasks.verdict.history.detector`); it says how
much of a change in one run is noise.
"""

import math

import numpy as np
from scipy.special import stdtrit

from loadtasks.measurement.metrics import BASELINE_METRICS, METRICS, Unit
from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS, Values
from loadtasks.verdict.history.estimates import huber_scale

_MIN_RUNS = 3
"""Fewer runs have no scale."""
_MIN_SCALE_SHARE = 0.25
"""The smallest scale, in minimum effects; as the detector has it."""
_MIN_EFFECT = 0.02
"""The minimum effect of metrics that have none of their own, so that equal times, in ticks, are no certainty."""
_UPPER = 0.975
"""The quantile at the upper end of an interval of 95 % confidence."""


def change_factor(metric: str, values: Values) -> float | None:
    """By which factor a change may be larger or smaller, with 95 % confidence.

    It is the prediction interval of one more run: Student's t over the baseline's robust scale, times the square root
    of 1 + 1/n.

    Args:
        metric: One of `BASELINE_METRICS`.
        values: Those of the baseline's runs, in the metric's unit; nan where there is none.

    Returns:
        None of a share, which is judged by counts, and of fewer runs than a scale takes.
    """
    if METRICS[metric].unit is Unit.SHARE:
        return None
    known = values[np.isfinite(values) & (values > 0)][-MAX_BASELINE_RUNS:]
    number = len(known)
    if number < _MIN_RUNS:
        return None
    logarithms = np.log(known)
    distances = (logarithms - np.median(logarithms))[None, :]
    smallest = _MIN_SCALE_SHARE * math.log1p(BASELINE_METRICS[metric].min_effect or _MIN_EFFECT)
    scale = float(huber_scale(distances, np.array([number]), np.array([smallest]))[0])
    return math.exp(float(stdtrit(number - 1, _UPPER)) * scale * math.sqrt(1 + 1 / number))
