"""From the one number that people set, the nights to a false alarm, to the threshold of each series."""

from dataclasses import dataclass

import numpy as np

_THRESHOLDS = (2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0)
"""Log odds of a change for the worse."""
_NIGHTS = (13.2, 23.3, 46.4, 95.0, 172.0, 277.0, 587.0, 1480.0, 4370.0, 14400.0, 45800.0)
"""The nights to a false alarm at each: simulated, `python -m benchmarks.verdict.calibration`."""
_YOUNG = 1.1
"""A level that is known from a few weeks raises so many times the false alarms of the table, which is of 200 nights."""
_SLOPE = 1.0
"""Beyond the table, of the threshold over the logarithm of the nights: steeper than the table's, so fewer alarms."""


@dataclass(frozen=True)
class FalseAlarmBudget:
    """At most one false alarm in so many nights, for a whole family of series.

    The budget is divided among the series (Bonferroni), so that it holds however they depend on one another.
    """

    nights: float

    def __post_init__(self) -> None:
        if not self.nights >= 1:
            raise ValueError(f"a budget of one false alarm in {self.nights:g} nights; it takes at least 1")

    def threshold(self, share: float = 1.0) -> float:
        """The log odds above which a series with this share of the budget raises an alarm."""
        if not 0 < share <= 1:
            raise ValueError(f"a share of {share:g} of the budget; it is above 0 and at most 1")
        logarithm, table = float(np.log(_YOUNG * self.nights / share)), np.log(_NIGHTS)
        beyond = max(0.0, logarithm - float(table[-1]))
        return float(np.interp(logarithm, table, _THRESHOLDS)) + _SLOPE * beyond
