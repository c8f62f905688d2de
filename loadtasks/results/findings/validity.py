"""Parameters of the findings that say why a measurement can't be trusted."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from loadtasks.measurement.health import Saturation
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.parameters import Parameters
from loadtasks.results.findings.targets import Throttled

FailureCode = Literal[
    FindingCode.MEASUREMENT_FAILED,
    FindingCode.TARGET_STOPPED_RESPONDING,
    FindingCode.INTERRUPTED,
    FindingCode.ENGINE_FAILED,
]


class MeasurementFailure(BaseModel):
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


class NotReached(Parameters):
    """No request arrived at the target."""

    scheduled: int
    sample: str = ""
    """The text of one error."""


class SaturationParameters(Parameters):
    """Where the load generator was saturated."""

    saturation: Saturation


class InvalidRepeated(Parameters):
    """A scenario was measured again because a measurement of it was invalid."""

    repetitions: int
    """How often it was measured, the first time included."""
    invalid: tuple[int, ...]
    """The numbers of the measurements that were invalid, from 1."""
    reported: int
    """The number of the reported one."""
    reasons: tuple[FindingCode, ...]
    """Why they were invalid, most frequent first."""


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {
    FindingCode.MEASUREMENT_FAILED: FailureDetail,
    FindingCode.TARGET_STOPPED_RESPONDING: FailureDetail,
    FindingCode.INTERRUPTED: FailureDetail,
    FindingCode.ENGINE_FAILED: FailureDetail,
    FindingCode.CONSERVATION_VIOLATED: RequestCounts,
    FindingCode.EVERYTHING_THROTTLED: Throttled,
    FindingCode.TARGET_NOT_REACHED: NotReached,
    FindingCode.GENERATOR_SATURATED: SaturationParameters,
    FindingCode.INVALID_REPEATED: InvalidRepeated,
}
"""By code; a code that is missing here has no parameters."""
