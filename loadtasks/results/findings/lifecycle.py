"""Parameters of the findings about creep, acceptance without an answer, and what a dismissal teaches."""

from collections.abc import Mapping
from datetime import datetime

from loadtasks.results.error_counts import ErrorCounts
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.parameters import Parameters


class CreepDrift(Parameters):
    """One metric drifted away from its anchor so slowly that no single run is to blame.

    The anchor is the first whole baseline since somebody last approved or accepted a run. The finding's `limit` is its
    level in the metric's unit.
    """

    ratio: float
    """Level now / level of the anchor."""
    low: float
    """The lower end of the ratio's 95 % confidence interval."""
    high: float
    """The upper end of the ratio's 95 % confidence interval."""
    relative_to_median: bool = False
    """Whether the ratio is that of metric / p50: how the tail changed beyond what the median did."""
    anchor_run: str
    """The id of the first run of the anchor."""
    first_run: str
    """The id of the first run of the drift."""
    first_run_started_at: datetime
    runs: int
    """The number of runs of the drift."""
    days: float
    """How long these took, by their clocks; 0 or less where a clock was wrong."""


class AcceptedMetric(Parameters):
    """How far one metric of a regression had moved when that was accepted."""

    metric: str
    before: float
    """Its level before the regression, in the metric's unit."""
    ratio: float
    """Level after the regression / level before it."""
    errors: ErrorCounts | None = None
    """Of a success rate the requests that failed; None of other metrics."""


class AcceptedAutomatically(Parameters):
    """A regression that nobody had answered was accepted in this run."""

    regression: int
    """Its id."""
    found_run: str
    """The id of the run that found it."""
    first_run: str
    """The id of its first run, with which the new baseline begins."""
    runs: int
    """How many runs nobody answered it."""
    metrics: tuple[AcceptedMetric, ...]


class ThresholdRaised(Parameters):
    """Since a dismissal, a change for the worse of a metric needs more evidence."""

    log_odds: float
    """By how much, as of this run; it decays from run to run."""
    dismissed: tuple[int, ...] = ()
    """The ids of the regressions of its scenario and part that were dismissed, the newest last."""


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {
    FindingCode.CREEP: CreepDrift,
    FindingCode.ACCEPTED_AUTOMATICALLY: AcceptedAutomatically,
    FindingCode.THRESHOLD_RAISED: ThresholdRaised,
}
"""By code; a code that is missing here has no parameters."""
