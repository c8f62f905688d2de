"""Parameters of the findings that come from the baseline."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict

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


class ConfirmationRepetition(BaseModel):
    """One repetition in short."""

    model_config = ConfigDict(frozen=True)

    p50_s: float | None
    success_rate: float | None
    reported: bool
    """Whether it is the one that is judged and shown."""
    trusted: bool
    """Whether it is valid."""


class Confirmation(Parameters):
    """A scenario was measured again, since its first measurement looked worse than the baseline."""

    repetitions: tuple[ConfirmationRepetition, ...]
    """In the order in which they were made, the first measurement among them."""
    confirmed: bool
    """Whether a regression was found with all of them."""


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {
    FindingCode.BASELINE_TOO_SHORT: BaselineTooShort,
    FindingCode.NOT_COMPARABLE: NotComparable,
    FindingCode.CONFIRMATION: Confirmation,
}
"""By code; a code that is missing here has no parameters."""
