"""What a measurement adds to a series: values that add up, so that relative changes are differences.

A series judged side by side with others is nan where a night has no valid value.
"""

import math


def of_amount(amount: float | None) -> float:
    """Of a time (seconds), a throughput or anything else above 0: its logarithm."""
    return math.log(amount) if amount is not None and amount > 0 else math.nan


def of_failures(failed: int, scheduled: int) -> float:
    """Of a share of failures: its logarithm, half a failure added, so that there is one of none too."""
    return math.log((failed + 0.5) / (scheduled + 1)) if scheduled > 0 else math.nan


def of_tail(p50_s: float | None, p95_s: float | None) -> float:
    """How far the slow requests lie above the usual ones: the logarithm of p95 / p50.

    What slows a whole night slows both, so that this varies far less from night to night than either; a fault of a few
    requests shows in it alone.
    """
    return of_amount(p95_s) - of_amount(p50_s)


def relative(change: float) -> float:
    """A change of logarithms as a relative one: 0.0488 is 0.05, which is 5 %."""
    return math.expm1(change)
