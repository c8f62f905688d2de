"""What is left of the response times of a pruned run: the metrics that were made of them, and how many there were."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from loadtasks.measurement.histogram import Histogram

_GONE = "the histogram was pruned: its counts are gone"


class PrunedHistogram(Histogram):
    """A histogram that knows the metrics of the one that it stands for, and not its counts.

    A measurement that has it gives the same metrics as before, so that it is judged and compared as before. It can be
    neither added to nor encoded (ValueError).
    """

    __slots__ = ("_count", "_max_s", "_mean_s", "_quantiles_s")

    def __init__(
        self,
        count: int,
        mean_s: float | None = None,
        max_s: float | None = None,
        quantiles_s: Mapping[float, float | None] | None = None,
    ) -> None:
        """Keep what is known.

        Args:
            count: How many times the histogram held.
            mean_s: Their mean in seconds; None where it held none.
            max_s: The largest of them in seconds.
            quantiles_s: Quantiles (0 to 1) with their times in seconds.
        """
        self._count, self._mean_s, self._max_s = count, mean_s, max_s
        self._quantiles_s = dict(quantiles_s or {})

    @property
    def count(self) -> int:
        """How many times it held."""
        return self._count

    @property
    def mean_s(self) -> float | None:
        """Their mean in seconds; None where it held none."""
        return self._mean_s

    @property
    def max_s(self) -> float | None:
        """The largest of them in seconds; None where it held none."""
        return self._max_s

    def quantile_s(self, q: float) -> float | None:
        """One of the quantiles that are kept, in seconds; None where it held no times, and of any other quantile."""
        return self._quantiles_s.get(q)

    def interval_s(self, q: float, confidence: float = 0.95) -> tuple[float, float] | None:
        """None: it takes the counts."""
        return None

    def steps(self) -> Iterator[tuple[float, int]]:
        """No bucket."""
        return iter(())

    def record(self, seconds: NDArray[np.float64]) -> None:
        """Refuse."""
        raise ValueError(_GONE)

    def add(self, other: Histogram) -> None:
        """Refuse."""
        raise ValueError(_GONE)

    def encode(self) -> str:
        """Refuse."""
        raise ValueError(_GONE)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PrunedHistogram) and self._kept == other._kept

    __hash__ = None

    def __repr__(self) -> str:
        return f"PrunedHistogram(count={self._count}, p50_s={self.quantile_s(0.5)}, max_s={self._max_s})"

    @property
    def _kept(self) -> tuple[object, ...]:
        return self._count, self._mean_s, self._max_s, self._quantiles_s
