"""Parameters of the findings that come from comparing two results files."""

from collections.abc import Mapping
from enum import StrEnum

from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.history import Shape
from loadtasks.results.findings.parameters import Parameters
from loadtasks.results.findings.reference import MetricRatio


class AllowanceSource(StrEnum):
    """Where it is known from how much runs of one build differ."""

    HISTORY = "history"
    """Comparable runs in the results database of this machine, together with the prior."""
    NO_DATABASE = "no_database"
    """The prior alone: there is no results database."""
    UNREADABLE_DATABASE = "unreadable_database"
    """The prior alone: the results database can't be read."""
    NO_COMPARABLE_RUNS = "no_comparable_runs"
    """The prior alone: the results database has fewer than two other comparable runs."""
    NOT_ASKED = "not_asked"
    """The prior alone: no results database was looked into."""


class RunAllowance(Parameters):
    """How much runs of one build are taken to differ where two results files are compared."""

    source: AllowanceSource
    scale: float
    """The standard deviation of p50 from run to run, 0.1 being 10 %; of the success rate where there is no p50."""
    runs: int = 0
    """How many comparable runs the history has; 0 where the prior is all there is."""
    max_runs: int = 0
    """Of several scenarios: how many the longest history has."""
    detectable: float | None = None
    """The smallest ratio of p50 for the worse that would be a regression; None where p50 was not compared."""
    detail: str = ""
    """Which results database it is, or why it can't be read."""


class OtherRunShift(Parameters):
    """One metric differs from the other file's, which is the finding's `limit`, by more than one build explains."""

    ratio: float | None
    """This run / the other run; None of a success rate that was 0 there."""
    low: float | None
    """The lower end of the ratio's interval, which holds for all metrics of all scenarios of the files at once."""
    high: float | None
    """The upper end of the ratio's interval."""
    relative_to_median: bool = False
    """Whether the ratio is that of metric / p50: how the tail differs beyond what the median does."""
    other_run: str
    """The id of the other file's run."""
    version_before: str | None = None
    """The target's version in the other run; None where it is not known."""
    version_after: str | None = None
    """The target's version in this run; None where it is not known."""
    scale: float
    """The standard deviation from run to run that is allowed for, of logarithms or of a share."""
    source: AllowanceSource
    """Where that is known from."""
    runs: int = 0
    """How many comparable runs it comes from; 0 where the prior is all there is."""
    shape: Shape | None = None
    """Of a tail that got slower: whether the median did too."""


class OtherRunInconclusive(Parameters):
    """Metrics differ from the other file's, and two runs of one build may differ as much."""

    metrics: tuple[MetricRatio, ...]
    other_run: str
    """The id of the other file's run."""


class NotComparedReason(StrEnum):
    """Why a scenario is not compared with the other file."""

    INVALID_HERE = "invalid_here"
    """Its measurement in this file is invalid, or there is none."""
    INVALID_THERE = "invalid_there"
    """Its measurement in the other file is invalid, or there is none."""
    MISSING_THERE = "missing_there"
    """The other file doesn't have it."""
    NO_COMMON_METRIC = "no_common_metric"
    """No metric has a value in both files."""


class OtherRunNotCompared(Parameters):
    """A scenario is not compared with the other file."""

    reason: NotComparedReason
    other_run: str
    """The id of the other file's run."""


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {
    FindingCode.OTHER_RUN_REGRESSION: OtherRunShift,
    FindingCode.OTHER_RUN_IMPROVEMENT: OtherRunShift,
    FindingCode.OTHER_RUN_INCONCLUSIVE: OtherRunInconclusive,
    FindingCode.OTHER_RUN_NOT_COMPARED: OtherRunNotCompared,
    FindingCode.RUN_ALLOWANCE: RunAllowance,
}
"""By code; a code that is missing here has no parameters."""
