"""What is said of one series after a run."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from loadtasks.verdict.history.change_point import ChangePoint


class DetectorState(StrEnum):
    """What a series' baseline says of the newest run."""

    LEARNING = "learning"
    """The baseline is too short."""
    NORMAL = "normal"
    SUSPECTED = "suspected"
    REGRESSED = "regressed"
    RECOVERING = "recovering"
    """A regression is open, and the newest run is nearer to the level before it."""
    IMPROVED = "improved"


@dataclass(frozen=True)
class Judgement:
    """The state of one series after a run."""

    state: DetectorState
    missing_runs: int = 0
    """How many more valid runs the baseline needs."""
    log_odds: float = -np.inf
    """Log odds of a change for the worse, above the threshold where positive."""
    change: ChangePoint | None = None
    """The open change as it was raised, or the one found with this run."""
    raised: bool = False
    """Whether the change was found with this run."""
    recovered: bool = False
    """Whether the series was found with this run to have recovered from an open change, or to have lost an improvement
    that had just become the baseline."""
