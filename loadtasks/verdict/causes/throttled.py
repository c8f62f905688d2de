"""Throttling: a limit of the target turned requests away, which is not slowness and no failure of its code."""

from collections.abc import Iterator

from loadtasks.verdict.causes.case import Case, Cause
from loadtasks.verdict.targets import throttling

_NEXT = (
    "raise the limit for the load tests' user (of the shipped API: a token with the scope load-test and "
    "APP_ALLOW_LOAD_TEST=1) or lower the load; if real users meet it as well, the limit is too low"
)
_REJECTIONS = "rate_limit_rejections_total"


def throttled(case: Case) -> Iterator[Cause]:
    """Requests that a limit turned away."""
    if case.throttling_wanted:
        yield from _throttled_otherwise(case)
        return
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


def _throttled_otherwise(case: Case) -> Iterator[Cause]:
    """What is wrong with a limit that is to hold."""
    number = throttling.unexplained(case.measurement)
    if number:
        yield Cause(
            f"a limit that doesn't say when to come again: {case.of_all(number)} got 429 Too Many Requests without "
            "Retry-After",
            "let the target send Retry-After with each 429",
        )
    elif "throttled" in case.metrics:
        yield Cause(
            f"another limit than is wanted: {case.of_all(case.measurement.counts.throttled)} were throttled; the "
            "target's limit is another one, doesn't hold, or was used up in part by others, which can't be told apart",
            "compare the target's limit with the suite, and see that nobody else sends as this user",
            sure=False,
        )


def _counted(case: Case) -> str:
    counted = case.told.counted(_REJECTIONS)
    return f"; the target itself counts {counted:,.0f} rejections by its rate limit" if counted else ""
