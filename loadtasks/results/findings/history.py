"""Parameters of the findings that come from the baseline."""

from collections.abc import Mapping
from typing import Self

from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.parameters import Parameters
from loadtasks.results.fingerprint import Difference, FingerprintField


class BaselineTooShort(Parameters):
    """There are too few comparable runs to judge a scenario by."""

    missing_runs: int
    """How many more valid comparable runs the baseline needs."""


class NotComparable(Parameters):
    """A scenario was measured in another way than in an earlier run."""

    field: FingerprintField
    """What differs."""
    now: str
    """Its value in this run."""
    before: str
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


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {
    FindingCode.BASELINE_TOO_SHORT: BaselineTooShort,
    FindingCode.NOT_COMPARABLE: NotComparable,
}
"""By code; a code that is missing here has no parameters."""
