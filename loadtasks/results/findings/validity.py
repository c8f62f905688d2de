"""Parameters of the findings that say why a measurement can't be trusted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from loadtasks.measurement.health import Saturation
from loadtasks.redaction.redactor import Redactor
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.parameters import Parameters
from loadtasks.results.findings.targets import Throttled

FailureCode = Literal[
    FindingCode.ACCESS_REFUSED,
    FindingCode.MEASUREMENT_FAILED,
    FindingCode.TARGET_NOT_RESPONDING,
    FindingCode.TARGET_STOPPED_RESPONDING,
    FindingCode.GENERATOR_PROCESS_DIED,
    FindingCode.MEASUREMENT_DIED,
    FindingCode.MEASURED_CONCURRENTLY,
    FindingCode.MEASUREMENT_STOPPED,
    FindingCode.INTERRUPTED,
    FindingCode.ENGINE_FAILED,
]


class FailureDetail(Parameters):
    """What a failure said of itself."""

    detail: str = ""
    """The error's own text; empty where there is none."""


class AccessRefused(Parameters):
    """The target refused a scenario's own request before any load, and what was sent to be admitted."""

    method: str
    path: str
    """As the scenario file has it, placeholders included."""
    status: int
    scheme: str = ""
    """The scheme of the Authorization header that was sent; `other` where it isn't a usual one, empty without one."""
    own_authorization: bool = False
    """Whether the scenario's own headers had it, which goes before the target's."""
    credentials: tuple[str, ...] = ()
    """Names of the other headers, and query parameters (`?key`), that were sent and sound like credentials."""

    def without_secrets(self, redactor: Redactor) -> Self:
        """The same without the secrets of the scenario: its path may hold a key."""
        return self.model_copy(update={"path": redactor(self.path)})


class Begun(Parameters):
    """When and where a measurement began that has no outcome to trust."""

    begun_at: datetime
    host: str
    """The machine of the process that measured."""
    repeatable: bool = True
    """Whether it can be measured again: what uses up rows of its feeder can't."""


class MeasurementFailure(BaseModel):
    """Why a scenario was not measured to its end, as the step that measured it keeps it."""

    model_config = ConfigDict(frozen=True)

    code: FailureCode
    detail: str = ""
    """The error's own text; empty where there is none."""
    access: AccessRefused | None = None
    """Of a request that was refused; None of every other failure."""
    begun: Begun | None = None
    """Of what died, or was measured twice at once; None of every other failure."""

    @property
    def parameters(self) -> FailureDetail | AccessRefused | Begun:
        """The parameters of its finding."""
        return self.access or self.begun or FailureDetail(detail=self.detail)


class InternalErrors(Parameters):
    """How often the load engine failed on a response or a message."""

    count: int
    sample: str
    """The request, the type of the exception, its text, and the line that raised it."""


class RequestCounts(Parameters):
    """How the scheduled requests ended, where the sum doesn't add up."""

    scheduled: int
    completed: int
    throttled: int
    failed: int
    internal_errors: int = 0
    dropped: int
    in_flight: int


class NotReached(Parameters):
    """No request arrived at the target."""

    scheduled: int
    sample: str = ""
    """The text of one error."""


class RunsOverlapped(Parameters):
    """Another run sent load at the same time, so that both may have measured each other."""

    other_run: str
    """Its id."""
    other_service: str
    same_service: bool
    """Whether it was one of the same service."""
    same_generator: bool
    """Whether its load came from the same generator."""
    ended: bool
    """Whether it had ended when this run was judged."""


class ClockWentBack(Parameters):
    """Earlier runs of the service are dated after this one. Runs are ordered as they were opened, all the same."""

    started_at: datetime
    """When this run started, by its clock."""
    other_run: str
    """The id of the earlier run that is dated last."""
    other_started_at: datetime
    """When that one started, by its clock."""
    runs: int
    """How many earlier runs are dated after this one, among those that a baseline may hold."""


class SaturationParameters(Parameters):
    """Where the load generator was saturated."""

    saturation: Saturation


class InvalidRepeated(Parameters):
    """A scenario was repeated because a measurement of it was invalid."""

    repetitions: int
    """How often it was measured, the first time included."""
    invalid: tuple[int, ...]
    """The numbers of the measurements that were invalid, from 1."""
    reported: int
    """The number of the reported one."""
    reasons: tuple[FindingCode, ...]
    """Why they were invalid, most frequent first."""


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {
    FindingCode.ACCESS_REFUSED: AccessRefused,
    FindingCode.MEASUREMENT_FAILED: FailureDetail,
    FindingCode.TARGET_NOT_RESPONDING: FailureDetail,
    FindingCode.GENERATOR_PROCESS_DIED: FailureDetail,
    FindingCode.MEASUREMENT_DIED: Begun,
    FindingCode.MEASURED_CONCURRENTLY: Begun,
    FindingCode.MEASUREMENT_STOPPED: FailureDetail,
    FindingCode.TARGET_STOPPED_RESPONDING: FailureDetail,
    FindingCode.INTERRUPTED: FailureDetail,
    FindingCode.ENGINE_FAILED: FailureDetail,
    FindingCode.INTERNAL_ERROR: InternalErrors,
    FindingCode.CONSERVATION_VIOLATED: RequestCounts,
    FindingCode.EVERYTHING_THROTTLED: Throttled,
    FindingCode.TARGET_NOT_REACHED: NotReached,
    FindingCode.GENERATOR_SATURATED: SaturationParameters,
    FindingCode.INVALID_REPEATED: InvalidRepeated,
    FindingCode.RUNS_OVERLAPPED: RunsOverlapped,
    FindingCode.CLOCK_WENT_BACK: ClockWentBack,
}
"""By code; a code that is missing here has no parameters."""
