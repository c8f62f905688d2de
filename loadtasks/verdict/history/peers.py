"""Series that meet the same environment: what the others show of its noise is the prior of each.

What the runs of one series show of their noise stays uncertain for months. All scenarios of a service are measured on
the same machines, so they have in common how much consecutive runs resemble each other and how long disturbances last:
the others are the prior (empirical Bayes: Efron and Morris 1973, "Stein's estimation rule and its competitors").
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loadtasks.verdict.history.baselines import Values


class Peers:
    """Which of several series are peers of each other."""

    def __init__(self, groups: Sequence[int | None]) -> None:
        """`groups`: for each series a number that its peers have too; None where it has none."""
        numbers = dict.fromkeys(group for group in groups if group is not None)
        places = {number: place for place, number in enumerate(numbers)}
        alone = range(len(places), len(places) + len(groups))
        self._groups = np.array(
            [own if group is None else places[group] for group, own in zip(groups, alone, strict=True)], dtype=np.int64
        )
        self.has_others: NDArray[np.bool_] = self.of_others(np.ones(len(groups))) > 0
        """Whether each series has peers; shape: series."""

    def of_others(self, values: Values) -> Values:
        """For each series, the sum of its peers' values, without its own; shape: series."""
        others: Values = np.bincount(self._groups, values)[self._groups] - values
        return others
