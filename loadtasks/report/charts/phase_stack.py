"""Where the time of a request goes, stacked per run over runs: which phase an increase lies in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from loadtasks.report.charts.states import ChartState


@dataclass(frozen=True)
class RunPhases:
    """The phases of a scenario in one run, in mean seconds per request."""

    run_id: str
    started_at: datetime
    """With a time zone."""
    mean_s: Mapping[str, float]
    """By the name of the phase, as people read it. They add up to the mean time of a request: what only some
    requests do (connect) is its total by all requests. Empty where the run measured none."""
    version: str = ""
    href: str = ""
    state: ChartState = ChartState.PASS


@dataclass(frozen=True)
class PhaseChart:
    """The phases of a scenario over runs."""

    title: str
    """The accessible name."""
    runs: Sequence[RunPhases]
    """The oldest first."""
    order: Sequence[str] = ()
    """The phases in the order of a request, the first at the bottom; others follow in order of appearance."""
    description: str = ""
