"""From the false-alarm budget that people set to the threshold of each series."""

from dataclasses import dataclass

import numpy as np

_THRESHOLDS = (1.6, 2.35, 2.84, 4.5, 7.9, 9.7)
"""Log odds of a change."""
_RUNS_PER_FALSE_ALARM = (10.0, 30.0, 100.0, 300.0, 2200.0, 22000.0)
"""The runs per false alarm (ARL0) of one series at each threshold. At 100 that holds in the benchmark's simulated
noise (`benchmarks.verdict.detectors`; `benchmarks.verdict.calibration` simulates others). Beyond that such noise would
do with less: these are set by the 43 real series of `benchmarks.verdict.real_series`, where they have to hold too."""
_THRESHOLDS_ALIKE = (2.0, 3.0, 3.8, 4.5, 7.9, 9.7)
"""Log odds of a change, by the same runs per false alarm, for a series whose repetitions of one run are all alike, so
that they clear no run that looks worse by chance (`benchmarks.verdict.calibration`). From 300 on both are the same: the
real series have no repetitions."""
_YOUNG = 1.1
"""A baseline of a few weeks raises 1.1 times the false alarms of the table."""
_SLOPE = 0.78
"""Beyond the table: growth of the threshold with the logarithm of the runs, that of the table's last step."""


@dataclass(frozen=True)
class FalseAlarmBudget:
    """At most one false alarm in this many runs, over a whole family of series.

    The budget is divided among the series (Bonferroni), so that it holds however they depend on one another.
    """

    runs_per_false_alarm: float

    def __post_init__(self) -> None:
        """Check the number.

        Raises:
            ValueError: it is below 1, or no number.
        """
        if not self.runs_per_false_alarm >= 1:
            raise ValueError(f"{self.runs_per_false_alarm:g} runs per false alarm: it must be at least 1")

    def threshold(self, share: float = 1.0, alike: bool = False) -> float:
        """The log odds above which a series with this share of the budget raises an alarm.

        Args:
            share: Above 0, at most 1.
            alike: Whether the repetitions of one run are all alike; otherwise each is evidence of its own.

        Raises:
            ValueError: the share is not above 0 and at most 1.
        """
        if not 0 < share <= 1:
            raise ValueError(f"a share of {share:g} of the budget: it must be above 0 and at most 1")
        logarithm = float(np.log(_YOUNG * self.runs_per_false_alarm / share))
        table = np.log(_RUNS_PER_FALSE_ALARM)
        beyond = max(0.0, logarithm - float(table[-1]))
        return float(np.interp(logarithm, table, _THRESHOLDS_ALIKE if alike else _THRESHOLDS)) + _SLOPE * beyond
