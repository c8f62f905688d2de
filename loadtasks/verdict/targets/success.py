"""The built-in target on the success rate, for measurements whose suites don't say how many requests may fail."""

from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.targets.applied import DEFAULT_SUCCESS_RATE, AppliedTargets, missed_minimum

SUCCESS_METRICS = frozenset({"success_rate", "completed", "failed"})
"""The metrics whose targets say how many requests may fail."""


def missed(applied: AppliedTargets) -> Finding | None:
    """The finding that too few requests succeeded, where no suite says how many have to."""
    if any(expectation.column in SUCCESS_METRICS for expectation in applied.expectations):
        return None
    return missed_minimum(applied.measurement, "success_rate", DEFAULT_SUCCESS_RATE)
