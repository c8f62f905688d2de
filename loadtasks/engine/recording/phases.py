"""The phases of one measurement's requests: how often each occurred, how long it took, and its outcomes.

Names and outcomes of a target's phases come from outside, so the number of both is bounded: what exceeds it is summed
up as `OTHER`.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from loadtasks.measurement.model import SERVER, Phase
from loadtasks.redaction.redactor import Redactor

MAX_PHASES = 64
"""Names of the target's own phases that are kept apart."""
MAX_OUTCOMES = 8
"""Outcomes of a phase that are kept apart."""
OTHER = "other"
_MAX_NAME_LENGTH, _MAX_OUTCOME_LENGTH = 40, 20


@dataclass(slots=True)
class _Sum:
    """The sum of one phase."""

    count: int = 0
    total_s: float = 0.0
    max_s: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)

    def count_outcome(self, outcome: str, count: int = 1) -> None:
        """Count an outcome of the phase."""
        if outcome not in self.outcomes and len(self.outcomes) >= MAX_OUTCOMES:
            outcome = OTHER
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count

    def add(self, other: Self) -> None:
        """Add another sum of the same phase."""
        self.count += other.count
        self.total_s += other.total_s
        self.max_s = max(self.max_s, other.max_s)
        for outcome, count in other.outcomes.items():
            self.count_outcome(outcome, count)

    def shown(self, redactor: Redactor) -> "_Sum":
        """The same without secrets."""
        shown = _Sum(self.count, self.total_s, self.max_s)
        for outcome, count in self.outcomes.items():
            shown.count_outcome(redactor.shortened(outcome, _MAX_OUTCOME_LENGTH, mark=""), count)
        return shown


class Phases:
    """The sum of every phase, by name."""

    def __init__(self) -> None:
        self._sums: dict[str, _Sum] = {}

    def add(self, name: str, seconds: float, outcome: str = "") -> None:
        """Add one occurrence of a phase; `outcome`: how it ended, as a cache's `hit`."""
        known = self._sums.get(name) or self._sum(name)
        known.count += 1
        known.total_s += seconds
        known.max_s = max(known.max_s, seconds)
        if outcome:
            known.count_outcome(outcome)

    def add_all(self, name: str, seconds: NDArray[np.float64]) -> None:
        """Add one or more occurrences of a phase."""
        self._sum(name).add(_Sum(seconds.size, float(seconds.sum()), float(seconds.max())))

    def take(self, name: str, other: Self) -> None:
        """Take over the sum of a phase from others, in place of what is here."""
        known = other._sums.get(name)
        if known is not None:
            self._sums[name] = known

    def merge(self, other: Self, *, only: str = "") -> None:
        """Add the sums of others, of all phases or of those whose names begin with `only`."""
        for name, known in other._sums.items():
            if name.startswith(only):
                self._sum(name).add(known)

    def measured(self, redactor: Redactor) -> dict[str, Phase]:
        """The phases of a finished measurement, secrets taken out of the target's own words."""
        shown: dict[str, _Sum] = {}
        for name, known in self._sums.items():
            shown.setdefault(_shown_name(name, redactor), _Sum()).add(known.shown(redactor))
        return {
            name: Phase(count=known.count, total_s=known.total_s, max_s=known.max_s, outcomes=known.outcomes)
            for name, known in shown.items()
        }

    def _sum(self, name: str) -> _Sum:
        if name not in self._sums and name.startswith(SERVER):
            theirs = sum(known.startswith(SERVER) for known in self._sums)
            name = name if theirs < MAX_PHASES else SERVER + OTHER
        return self._sums.setdefault(name, _Sum())


def _shown_name(name: str, redactor: Redactor) -> str:
    """The name of a phase without secrets; those of the client's own phases are ours."""
    if not name.startswith(SERVER):
        return name
    return SERVER + redactor.shortened(name.removeprefix(SERVER), _MAX_NAME_LENGTH, mark="")
