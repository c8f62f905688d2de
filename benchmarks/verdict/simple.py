"""The detectors that people make by hand: whether each night of each series would be called slower.

All but the window are silent once they have raised an alarm, so that only their first one counts as false.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks.verdict.nights import JUDGED, Nights, Values

Raised = NDArray[np.bool_]
"""Series, nights."""

_MAD = 1.4826


def threshold(nights: Nights) -> Raised:
    """p95 above 1.2 x that of one baseline night, the last before judging begins."""
    p95 = nights.percentile_s(0.95)
    return _judged(p95 > 1.2 * p95[:, JUDGED - 1 : JUDGED])


def z_score(nights: Nights) -> Raised:
    """p95 more than 3 standard deviations above the mean of the last 10 nights."""
    past = _past(nights.percentile_s(0.95), 10)
    return _judged((nights.percentile_s(0.95) - past.mean(axis=2)) > 3 * past.std(axis=2, ddof=1))


def mann_whitney(nights: Nights) -> Raised:
    """Tonight's requests against the baseline night's, p < 0.01, normal approximation."""
    series, count, number = nights.times_s.shape
    raised = np.zeros((series, count), dtype=bool)
    deviation = np.sqrt(number * number * (2 * number + 1) / 12)
    for row in range(series):
        below = np.searchsorted(nights.times_s[row, JUDGED - 1], nights.times_s[row].ravel()).reshape(count, number)
        raised[row] = ndtr(-(below.sum(axis=1) - number * number / 2) / deviation) < 0.01  # noqa: PLR2004 - as named
    return _judged(raised)


def deviation(nights: Nights) -> Raised:
    """p50 or p95 more than 4 MAD above the median of the last 14 nights, and 5 %."""
    return _either(nights, nights)


def deviation_confirmed(nights: Nights, rerun: Nights) -> Raised:
    """The same, and the same again of a run of the same night."""
    return deviation(nights) & _either(nights, rerun)


def window(nights: Nights) -> Raised:
    """Median of the last 3 nights against the 20 before, MAD scale, p < 0.001, 5 % floor; p50 or p95."""
    raised = np.zeros(nights.times_s.shape[:2], dtype=bool)
    error = _MAD * np.sqrt(np.pi / 2 * (1 / 3 + 1 / 20))
    for share in (0.5, 0.95):
        values = nights.percentile_s(share)
        for night in range(JUDGED + 2, values.shape[1]):
            now = np.median(values[:, night - 2 : night + 1], axis=1)
            past = values[:, night - 22 : night - 2]
            before = np.median(past, axis=1)
            spread = np.median(np.abs(past - before[:, None]), axis=1)
            above = (now - before) / (spread * error)
            raised[:, night] |= (ndtr(-above) < 0.001) & (now > 1.05 * before)  # noqa: PLR2004 - as named
    raised[:, 1:] &= ~raised[:, :-1]
    return raised


def _either(nights: Nights, tonight: Nights) -> Raised:
    raised = np.zeros(nights.times_s.shape[:2], dtype=bool)
    for share in (0.5, 0.95):
        past = _past(nights.percentile_s(share), 14)
        middle = np.median(past, axis=2)
        spread = _MAD * np.median(np.abs(past - middle[:, :, None]), axis=2)
        raised |= tonight.percentile_s(share) > np.maximum(middle + 4 * spread, 1.05 * middle)
    return _judged(raised)


def _past(values: Values, number: int) -> Values:
    """The nights before each night; nights without as many are nan."""
    series, count = values.shape
    past = np.full((series, count, number), np.nan)
    for night in range(number, count):
        past[:, night] = values[:, night - number : night]
    return past


def _judged(raised: Raised) -> Raised:
    raised = raised.copy()
    raised[:, :JUDGED] = False
    return raised
