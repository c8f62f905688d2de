"""An open change of level: what its nights add to its size, and whether it is gone."""

from dataclasses import replace

import numpy as np

from loadtasks.verdict.history.change import ChangePoint, step
from loadtasks.verdict.history.levels import Stretch

_GONE = 3.0
"""Log likelihood ratio, 20 to 1, of the old level against the new one."""
_NIGHT = 2.0
"""So much of it one night may tell: a single night, however good, is no recovery."""


class Recovery:
    """The nights since a change, judged against the nights before it.

    Gone it is when Page's cumulative sum (Page 1954, "Continuous inspection schemes") of the likelihood ratio of the
    old level against the new one says so.
    """

    def __init__(
        self,
        change: ChangePoint,
        before: Stretch,
        since: Stretch,
        least: float,
        sign: float,
        worse: bool = True,
    ) -> None:
        """`before`, `since`: the level's nights and the later ones; values times `sign` are the series' own."""
        self.raised = change
        self.worse = worse
        self._turn = 1.0 if worse else -1.0
        self._sign = sign * self._turn
        self._least = least
        self._before, self._since = before * self._turn, since * self._turn
        self._sum, self._good = 0.0, 0
        self._size = step(self._before, self._since, least)

    @property
    def change(self) -> ChangePoint:
        """The change, its size by all nights since."""
        size = step(self._before, self._since, self._least)
        low, high = sorted((self._sign * size.low, self._sign * size.high))
        return replace(self.raised, lasted=len(self._since), size=self._sign * size.step, low=low, high=high)

    def observe(self, number: int, value: float) -> bool:
        """Whether the change is gone, by one more night's first measurement."""
        value *= self._turn
        self._since += Stretch.night(number, value)
        moved, variance = max(self._size.step, self._least), self._size.deviation**2
        told = (self._size.before + moved / 2 - value) * moved / variance
        self._sum = max(0.0, self._sum + float(np.clip(told, -_NIGHT, _NIGHT)))
        self._good = self._good + 1 if self._sum > 0 else 0
        return self._sum > _GONE

    def nights(self) -> Stretch:
        """All nights since the change."""
        return self._since * self._turn

    def good_nights(self) -> Stretch:
        """Of those since it was gone."""
        return self.nights()[len(self._since) - self._good :]
