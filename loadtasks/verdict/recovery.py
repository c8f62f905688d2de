"""An open change of level: what its nights add to its size, and whether it is gone."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from loadtasks.verdict.change import Change, step
from loadtasks.verdict.levels import Values

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
        change: Change,
        before: Values,
        since: tuple[NDArray[np.int64], Values],
        least: float,
        sign: float,
        worse: bool = True,
    ) -> None:
        """`since`: numbers and values of the nights since; values times `sign` are the series' own, higher is worse."""
        self.raised = change
        self.worse = worse
        self._turn = 1.0 if worse else -1.0
        self._sign = sign * self._turn
        self._least = least
        self._before = self._turn * before
        self._numbers, self._values = list(since[0]), list(self._turn * since[1])
        self._sum, self._good = 0.0, 0
        self._size = step(self._before, np.array(self._values), least)

    @property
    def change(self) -> Change:
        """The change, its size by all nights since."""
        size = step(self._before, np.array(self._values), self._least)
        low, high = sorted((self._sign * size.low, self._sign * size.high))
        return replace(self.raised, lasted=len(self._values), size=self._sign * size.step, low=low, high=high)

    def observe(self, number: int, value: float) -> bool:
        """Whether the change is gone, by one more night's value."""
        value *= self._turn
        self._numbers.append(number)
        self._values.append(value)
        moved, variance = max(self._size.step, self._least), self._size.deviation**2
        told = (self._size.before + moved / 2 - value) * moved / variance
        self._sum = max(0.0, self._sum + float(np.clip(told, -_NIGHT, _NIGHT)))
        self._good = self._good + 1 if self._sum > 0 else 0
        return self._sum > _GONE

    def nights(self) -> tuple[NDArray[np.int64], Values]:
        """Numbers and values of all nights since the change."""
        return np.array(self._numbers), self._turn * np.array(self._values)

    def good_nights(self) -> tuple[NDArray[np.int64], Values]:
        """Of those since it was gone."""
        numbers, values = self.nights()
        return numbers[len(numbers) - self._good :], values[len(values) - self._good :]
