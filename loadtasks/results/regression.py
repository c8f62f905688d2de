"""A regression as it is stored: its first run, its size, and what people did about it.

    open ──acknowledge──► acknowledged
      │                        │
      └───────────┬────────────┘
                  ├──accept──► accepted     its runs are the new baseline
                  │                         (of an open one that nobody answers, by the pipeline itself; see `reopen`)
                  ├──fix─────► fixed        the metrics are back at their level: later runs show it, or somebody says so
                  └──dismiss─► dismissed    it was a false alarm: its runs stay part of the baseline

Only an open one is mailed, and only once. What was accepted automatically can be reopened: it is open as before, and
answered, so that it is never accepted automatically again.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from loadtasks.errors import BadInputError
from loadtasks.measurement.model import label_of
from loadtasks.results.error_counts import ErrorCounts

AUTOMATIC = "automatic"
"""The name under which the pipeline itself moves a regression."""


class MovePlace(StrEnum):
    """Where somebody decided about a regression."""

    PIPELINE = "pipeline"
    """Nobody did: a run showed it."""
    COMMAND_LINE = "command line"
    PAGE = "page"
    """The page of the regression in Airflow."""
    REQUIRED_ACTION = "required action"
    """Airflow's own list of what waits for a person."""


class RegressionState(StrEnum):
    """Where a regression stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    """Somebody works on it."""
    ACCEPTED = "accepted"
    """The runs since its first one are the baseline."""
    FIXED = "fixed"
    """The runs from its first one until it was fixed are no part of the baseline."""
    DISMISSED = "dismissed"
    """It was a false alarm."""

    @property
    def ended(self) -> bool:
        """Whether it is over: no later run is judged by it."""
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


_MOVED = {state: state.value if state is not RegressionState.OPEN else "opened" for state in RegressionState}


class MetricChange(BaseModel):
    """The change of one metric."""

    model_config = ConfigDict(frozen=True)

    metric: str
    """One of `loadtasks.measurement.metrics.METRICS`."""
    before: float
    """Its level before the change, in the metric's unit."""
    ratio: float
    """Level after the change / level before it."""
    low: float
    """The lower end of the ratio's 95 % confidence interval."""
    high: float
    """The upper end of the ratio's 95 % confidence interval."""
    errors: ErrorCounts | None = None
    """Of a success rate the requests that failed; None of other metrics, and of what version 9 of the results document
    and older ones found."""


class Move(BaseModel):
    """One change of a regression's state."""

    model_config = ConfigDict(frozen=True)

    state: RegressionState
    at: datetime
    who: str
    why: str
    place: MovePlace = MovePlace.PIPELINE
    sequence: int = 0
    """That of the newest run of the service at that moment."""
    run_id: str | None = None
    """The run that showed it; None where a person moved it."""


class Regression(BaseModel):
    """One scenario, or one part of a mixed one, that regressed against its baseline."""

    model_config = ConfigDict(frozen=True)

    id: int
    service: str
    scenario: str
    part: str
    first_run: str
    """The id of its first run: the most likely one."""
    found_run: str
    """The id of the run that found it."""
    version_before: str | None
    """The target's version in the last run before `first_run`; None where it is not known."""
    version_after: str | None
    """The target's version in `first_run`; None where it is not known."""
    shared_since: str | None = None
    """The id of the run since which most scenarios, this one among them, have shifted at once: people know them as one
    regression. None where it stands for itself."""
    changes: list[MetricChange]
    moves: list[Move] = Field(min_length=1)
    """Oldest first; the first one opens it."""

    @property
    def state(self) -> RegressionState:
        """Its current state."""
        return self.moves[-1].state

    @property
    def by_hand(self) -> bool:
        """Whether a person brought it into its state."""
        return self.moves[-1].who != AUTOMATIC

    @property
    def is_answered(self) -> bool:
        """Whether a person has done anything about it: acknowledged, decided, or reopened it."""
        return any(move.who != AUTOMATIC for move in self.moves)

    @property
    def accepted_automatically_in(self) -> str | None:
        """The id of the run in which it was accepted because nobody had answered; None of any other."""
        return self.moves[-1].run_id if self.state is RegressionState.ACCEPTED and not self.by_hand else None

    @property
    def label(self) -> str:
        """How people read its scenario and part: `mixed.concurrent (sessions)`."""
        return label_of(self.scenario, self.part)

    def before(self, runs: Collection[str]) -> "Regression":
        """The regression as it stood before these runs showed that it is over, or that nobody answers it.

        What people decided stands, whenever that was.
        """
        moves = [*self.moves]
        while len(moves) > 1 and moves[-1].who == AUTOMATIC and moves[-1].run_id in runs:
            moves.pop()
        return self if len(moves) == len(self.moves) else self.model_copy(update={"moves": moves})

    def check_may_become(self, state: RegressionState) -> None:
        """Check that a state may follow the current one.

        Raises:
            BadInputError: it may not.
        """
        if state is RegressionState.OPEN and self.accepted_automatically_in is not None:
            return
        if state not in NEXT[self.state]:
            last = self.moves[-1]
            if state is RegressionState.OPEN:
                raise BadInputError(
                    f"regression {self.id} ({self.label}) was {_MOVED[self.state]} by {last.who} on "
                    f"{last.at:%Y-%m-%d}; only one that was accepted automatically can be reopened."
                )
            raise BadInputError(
                f"regression {self.id} ({self.label}) was {self.state} by {last.who} on {last.at:%Y-%m-%d}, "
                f"so it can't become {state}."
            )


def grouped(regressions: Iterable[Regression]) -> list[list[Regression]]:
    """Regressions as people know them: those that are one together, the one that gives it its id first.

    In the order of the first one of each that is given.
    """
    groups: dict[tuple[str, str | int], list[Regression]] = {}
    for regression in regressions:
        key = regression.shared_since if regression.shared_since is not None else regression.id
        groups.setdefault((regression.service, key), []).append(regression)
    return [sorted(members, key=lambda one: one.id) for members in groups.values()]


def ids_of_groups(regressions: Iterable[Regression]) -> dict[int, int]:
    """By the id of each regression the one that people know it by."""
    return {member.id: members[0].id for members in grouped(regressions) for member in members}
