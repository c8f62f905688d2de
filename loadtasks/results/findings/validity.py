"""Parameters of the findings that say why a measurement can't be trusted."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.parameters import Parameters

FailureCode = Literal[
    FindingCode.MEASUREMENT_FAILED,
    FindingCode.TARGET_STOPPED_RESPONDING,
    FindingCode.INTERRUPTED,
    FindingCode.ENGINE_FAILED,
]


class Failure(BaseModel):
    """Why a scenario was not measured to its end, as the step that measured it keeps it."""

    model_config = ConfigDict(frozen=True)

    code: FailureCode
    detail: str = ""
    """The error's own text; empty where there is none."""


class FailureDetail(Parameters):
    """What a failure said of itself."""

    detail: str = ""
    """The error's own text; empty where there is none."""


class RequestCounts(Parameters):
    """How the scheduled requests ended, where the sum doesn't add up."""

    scheduled: int
    completed: int
    throttled: int
    failed: int
    dropped: int
    in_flight: int


class NothingAdmitted(Parameters):
    """A rate limit of the target rejected every request that was sent."""

    scheduled: int
    throttled: int
    statuses: tuple[int, ...] = ()
    """The statuses that limits respond with which were seen, of 429 and 503."""


class NotReached(Parameters):
    """No request arrived at the target."""

    scheduled: int
    sample: str = ""
    """The text of one error."""


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {
    FindingCode.MEASUREMENT_FAILED: FailureDetail,
    FindingCode.TARGET_STOPPED_RESPONDING: FailureDetail,
    FindingCode.INTERRUPTED: FailureDetail,
    FindingCode.ENGINE_FAILED: FailureDetail,
    FindingCode.CONSERVATION_VIOLATED: RequestCounts,
    FindingCode.EVERYTHING_THROTTLED: NothingAdmitted,
    FindingCode.TARGET_NOT_REACHED: NotReached,
}
"""By code; a code that is missing here has no parameters."""
