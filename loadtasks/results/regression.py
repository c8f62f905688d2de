"""A regression as it is kept: when it came, how large it is, and what people did about it.

    open ──acknowledge──► acknowledged
      │                        │
      └───────────┬────────────┘
                  ├──accept──► accepted     what came is the new level
                  ├──fix─────► fixed        the old level is back: found so by its nights, or said so
                  └──dismiss─► dismissed    it was a false alarm: these nights are nights like others

Only an open one wakes people, and only once.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from loadtasks.errors import BadInputError
from loadtasks.measurement.model import label_of

AUTOMATIC = "automatic"
"""Who did what nobody did by hand."""


class RegressionState(StrEnum):
    """Where a regression stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    """Somebody works on it."""
    ACCEPTED = "accepted"
    """The nights since its first one are the level to compare with."""
    FIXED = "fixed"
    """The nights since its first one, until then, are no measure of the level."""
    DISMISSED = "dismissed"

    @property
    def ended(self) -> bool:
        """Whether nothing can follow."""
        return not NEXT[self]


NEXT: dict[RegressionState, tuple[RegressionState, ...]] = {
    RegressionState.OPEN: (
        RegressionState.ACKNOWLEDGED,
        RegressionState.ACCEPTED,
        RegressionState.FIXED,
        RegressionState.DISMISSED,
    ),
    RegressionState.ACKNOWLEDGED: (RegressionState.ACCEPTED, RegressionState.FIXED, RegressionState.DISMISSED),
    RegressionState.ACCEPTED: (),
    RegressionState.FIXED: (),
    RegressionState.DISMISSED: (),
}
"""What may follow a state."""


class MetricChange(BaseModel):
    """How one metric moved."""

    model_config = ConfigDict(frozen=True)

    metric: str
    """One of `loadtasks.measurement.metrics.METRICS`."""
    before: float
    """Its level before, in its own unit."""
    ratio: float
    """Level after / level before."""
    low: float
    """The ratio lies between this one ..."""
    high: float
    """... and this one with 95 % confidence."""


class Move(BaseModel):
    """One step of its life."""

    model_config = ConfigDict(frozen=True)

    state: RegressionState
    at: datetime
    who: str
    why: str


class Regression(BaseModel):
    """One scenario, or one part of a mixed one, that got worse."""

    model_config = ConfigDict(frozen=True)

    id: int
    scenario: str
    part: str
    first_run: str
    """The first night that was worse, as far as can be told."""
    found_run: str
    """The night that told it."""
    version_before: str | None
    """The target's version on the last night before `first_run`."""
    version_after: str | None
    """Its version in `first_run`."""
    changes: list[MetricChange]
    moves: list[Move]
    """From `open` on, oldest first."""

    @property
    def state(self) -> RegressionState:
        """Where it stands now."""
        return self.moves[-1].state

    @property
    def by_hand(self) -> bool:
        """Whether somebody brought it where it stands."""
        return self.moves[-1].who != AUTOMATIC

    @property
    def label(self) -> str:
        """How people read whose it is: `mixed.concurrent (sessions)`."""
        return label_of(self.scenario, self.part)

    def check_may_become(self, state: RegressionState) -> None:
        """See that a state may follow.

        Raises:
            BadInputError: it may not.
        """
        if state not in NEXT[self.state]:
            last = self.moves[-1]
            raise BadInputError(
                f"regression {self.id} ({self.label}) was {self.state} by {last.who} on {last.at:%Y-%m-%d}, "
                f"so it can't become {state}."
            )
