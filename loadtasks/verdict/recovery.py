"""An open regression: what its nights add to its size, and whether it is gone."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from loadtasks.verdict.change import Change, step
from loadtasks.verdict.levels import Values

_GONE = 3.0
"""Log likelihood ratio, 20 to 1, of the old level against the regressed one."""


class Recovery:
    """The nights since a regression began, judged against the nights before it.

    Recovered it is when Page's cumulative sum (Page 1954, "Continuous inspection schemes") of the likelihood ratio of
    the old level against the regressed one says so.
    """

    def __init__(
        self, change: Change, before: Values, numbers: NDArray[np.int64], values: Values, least: float, sign: float
    ) -> None:
        self.raised = change
        self._before, self._least, self._sign = before, least, sign
        self._numbers, self._values = list(numbers), list(values)
        self._sum = 0.0
        self._good = 0
        self._size = step(before, values, least)

    @property
    def change(self) -> Change:
        """The regression, its size by all nights since."""
        size = step(self._before, np.array(self._values), self._least)
        low, high = sorted((self._sign * size.low, self._sign * size.high))
        return replace(self.raised, lasted=len(self._values), size=self._sign * size.step, low=low, high=high)

    def observe(self, number: int, value: float) -> bool:
        """Whether the regression is gone, by one more night's value (the higher, the worse)."""
        self._numbers.append(number)
        self._values.append(value)
        worse, variance = max(self._size.step, self._least), self._size.deviation**2
        inside = float(np.clip(value, self._size.before - worse / 2, self._size.before + 1.5 * worse))
        ratio = (self._size.before + worse / 2 - inside) * worse / variance
        self._sum = max(0.0, self._sum + ratio)
        self._good = self._good + 1 if self._sum > 0 else 0
        return self._sum > _GONE

    def nights(self) -> tuple[NDArray[np.int64], Values]:
        """Numbers and values of all nights since the regression began."""
        return np.array(self._numbers), np.array(self._values)

    def good_nights(self) -> tuple[NDArray[np.int64], Values]:
        """Of those since it was gone."""
        return np.array(self._numbers[-self._good :]), np.array(self._values[-self._good :])
