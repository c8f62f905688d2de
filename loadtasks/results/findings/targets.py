"""Parameters of the findings about targets."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from loadtasks.measurement.errors import ErrorCode
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.parameters import Parameters


class Comparison(StrEnum):
    """How a value has to compare with the value of a bound."""

    BELOW = "<"
    AT_MOST = "<="
    EQUAL = "="
    AT_LEAST = ">="
    ABOVE = ">"


class Bound(BaseModel):
    """One side of a target: `< 2.0`."""

    model_config = ConfigDict(frozen=True)

    comparison: Comparison
    value: float
    """In the metric's own unit, as the registry of metrics has it: seconds, requests, a share from 0 to 1."""


class TargetMissed(Parameters):
    """What the missed expectation demands. The metric, what was observed and the limit stand in the finding."""

    expectation: str = ""
    """The type of the expectation, as Great Expectations names it; empty of a built-in target."""
    suite: str = ""
    """The name of the suite's file; empty of a built-in target."""
    built_in: bool = False
    """Whether it is a target that holds where no suite says otherwise."""
    bounds: tuple[Bound, ...] = ()
    """What the metric has to fulfil, all of it; empty where the expectation is no comparison with a number."""


class MetTarget(TargetMissed):
    """One target that a measurement met, and what it demands."""

    part: str = ""
    """The part of a mixed scenario; empty for the whole."""
    metric: str
    """The name of the metric in the registry; empty where the expectation judges no single one."""
    observed: float | None = None
    """The value of the metric; None where there is none."""
    severity: Severity = Severity.CRITICAL


class TargetsMet(Parameters):
    """The targets that a scenario met, in the order of the suites."""

    targets: tuple[MetTarget, ...]


class TargetNotEvaluated(Parameters):
    """An expectation that Great Expectations could not evaluate, so that nobody knows whether it is met."""

    expectation: str
    """The type of the expectation, as Great Expectations names it."""
    number: int
    """Its position in the file, from 1."""
    suite: str
    """The name of the suite's file."""
    problem: str
    """What Great Expectations raised, in one line."""


class NoTarget(Parameters):
    """A measurement that no target of severity `critical` judges."""

    endpoint: str
    """The endpoint, after which the suite's file is named."""
    suite_exists: bool = False
    """Whether there is a suite of that name, none of whose targets applies."""


class ErrorSummary(Parameters):
    """The requests that were not completed, and the most frequent of their errors."""

    admitted: int
    """Requests that no rate limit rejected."""
    not_completed: int
    """Those of them that failed, were dropped or were still in flight at the end."""
    errors: int = 0
    """Errors of all codes; more than `not_completed` where a completed delivery was doubled or out of order."""
    code: ErrorCode | None = None
    """The code of the most frequent error; None where no error was counted."""
    count: int = 0
    """How often it occurred."""
    sample: str = ""
    """One occurrence in words."""


class Sample(BaseModel):
    """How many requests a measurement timed."""

    model_config = ConfigDict(frozen=True)

    part: str
    """The part of a mixed scenario; empty for the whole."""
    requests: int


class InsufficientSample(Parameters):
    """A percentile that has a target and was taken from too few requests to be estimated."""

    needed: int
    """The fewest requests from which the percentile's 95 % confidence interval has both ends."""
    samples: tuple[Sample, ...]
    """Every measurement that has a target for the percentile and fewer requests."""


class Throttled(Parameters):
    """How many requests a rate limit of the target rejected."""

    throttled: int
    scheduled: int
    statuses: tuple[int, ...] = ()
    """The statuses that limits respond with which were seen, of 429 and 503."""


class ThrottlingExpected(Throttled):
    """How many requests a rate limit rejected where the suite expects that."""

    held: bool
    """Whether as many were rejected as the suite expects."""


class DataDocsMissing(Parameters):
    """The Data Docs of a run could not be built."""

    problem: str
    """Why, in one line: what the system says of a file or folder, or Great Expectations of a page."""


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {
    FindingCode.TARGET_MISSED: TargetMissed,
    FindingCode.TARGET_NOT_EVALUATED: TargetNotEvaluated,
    FindingCode.TARGETS_MET: TargetsMet,
    FindingCode.NOTHING_SUCCEEDED: ErrorSummary,
    FindingCode.NO_TARGET: NoTarget,
    FindingCode.ERRORS: ErrorSummary,
    FindingCode.INSUFFICIENT_SAMPLE: InsufficientSample,
    FindingCode.THROTTLED: Throttled,
    FindingCode.THROTTLING_EXPECTED: ThrottlingExpected,
    FindingCode.DATA_DOCS_MISSING: DataDocsMissing,
}
"""By code; a code that is missing here has no parameters."""
