"""Throttling: a limit of the target turned requests away, which is not slowness and no failure of its code."""

from collections.abc import Iterator

from loadtasks.verdict import throttling
from loadtasks.verdict.causes.case import Case, Cause

_NEXT = (
    "raise the limit for the load tests' user (of the shipped API: a token with the scope load-test and "
    "APP_ALLOW_LOAD_TEST=1) or lower the load; if real users meet it as well, the limit is too low"
)
_REJECTIONS = "rate_limit_rejections_total"


def throttled(case: Case) -> Iterator[Cause]:
    """Requests that a limit turned away."""
    counts = case.measurement.counts
    if "throttled" in case.metrics or case.matters(counts.throttled):
        yield Cause(f"{throttling.CAUSE}: {throttling.sentence(case.measurement)}{_counted(case)}", _NEXT)
    number = throttling.unexplained(case.measurement)
    if case.matters(number) and not case.websocket:
        yield Cause(
            f"{throttling.CAUSE}: {case.of_all(number)} got 429 Too Many Requests (without Retry-After), which "
            f"is a rate limit of the target{_counted(case)}",
            _NEXT,
        )


def _counted(case: Case) -> str:
    counted = case.told.counted(_REJECTIONS)
    return f"; the target itself counts {counted:,.0f} rejections by its rate limit" if counted else ""
