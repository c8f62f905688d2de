"""Parameters of the findings that come from the baseline."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Self

from loadtasks.results.error_counts import ErrorCounts
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.parameters import Parameters
from loadtasks.results.fingerprint import Difference, FingerprintField, FingerprintValue


class Shape(StrEnum):
    """Which part of the distribution of response times shifted."""

    WHOLE_DISTRIBUTION = "whole_distribution"
    TAIL_MORE = "tail_more"
    """The tail shifted by a larger factor than the median."""
    TAIL_ONLY = "tail_only"


class BaselineShift(Parameters):
    """One metric changed against its baseline. The finding's `limit` is the baseline's level in the metric's unit."""

    ratio: float
    """Level after the change / level before it."""
    low: float
    """The lower end of the ratio's 95 % confidence interval."""
    high: float
    """The upper end of the ratio's 95 % confidence interval."""
    relative_to_median: bool = False
    """Whether the ratio is that of metric / p50: how the tail changed beyond what the median did."""
    first_run: str
    """The id of the first run of the change: the most likely one."""
    first_run_started_at: datetime
    version_before: str | None = None
    """The target's version in the last run before the change; None where it is not known."""
    version_after: str | None = None
    """The target's version in the first run of the change; None where it is not known."""
    errors: ErrorCounts | None = None
    """Of a success rate the requests that failed, before and since; None of other metrics, and in runs that were stored
    before version 10 of the results document."""


class GainLost(Parameters):
    """The improvement before a regression, which takes it back in part or whole."""

    first_run: str
    """The id of its first run."""
    first_run_started_at: datetime
    before: float
    """The metric's level before the improvement, in its unit."""
    ratio: float
    """Level after the regression / level before the improvement: above 1 for a time, all of it is lost."""


class RegressionShift(BaselineShift):
    """One metric regressed against its baseline."""

    shape: Shape | None = None
    """Given with one of the regression's metrics; None with the others, and where it is not known."""
    regression: int | None = None
    """The id of the regression; None in runs that were stored before version 7 of the results document."""
    found_run: str | None = None
    """The id of the run that found it; None where this run did."""
    gain: GainLost | None = None
    """The improvement that it takes back; None where there was none in the 90 runs before it."""


class AcknowledgedShift(RegressionShift):
    """One metric is still worse because of a regression that somebody works on."""

    acknowledged_by: str
    why: str = ""


class KnownRegression(Parameters):
    """A regression that an earlier run found, and that this run doesn't show: it is recovering, or has recovered."""

    regression: int
    """Its id."""
    found_run: str
    """The id of the run that found it."""
    first_run: str
    """The id of its first run."""


class Suspected(Parameters):
    """Metrics look worse than the baseline, and the evidence is not enough for a regression."""

    metrics: tuple[str, ...]
    """Their names in the registry."""


class EnvironmentChanged(Parameters):
    """A metric shifted together with a control, so that the environment is the cause and not the API.

    The finding's `limit` is the metric's level without that, in its unit.
    """

    control: str
    """`null_server`, `null_connect`, or the name of a scenario."""
    control_ratio: float
    """Its time / its usual time: above 1 where it is slower."""
    ratio: float
    """How far the metric shifted with it: level / level before."""
    relative_to_median: bool = False
    """Whether the ratio is that of metric / p50."""
    first_run: str
    """The id of the control's first run at its new level."""
    first_run_started_at: datetime | None = None
    """When that run started; None where the scenario wasn't measured in it."""


class BaselineTooShort(Parameters):
    """There are too few comparable runs to judge a scenario by."""

    missing_runs: int
    """How many more valid comparable runs the baseline needs."""
    detectable: float | None = None
    """The smallest ratio of p50 to its level that this run could show beyond doubt; None where nothing was compared."""


class NotComparable(Parameters):
    """A scenario was measured in another way than in an earlier run."""

    field: FingerprintField
    """What differs."""
    now: FingerprintValue
    """Its value in this run."""
    before: FingerprintValue
    """Its value in the earlier run."""
    other_run: str
    """The id of the earlier run."""
    new_baseline: bool
    """Whether a new baseline begins for this reason; otherwise two results files were compared."""

    @classmethod
    def of(cls, difference: Difference, other_run: str, *, new_baseline: bool) -> Self:
        """The parameters of a difference between two fingerprints."""
        return cls(
            field=difference.field,
            now=difference.now,
            before=difference.before,
            other_run=other_run,
            new_baseline=new_baseline,
        )


class ConfirmationRepetition(Parameters):
    """One repetition of a scenario in one run."""

    p50_s: float | None
    p95_s: float | None
    success_rate: float | None
    """0 to 1."""
    trusted: bool = True
    """Whether the measurement is valid."""


class Confirmation(Parameters):
    """A scenario was repeated because its first measurement looked worse than the baseline."""

    repetitions: tuple[ConfirmationRepetition, ...]
    """In the order of measuring, the first measurement included."""
    reported: int
    """The number of the reported repetition, from 1."""
    confirmed: bool
    """Whether a regression was found with all repetitions."""


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {
    FindingCode.REGRESSION: RegressionShift,
    FindingCode.REGRESSION_ACKNOWLEDGED: AcknowledgedShift,
    FindingCode.IMPROVEMENT: BaselineShift,
    FindingCode.RECOVERING: KnownRegression,
    FindingCode.RECOVERED: KnownRegression,
    FindingCode.SUSPECTED: Suspected,
    FindingCode.ENVIRONMENT_CHANGED: EnvironmentChanged,
    FindingCode.BASELINE_TOO_SHORT: BaselineTooShort,
    FindingCode.NOT_COMPARABLE: NotComparable,
    FindingCode.CONFIRMATION: Confirmation,
}
"""By code; a code that is missing here has no parameters."""
