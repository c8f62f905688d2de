"""Success: the built-in target on how many requests succeed, and what is said of those that don't."""

from collections.abc import Iterator, Sequence

from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import ErrorSummary
from loadtasks.verdict.targets.applied import DEFAULT_SUCCESS_RATE, AppliedTargets, Minimum

SUCCESS_METRICS = frozenset({"success_rate", "completed", "failed"})
"""The metrics whose targets say how many requests may fail."""


def minimum(applied: AppliedTargets) -> Minimum | None:
    """How many requests have to succeed, where no suite says it.

    A target on response times says nothing about requests that failed: they are not timed.
    """
    return Minimum("success_rate", DEFAULT_SUCCESS_RATE) if SUCCESS_METRICS.isdisjoint(applied.columns) else None


def nothing_succeeded(measurements: Sequence[Measurement]) -> Iterator[Finding]:
    """That no request of a valid scenario succeeded, or none of a part; whatever its targets say, it fails."""
    for measurement in measurements:
        counts = measurement.counts
        if counts.scheduled > counts.throttled and not counts.completed:
            yield Finding(
                code=FindingCode.NOTHING_SUCCEEDED,
                part=measurement.part,
                metric="success_rate",
                observed=0.0,
                parameters=_summary(measurement),
            )
            if not measurement.part:  # which holds its parts' requests
                return


def notes(measurements: Sequence[Measurement], findings: Sequence[Finding]) -> Iterator[Finding]:
    """The errors of one scenario, unless a finding says already that too many requests failed.

    `findings`: those about the scenario's targets.
    """
    if any(finding.misses_target and finding.metric in SUCCESS_METRICS for finding in findings):
        return
    whole = next((measurement for measurement in measurements if not measurement.part), None)
    if whole is None:
        return
    summary = _summary(whole)
    if summary.not_completed or summary.errors:
        yield Finding(code=FindingCode.ERRORS, severity=Severity.WARNING, parameters=summary)


def _summary(measurement: Measurement) -> ErrorSummary:
    counts, errors = measurement.counts, measurement.errors
    admitted = counts.scheduled - counts.throttled
    return ErrorSummary(
        admitted=admitted,
        not_completed=admitted - counts.completed,
        errors=sum(error.count for error in errors),
        code=errors[0].code if errors else None,
        count=errors[0].count if errors else 0,
        sample=errors[0].sample if errors else "",
    )
