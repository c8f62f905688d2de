"""Throttling: what it means for a measurement that a rate limit of the target rejected requests."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import Throttled, ThrottlingExpected
from loadtasks.verdict.targets.suites import Suite, expects_throttling

_LIMIT_STATUSES = (429, 503)
"""With `Retry-After` the responses of a rate limit (RFC 6585, RFC 9110)."""


def notes(
    measurements: Sequence[Measurement], suites: Sequence[Suite], missed: Collection[Finding] = ()
) -> Iterator[Finding]:
    """That one scenario was throttled, or is expected to be; of the whole alone, which holds its parts' requests.

    `missed`: the findings about the scenario's targets.
    """
    held = not any(finding.metric == "throttled" and finding.code is FindingCode.TARGET_MISSED for finding in missed)
    for measurement in measurements:
        if measurement.part:
            continue
        throttled = rejected(measurement)
        if expects_throttling(suites, measurement.endpoint):
            expected = ThrottlingExpected(**throttled.model_dump(), held=held)
            yield _finding(FindingCode.THROTTLING_EXPECTED, expected)
        elif throttled.throttled:
            yield _finding(FindingCode.THROTTLED, throttled)


def is_expected(findings: Iterable[Finding]) -> bool:
    """Whether the findings of a scenario say that its suite expects requests to be rejected."""
    return any(finding.code is FindingCode.THROTTLING_EXPECTED for finding in findings)


def rejected(measurement: Measurement) -> Throttled:
    """How many requests of a measurement a rate limit rejected, and with which statuses."""
    return Throttled(
        throttled=measurement.counts.throttled,
        scheduled=measurement.counts.scheduled,
        statuses=tuple(status for status in _LIMIT_STATUSES if measurement.statuses.get(str(status))),
    )


def nothing_admitted(measurement: Measurement) -> bool:
    """Whether a rate limit rejected every request that was sent."""
    counts = measurement.counts
    return bool(counts.throttled) and counts.throttled + counts.dropped == counts.scheduled


def without_retry_after(measurement: Measurement) -> int:
    """How many responses were a 429 without the `Retry-After` that would count them as throttled."""
    return max(0, measurement.statuses.get("429", 0) - measurement.counts.throttled)


def _finding(code: FindingCode, throttled: Throttled) -> Finding:
    return Finding(code=code, metric="throttled", observed=throttled.throttled, parameters=throttled)
