"""The phases of one measurement's requests: how often each came, how long it took, and how it went.

Names and outcomes of a target's phases come from outside, so both are bounded: what comes beyond is kept as `OTHER`.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from loadtasks.measurement.model import SERVER, Phase

MOST_PHASES = 64
"""Names of the target's own phases that are told apart."""
MOST_OUTCOMES = 8
"""Outcomes of a phase that are told apart."""
OTHER = "other"


@dataclass(slots=True)
class _Sum:
    """What is known of one phase."""

    count: int = 0
    total_s: float = 0.0
    max_s: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)

    def go(self, outcome: str, count: int = 1) -> None:
        """It went so, so many times."""
        if outcome not in self.outcomes and len(self.outcomes) >= MOST_OUTCOMES:
            outcome = OTHER
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count

    def add(self, other: Self) -> None:
        """Add what another one knows of the same phase."""
        self.count += other.count
        self.total_s += other.total_s
        self.max_s = max(self.max_s, other.max_s)
        for outcome, count in other.outcomes.items():
            self.go(outcome, count)


class Phases:
    """Sums of every phase, by name."""

    def __init__(self) -> None:
        self._sums: dict[str, _Sum] = {}

    def add(self, name: str, seconds: float, outcome: str = "") -> None:
        """Add one occurrence."""
        known = self._sums.get(name) or self._sum(name)
        known.count += 1
        known.total_s += seconds
        known.max_s = max(known.max_s, seconds)
        if outcome:
            known.go(outcome)

    def add_all(self, name: str, seconds: NDArray[np.float64]) -> None:
        """Add many occurrences."""
        self._sum(name).add(_Sum(seconds.size, float(seconds.sum()), float(seconds.max())))

    def take(self, name: str, other: Self) -> None:
        """Take over what others hold of a phase."""
        known = other._sums.get(name)
        if known is not None:
            self._sums[name] = known

    def merge(self, other: Self, *, only: str = "") -> None:
        """Add what others hold, of all phases or of those whose names begin so."""
        for name, known in other._sums.items():
            if name.startswith(only):
                self._sum(name).add(known)

    def measured(self) -> dict[str, Phase]:
        """The phases of a finished measurement."""
        return {
            name: Phase(count=each.count, total_s=each.total_s, max_s=each.max_s, outcomes=dict(each.outcomes))
            for name, each in self._sums.items()
        }

    def _sum(self, name: str) -> _Sum:
        if name not in self._sums and name.startswith(SERVER):
            theirs = sum(known.startswith(SERVER) for known in self._sums)
            name = name if theirs < MOST_PHASES else SERVER + OTHER
        return self._sums.setdefault(name, _Sum())
