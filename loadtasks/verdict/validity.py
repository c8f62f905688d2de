"""Validity: whether a measurement can be trusted. A scenario that can't be trusted is judged by nothing else."""

from collections.abc import Iterator, Mapping, Sequence

from loadtasks.measurement.errors import ErrorCode
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.validity import (
    InternalErrors,
    MeasurementFailure,
    NotReached,
    RequestCounts,
    SaturationParameters,
)
from loadtasks.verdict.targets import throttling

_NOT_REACHED = frozenset({ErrorCode.REFUSED, ErrorCode.UNREACHABLE})
"""Errors that say nothing about the API, since it never saw the request."""
_MAY_PASS = frozenset({FindingCode.GENERATOR_SATURATED, FindingCode.TARGET_NOT_REACHED})
"""What may be over when the scenario is repeated: a busy machine, a target or a network that was down."""

_MAY_PASS_UNMEASURED = frozenset(
    {
        FindingCode.NOT_MEASURED,
        FindingCode.TARGET_NOT_RESPONDING,
        FindingCode.GENERATOR_PROCESS_DIED,
        FindingCode.MEASUREMENT_DIED,
        FindingCode.MEASURED_CONCURRENTLY,
        FindingCode.INTERRUPTED,
    }
)
"""Why nothing is kept of a scenario that could be judged, though it may be measured a moment later. Not what the load
itself may have caused (the target stopped responding), nor what would come again (a time limit, a mistake of ours)."""


def is_missing(found: Sequence[Finding]) -> bool:
    """Whether a scenario has no measurement that could be judged, for a reason that may be over later in the run."""
    return bool(found) and found[0].code in _MAY_PASS_UNMEASURED


def may_pass(found: Sequence[Finding]) -> bool:
    """Whether a scenario is invalid only for reasons that may be over when it is repeated."""
    return bool(found) and all(finding.code in _MAY_PASS for finding in found)


def findings(
    scenario: str, measurements: Sequence[Measurement], failures: Mapping[str, MeasurementFailure], planned: bool = True
) -> list[Finding]:
    """Why a scenario can't be trusted; empty when it can.

    `failures`: by scenario, of the whole run. `planned`: whether a scenario without measurements is a finding.
    """
    found = []
    failure = failures.get(scenario)
    if failure is not None:
        found.append(Finding(code=failure.code, parameters=failure.parameters))
    elif planned and not measurements:
        found.append(Finding(code=FindingCode.NOT_MEASURED))
    seen = []
    for measurement in measurements:
        for finding in _findings_of(measurement):
            # The whole comes first: its parts share its generator and need no finding of their own with the same data.
            if finding not in seen:
                seen.append(finding)
                found.append(finding.model_copy(update={"part": measurement.part}))
    return found


def _findings_of(measurement: Measurement) -> Iterator[Finding]:
    counts = measurement.counts
    internal = [error for error in measurement.errors if error.code is ErrorCode.INTERNAL_ERROR]
    if internal:
        parameters = InternalErrors(count=sum(error.count for error in internal), sample=internal[0].sample)
        yield Finding(code=FindingCode.INTERNAL_ERROR, parameters=parameters)
    if counts.conservation_gap:
        numbers = RequestCounts.model_validate(counts.model_dump(include=set(RequestCounts.model_fields)))
        yield Finding(code=FindingCode.CONSERVATION_VIOLATED, parameters=numbers)
    if not counts.scheduled:
        yield Finding(code=FindingCode.NOTHING_SCHEDULED)
    elif throttling.nothing_admitted(measurement):
        yield Finding(
            code=FindingCode.EVERYTHING_THROTTLED,
            parameters=throttling.rejected(measurement),
        )
    elif _none_arrived(measurement):
        yield Finding(
            code=FindingCode.TARGET_NOT_REACHED,
            parameters=NotReached(scheduled=counts.scheduled, sample=measurement.errors[0].sample),
        )
    for saturation in measurement.health.saturation:
        yield Finding(code=FindingCode.GENERATOR_SATURATED, parameters=SaturationParameters(saturation=saturation))


def _none_arrived(measurement: Measurement) -> bool:
    counts = measurement.counts
    codes = {error.code for error in measurement.errors}
    return (
        not counts.completed
        and not counts.throttled
        and not counts.in_flight
        and bool(codes & _NOT_REACHED)
        and codes <= _NOT_REACHED | {ErrorCode.DROPPED}
    )
