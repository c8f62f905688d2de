"""The simple rules that people write themselves, over one real series: the changes in either direction.

The t-test is written after the description of Mozilla's Perfherder, whose sheriffs act on its alarms.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import ndtri

from benchmarks.verdict.real_series.scoring import Alarm
from benchmarks.verdict.simulated_runs import Values

_MAD = 1.4826
_MIN_EFFECT = 0.05
_BASELINE = 14
_FACTOR = 1.2
_DEVIATIONS = 4
_NEWEST, _EARLIER = 3, 20
_ERROR = 0.001
_BACK, _MAX_BACK, _FORE = 12, 24, 12
"""Points before a step, at least and at most, and points after it, of the t-test."""
_T, _MIN_STEP = 7.0, 0.02


def one_level(values: Values) -> list[Alarm]:
    """A point above 1.2 times, or below 1 / 1.2 times, the median of the first 14 since the last alarm."""
    alarms, begin = [], 0
    for point in range(len(values)):
        if point - begin < _BASELINE:
            continue
        ratio = values[point] / np.median(values[begin : begin + _BASELINE])
        if not 1 / _FACTOR <= ratio <= _FACTOR:
            alarms.append(Alarm(point, point, 1 if ratio > 1 else -1))
            begin = point
    return alarms


def deviation(values: Values) -> list[Alarm]:
    """A point more than 4 MAD and 5 % from the median of the 14 before; silent for 14 points after an alarm."""
    alarms: list[Alarm] = []
    for point in range(_BASELINE, len(values)):
        if alarms and point < alarms[-1].raised + _BASELINE:
            continue
        earlier = values[point - _BASELINE : point]
        median = float(np.median(earlier))
        scale = _MAD * float(np.median(np.abs(earlier - median)))
        distance = values[point] - median
        if abs(distance) > max(_DEVIATIONS * scale, _MIN_EFFECT * median):
            alarms.append(Alarm(point, point, 1 if distance > 0 else -1))
    return alarms


def window(values: Values) -> list[Alarm]:
    """The median of the last 3 points against that of the 20 before: MAD scale, p < 0.001, at least 5 %."""
    alarms: list[Alarm] = []
    error = _MAD * np.sqrt(np.pi / 2 * (1 / _NEWEST + 1 / _EARLIER))
    limit = -ndtri(_ERROR) * error
    for point in range(_NEWEST + _EARLIER - 1, len(values)):
        if alarms and point < alarms[-1].raised + _EARLIER:
            continue
        since = point - _NEWEST + 1
        now, earlier = np.median(values[since : point + 1]), values[since - _EARLIER : since]
        before = np.median(earlier)
        scale = np.median(np.abs(earlier - before))
        if abs(now - before) > max(limit * scale, _MIN_EFFECT * before):
            alarms.append(Alarm(point, point - 1, 1 if now > before else -1))
    return alarms


def t_test(values: Values) -> list[Alarm]:
    """The step before which up to 24 points and after which 12 differ most: t > 7 and at least 2 %, 12 points later."""
    score, step = np.zeros(len(values)), np.zeros(len(values))
    for point in range(_BACK, len(values) - _FORE + 1):
        before, after = values[max(0, point - _MAX_BACK) : point], values[point : point + _FORE]
        (mean, variance), (now, later) = _weighted(before, rising=True), _weighted(after, rising=False)
        score[point] = abs(now - mean) / np.sqrt(variance + later + np.finfo(float).tiny)
        step[point] = now / mean - 1
    alarms: list[Alarm] = []
    for point in np.flatnonzero((score > _T) & (np.abs(step) >= _MIN_STEP)).tolist():
        around = score[max(0, point - _FORE) : point + _FORE + 1]
        if score[point] >= around.max() and (not alarms or point - alarms[-1].first >= _FORE):
            raised = min(point + _FORE - 1, len(values) - 1)
            alarms.append(Alarm(raised, point, 1 if step[point] > 0 else -1))
    return alarms


Rule = Callable[[Values], list[Alarm]]

RULES: dict[str, Rule] = {
    "t-test, 12 points later": t_test,
    "1.2 x one level": one_level,
    "median + 4 MAD of 14": deviation,
    "window, 3 against 20": window,
}
"""By the name in the table."""


def _weighted(values: Values, rising: bool) -> tuple[float, float]:
    """The mean, and its squared standard error; points weigh more the nearer they are to the step."""
    number = len(values)
    weights = np.linspace(1 / number, 1, number)
    weights = weights if rising else weights[::-1]
    mean = float(np.average(values, weights=weights))
    return mean, float(np.average((values - mean) ** 2, weights=weights)) / (number - 1)
