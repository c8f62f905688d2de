"""What the chart of a metric over runs shows: points, baseline, targets, change points, versions. The caller fills it.

`run_history` makes the specification.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from loadtasks import units
from loadtasks.plain_text import plain
from loadtasks.report.charts.states import ChartState
from loadtasks.report.charts.targets import TargetLine, is_far


@dataclass(frozen=True)
class HistoryPoint:
    """One metric of one scenario in one run."""

    run_id: str
    started_at: datetime
    """With a time zone."""
    value: float | None
    """The reported value in the metric's unit; None (or nan) where the run has none: the line has a gap there."""
    state: ChartState = ChartState.PASS
    low: float | None = None
    """The lower end of the value's confidence interval; None where it isn't known."""
    high: float | None = None
    version: str = ""
    """The target's; empty where it isn't known."""
    href: str = ""
    """Where a click on the point leads, as a path of our own pages; empty for nowhere."""
    repetitions: Sequence[float] = ()
    """The values of all repetitions of the run, the reported one included; empty where there was one."""
    environment_changed: bool = False
    """Whether a control shifted with it."""
    details: Sequence[tuple[str, str]] = ()
    """Further lines of the tooltip, a name and a text each, as `("p50", "121 ms (118-124)")`."""

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):  # series of numpy have nan for None, which JSON doesn't know
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                object.__setattr__(self, name, None)


@dataclass(frozen=True)
class BaselineBand:
    """A stretch of runs with one baseline: its level, and how far it usually strays (level ± scale)."""

    first_run: str
    """The id of the first run that is judged by it."""
    last_run: str
    level: float
    low: float
    high: float


@dataclass(frozen=True)
class ChangeMark:
    """A change point: the first run of a shift."""

    run_id: str
    """The most likely first run."""
    worse: bool
    """▲ for the worse, ▼ for the better."""
    earliest_run: str = ""
    """The id of the first run of the interval in which the change lies; empty where it isn't known."""
    latest_run: str = ""
    """The id of the last run of that interval."""
    label: str = ""
    """In a few words, as `+38 %`."""
    href: str = ""
    """The regression's page; empty for none."""


@dataclass(frozen=True)
class HistoryChart:
    """A metric of a scenario over runs."""

    title: str
    """What is shown, as `p95 of shop / dashboard.sustained`: the first words of the accessible name."""
    metric: str
    """One of `loadtasks.measurement.metrics.METRICS`, for the unit of the axis."""
    points: Sequence[HistoryPoint]
    """In the order of runs, the oldest first; a run that was missed may be a point without a value."""
    baselines: Sequence[BaselineBand] = ()
    """A band whose runs are both not among the points isn't drawn."""
    targets: Sequence[TargetLine] = ()
    """Those of `far_targets` aren't drawn."""
    changes: Sequence[ChangeMark] = ()
    versions: bool = True
    """Whether changes of the version are marked."""

    @cached_property
    def values(self) -> list[float]:
        """The values that there are."""
        return [point.value for point in self.points if point.value is not None]

    @property
    def far_targets(self) -> list[TargetLine]:
        """The targets that the chart doesn't show, since they would flatten the line: for the caller to state."""
        lowest, highest = self.extent
        return [target for target in self.targets if is_far(target, highest, lowest)]

    @cached_property
    def extent(self) -> tuple[float, float]:
        """The smallest and the largest value, baselines included; 0 and 0 where there is none."""
        values = [*self.values, *(bound for band in self.baselines for bound in (band.low, band.high))]
        return (min(values), max(values)) if values else (0.0, 0.0)

    @property
    def description(self) -> str:
        """The chart in words."""
        values = self.values
        if not values:
            return f"{plain(self.title)}: no values."
        runs = units.plural(len(self.points), "run")
        first, last = self.points[0].started_at, self.points[-1].started_at
        lowest, highest, newest = (units.value(self.metric, value) for value in (min(values), max(values), values[-1]))
        changes = "".join(
            f" {'Worse' if change.worse else 'Better'} since run {plain(change.run_id)}"
            f"{f' ({plain(change.label)})' if change.label else ''}."
            for change in self.changes
        )
        return (
            f"{plain(self.title)} over {runs}, {first:%-d %b %Y} to {last:%-d %b %Y}: "
            f"{lowest} to {highest}, last {newest}.{changes}"
        )
