"""Sentences of throttling, of what the target's own metrics show, and of a cause that is unknown."""

from collections.abc import Callable, Mapping
from typing import Any

from loadtasks import units
from loadtasks.report.sentences.causes.phrases import always
from loadtasks.report.sentences.phrases import admitted_only, rejections
from loadtasks.results.findings.causes.failures import CounterRises, MetricsProblem, RateLimited, WithoutRetryAfter
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import Throttled

_RAISE_THE_LIMIT = (
    "raise the limit for the load tests' user (of the shipped API: a token with the scope load-test and "
    "APP_ALLOW_LOAD_TEST=1) or lower the load; if real users meet it as well, the limit is too low"
)


def _rate_limited(_finding: Finding, parameters: RateLimited) -> str:
    counted = _counted(parameters.target_rejections)
    return f"throttling, not slowness: {rejections(parameters)}; {admitted_only(parameters)}{counted}"


def _without_retry_after(_finding: Finding, parameters: WithoutRetryAfter) -> str:
    number = (
        f"{units.count(parameters.count)} of {units.plural(parameters.scheduled, 'request')} "
        f"({units.share(parameters.count / parameters.scheduled)})"
    )
    responses = f"{number} got 429 Too Many Requests without Retry-After{_counted(parameters.target_rejections)}"
    if parameters.expected:
        return f"the rate limit doesn't say when to try again: {responses}"
    return f"throttling, not slowness: {responses}"


def _what_to_do_about_429(_finding: Finding, parameters: WithoutRetryAfter) -> str:
    return "let the target send Retry-After with each 429" if parameters.expected else _RAISE_THE_LIMIT


def _rate_limit_differs(_finding: Finding, parameters: Throttled) -> str:
    return (
        f"the rate limit is not the one that the suite expects: {rejections(parameters)}; the limit has another "
        "value, doesn't hold, or was partly used up by others"
    )


def _counted(target_rejections: int | None) -> str:
    if target_rejections is None:
        return ""
    return f"; the target's own metrics count {units.plural(target_rejections, 'rejection')} by its rate limit"


def _unreadable(_finding: Finding, parameters: MetricsProblem) -> str:
    return f"the target's own metrics can't be used: {parameters.problem}"


def _stand_out(_finding: Finding, parameters: CounterRises) -> str:
    rises = "; ".join(
        f"{rise.series} rose by {rise.now:,.0f}, by {rise.before:,.0f} in the baseline" for rise in parameters.counters
    )
    return f"counters of the target stand out, which need not be the cause: {rises}"


SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.CAUSE_UNKNOWN: always("unknown, since what was measured doesn't show it"),
    FindingCode.REDIS_DOWN: always(
        "Redis is down, as the target's gauge redis_up shows: each instance of the target now has a cache, rate limits "
        "and events of its own"
    ),
    FindingCode.RATE_LIMITED: _rate_limited,
    FindingCode.RATE_LIMIT_WITHOUT_RETRY_AFTER: _without_retry_after,
    FindingCode.RATE_LIMIT_DIFFERS: _rate_limit_differs,
    FindingCode.TARGET_METRICS_UNREADABLE: _unreadable,
    FindingCode.TARGET_METRICS_STAND_OUT: _stand_out,
}
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.CAUSE_UNKNOWN: always("look at the target's own logs and metrics of that time"),
    FindingCode.REDIS_DOWN: always(
        "restore Redis, or its connection to the target (of the shipped API: APP_REDIS_URL)"
    ),
    FindingCode.RATE_LIMITED: always(_RAISE_THE_LIMIT),
    FindingCode.RATE_LIMIT_WITHOUT_RETRY_AFTER: _what_to_do_about_429,
    FindingCode.RATE_LIMIT_DIFFERS: always(
        "compare the target's limit with the suite, and check that nobody else sends requests as this user"
    ),
}
