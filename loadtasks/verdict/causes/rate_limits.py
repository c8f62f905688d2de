"""Throttling: a rate limit of the target rejected requests, which is neither slowness nor a failure of its code."""

from collections.abc import Iterator

from loadtasks.results.findings.causes.failures import RateLimited, WithoutRetryAfter
from loadtasks.results.findings.codes import FindingCode, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes.case import Case
from loadtasks.verdict.targets import throttling

_REJECTIONS = "rate_limit_rejections_total"


def throttled(case: Case) -> Iterator[Finding]:
    """Requests that a rate limit rejected."""
    if case.throttling_expected:
        yield from _throttled_otherwise(case)
        return
    if "throttled" in case.metrics or case.is_frequent(case.measurement.counts.throttled):
        yield case.cause(
            FindingCode.RATE_LIMITED,
            RateLimited(**dict(throttling.rejected(case.measurement)), target_rejections=_rejections(case)),
        )
    count = throttling.without_retry_after(case.measurement)
    if case.is_frequent(count) and not case.websocket:
        yield _without_retry_after(case, count)


def _throttled_otherwise(case: Case) -> Iterator[Finding]:
    """What is wrong with a limit that the suite expects to hold."""
    count = throttling.without_retry_after(case.measurement)
    if count:
        yield _without_retry_after(case, count)
    elif "throttled" in case.metrics:
        # The limit is another one, doesn't hold, or others used it up: the counts look the same.
        yield case.cause(FindingCode.RATE_LIMIT_DIFFERS, throttling.rejected(case.measurement), Likelihood.POSSIBLE)


def _without_retry_after(case: Case, count: int) -> Finding:
    return case.cause(
        FindingCode.RATE_LIMIT_WITHOUT_RETRY_AFTER,
        WithoutRetryAfter(
            count=count,
            scheduled=case.scheduled,
            expected=case.throttling_expected,
            target_rejections=_rejections(case),
        ),
    )


def _rejections(case: Case) -> int | None:
    return int(case.target_metrics.counted(_REJECTIONS)) or None
