"""The target's own metrics: causes by those whose meaning is known, notes about all others."""

from collections.abc import Iterator

from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.results.findings.causes.failures import CounterRise, CounterRises, MetricsProblem
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes.case import Case

# Rules of thumb, all of them.
_MIN_RATIO = 10.0
"""A counter stands out when its rise is at least this multiple of its rise in the baseline, and large enough."""
_MIN_RISE = 100.0
"""The smallest rise of a counter that stands out."""
_MAX_NAMED = 3
"""Counters that one note names."""


def dependencies(case: Case) -> Iterator[Finding]:
    """Something that the target needs and reports as down."""
    if case.redis_fell:
        yield case.cause(FindingCode.REDIS_DOWN)


def notes(now: TargetMetrics | None, before: TargetMetrics | None) -> Iterator[Finding]:
    """What is noted about these metrics without naming a cause: that they can't be used, or counters that stand out."""
    if now is None:
        return
    if now.problem:
        yield Finding(code=FindingCode.TARGET_METRICS_UNREADABLE, parameters=MetricsProblem(problem=now.problem))
        return
    if before is None or before.problem:
        return
    rises = [
        CounterRise(series=series, now=rise, before=before.counters.get(series, 0.0))
        for series, rise in now.counters.items()
        if "_sum" not in series
    ]
    standing_out = [rise for rise in rises if rise.now >= _MIN_RISE and rise.now >= _MIN_RATIO * rise.before]
    standing_out.sort(key=lambda rise: -rise.now / max(1.0, rise.before))
    if standing_out:
        yield Finding(
            code=FindingCode.TARGET_METRICS_STAND_OUT,
            parameters=CounterRises(counters=tuple(standing_out[:_MAX_NAMED])),
        )
