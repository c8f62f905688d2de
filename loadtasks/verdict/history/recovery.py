"""An open change: what later runs add to its estimate, and whether the series has recovered from it."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from loadtasks.verdict.history.baselines import ScaleBounds, Segment
from loadtasks.verdict.history.change_point import ChangePoint, estimate_step

_THRESHOLD = 3.0
"""Log likelihood ratio, 20 to 1, of the level before the change against the one after it."""
_MAX_RUN = 2.0
"""The most that one run may add to the log likelihood ratio: below the threshold, so that one run is no recovery."""


class SeriesUnits(NamedTuple):
    """How the values of one series are judged."""

    sign: float
    """What the series' own values were multiplied with, so that higher is worse: 1 or -1."""
    bounds: ScaleBounds


class Recovery:
    """The runs since a change, compared with the runs before it.

    The series has recovered when Page's cumulative sum (Page 1954, "Continuous inspection schemes") of the likelihood
    ratio of the earlier level against the later one exceeds the threshold.
    """

    def __init__(
        self, change: ChangePoint, before: Segment, since: Segment, units: SeriesUnits, worse: bool = True
    ) -> None:
        """Begin with the change as it was found.

        Args:
            change: The change as it was raised.
            before: The runs of the baseline.
            since: The runs since the change.
            units: How the series' values are judged.
            worse: Whether the change is for the worse.
        """
        self.raised = change
        self.worse = worse
        self._direction = 1.0 if worse else -1.0
        self._sign = units.sign * self._direction
        self._bounds = units.bounds
        self._before, self._since = before * self._direction, since * self._direction
        self._sum, self._recovered_runs = 0.0, 0
        self._step = estimate_step(self._before, self._since, self._bounds)

    @property
    def change(self) -> ChangePoint:
        """The change, its size estimated from all runs since."""
        step = estimate_step(self._before, self._since, self._bounds)
        low, high = sorted((self._sign * step.low, self._sign * step.high))
        return replace(self.raised, lasted=len(self._since), size=self._sign * step.size, low=low, high=high)

    def observe(self, number: int, value: float) -> bool:
        """Add one more run by its first measurement. Returns whether the series has recovered."""
        self._since += Segment.of_run(number, value * self._direction)
        self._sum = max(0.0, self._sum + float(np.clip(self._log_ratio(value), -_MAX_RUN, _MAX_RUN)))
        self._recovered_runs = self._recovered_runs + 1 if self._sum > 0 else 0
        return self._sum > _THRESHOLD

    def is_back(self, value: float) -> bool:
        """Whether a run's value is nearer to the level before the change than to the one after it."""
        return self._log_ratio(value) > 0

    def _log_ratio(self, value: float) -> float:
        """The log likelihood ratio of the level before the change against the one after it, by one run."""
        shift, variance = max(self._step.size, self._bounds.min_scale), self._step.deviation**2
        return (self._step.before + shift / 2 - value * self._direction) * shift / variance

    def before(self) -> Segment:
        """The runs before the change."""
        return self._before * self._direction

    def runs(self) -> Segment:
        """All runs since the change."""
        return self._since * self._direction

    def recovered_runs(self) -> Segment:
        """The newest of them, in which the series was back at its level."""
        return self.runs()[len(self._since) - self._recovered_runs :]
