"""The detectors that people write themselves: whether each run of each series would be called slower.

All but the window are silent once they have raised an alarm, so that only their first one counts as false.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks.verdict.simulated_runs import FIRST_JUDGED, SimulatedRuns, Values

Raised = NDArray[np.bool_]
"""Whether there is an alarm; shape: series x runs."""

_MAD = 1.4826


def threshold(runs: SimulatedRuns) -> Raised:
    """p95 above 1.2 x that of one earlier run, the last before judging begins."""
    p95 = runs.percentile_s(0.95)
    return _judged(p95 > 1.2 * p95[:, FIRST_JUDGED - 1 : FIRST_JUDGED])


def z_score(runs: SimulatedRuns) -> Raised:
    """p95 more than 3 standard deviations above the mean of the last 10 runs."""
    earlier = _earlier(runs.percentile_s(0.95), 10)
    return _judged((runs.percentile_s(0.95) - earlier.mean(axis=2)) > 3 * earlier.std(axis=2, ddof=1))


def mann_whitney(runs: SimulatedRuns) -> Raised:
    """The run's requests against those of one earlier run, p < 0.01, normal approximation."""
    series, count, number = runs.times_s.shape
    raised = np.zeros((series, count), dtype=bool)
    deviation = np.sqrt(number * number * (2 * number + 1) / 12)
    for row in range(series):
        below = np.searchsorted(runs.times_s[row, FIRST_JUDGED - 1], runs.times_s[row].ravel()).reshape(count, number)
        raised[row] = ndtr(-(below.sum(axis=1) - number * number / 2) / deviation) < 0.01  # noqa: PLR2004 - as named
    return _judged(raised)


def deviation(runs: SimulatedRuns) -> Raised:
    """p50 or p95 more than 4 MAD and 5 % above the median of the last 14 runs."""
    return _either(runs, runs)


def deviation_confirmed(runs: SimulatedRuns, repetition: SimulatedRuns) -> Raised:
    """p50 or p95 more than 4 MAD and 5 % above the median of the last 14 runs, in the run and in its repetition."""
    return deviation(runs) & _either(runs, repetition)


def window(runs: SimulatedRuns) -> Raised:
    """Median of the last 3 runs against the 20 before, MAD scale, p < 0.001, at least 5 %; p50 or p95."""
    raised = np.zeros(runs.times_s.shape[:2], dtype=bool)
    error = _MAD * np.sqrt(np.pi / 2 * (1 / 3 + 1 / 20))
    for share in (0.5, 0.95):
        values = runs.percentile_s(share)
        for run in range(FIRST_JUDGED + 2, values.shape[1]):
            now = np.median(values[:, run - 2 : run + 1], axis=1)
            earlier = values[:, run - 22 : run - 2]
            before = np.median(earlier, axis=1)
            scale = np.median(np.abs(earlier - before[:, None]), axis=1)
            above = (now - before) / (scale * error)
            raised[:, run] |= (ndtr(-above) < 0.001) & (now > 1.05 * before)  # noqa: PLR2004 - as named
    raised[:, 1:] &= ~raised[:, :-1]
    return raised


def _either(runs: SimulatedRuns, judged: SimulatedRuns) -> Raised:
    raised = np.zeros(runs.times_s.shape[:2], dtype=bool)
    for share in (0.5, 0.95):
        earlier = _earlier(runs.percentile_s(share), 14)
        median = np.median(earlier, axis=2)
        scale = _MAD * np.median(np.abs(earlier - median[:, :, None]), axis=2)
        raised |= judged.percentile_s(share) > np.maximum(median + 4 * scale, 1.05 * median)
    return _judged(raised)


def _earlier(values: Values, number: int) -> Values:
    """The runs before each run; nan where there are not as many. Shape: series x runs x number."""
    series, count = values.shape
    earlier = np.full((series, count, number), np.nan)
    for run in range(number, count):
        earlier[:, run] = values[:, run - number : run]
    return earlier


def _judged(raised: Raised) -> Raised:
    raised = raised.copy()
    raised[:, :FIRST_JUDGED] = False
    return raised
