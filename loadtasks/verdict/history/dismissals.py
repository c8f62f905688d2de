"""What dismissed alarms teach: the threshold of their series is higher for a while."""

import numpy as np
from numpy.typing import NDArray

from loadtasks.verdict.history.baselines import Values

_HALF_LIFE_RUNS = 90.0
"""After so many runs half of a step is forgotten."""


class Dismissals:
    """How much the thresholds of several series are raised, in log odds."""

    def __init__(self, series: int) -> None:
        """Begin without any dismissal."""
        self.raised: Values = np.zeros(series)
        """What is left of the steps; shape: series."""

    def begin_run(self, valid: NDArray[np.bool_] | bool = True) -> None:
        """Let the steps decay by one run, in the series that have a valid one."""
        self.raised = np.where(valid, self.raised * 0.5 ** (1 / _HALF_LIFE_RUNS), self.raised)

    def add(self, row: int, step: float) -> None:
        """An alarm of a series was a false one."""
        self.raised[row] += step
