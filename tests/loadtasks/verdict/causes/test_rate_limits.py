from pathlib import Path

import pytest

from loadtasks.measurement.errors import ErrorCode
from loadtasks.measurement.model import Measurement
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.results.findings.causes.failures import RateLimited, WithoutRetryAfter
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import Throttled
from loadtasks.verdict.causes.diagnosis import diagnose
from loadtasks.verdict.targets import throttling
from loadtasks.verdict.targets.suites import Expectation, Suite
from tests.loadtasks.verdict.causes.cases import causes, codes, failed, likely, parameters
from tests.measurements import measurement

LIMIT = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "throttled", "min_value": 20}}
LIMITED = Suite("dashboard", Path("dashboard.json"), (Expectation(Path("dashboard.json"), 1, LIMIT),))


def causes_where_expected(now: Measurement, *wrong: str) -> list[Finding]:
    """The causes where the suite expects throttling."""
    note = next(throttling.notes([now], [LIMITED]))
    missed = [Finding(code=FindingCode.TARGET_MISSED, metric=name) for name in wrong]
    return diagnose([now], [], [note, *missed])


def test_429_without_retry_after_is_throttling_and_not_slowness() -> None:
    (cause,) = causes(failed({ErrorCode.STATUS: 40}, {"200": 60, "429": 40}, completed=60), wrong=("success_rate",))
    assert cause.code is FindingCode.RATE_LIMIT_WITHOUT_RETRY_AFTER
    assert cause.parameters == WithoutRetryAfter(count=40, scheduled=100, expected=False)


def test_throttled_requests_are_a_cause_and_no_error() -> None:
    now = measurement(times_s=[0.1] * 50, throttled=40, failed=10, statuses={"200": 50, "429": 40, "503": 10})
    limited, unavailable = causes(now, wrong=("success_rate",))
    assert limited.code is FindingCode.RATE_LIMITED
    assert limited.parameters == RateLimited(throttled=40, scheduled=100, statuses=(429, 503))
    assert unavailable.code is FindingCode.TARGET_UNAVAILABLE


def test_503_with_retry_after_is_throttling_too() -> None:
    now = measurement(times_s=[0.1] * 50, throttled=40, failed=10, statuses={"200": 50, "503": 40, "500": 10})
    limited, internal = causes(now, wrong=("success_rate",))
    assert limited.parameters == RateLimited(throttled=40, scheduled=100, statuses=(503,))
    assert internal.code is FindingCode.SERVER_ERROR


def test_one_throttled_request_of_many_is_named_where_none_is_allowed() -> None:
    now = measurement(times_s=[0.1] * 999, throttled=1, statuses={"200": 999, "429": 1})
    (cause,) = causes(now, wrong=("throttled",))
    assert cause.parameters == RateLimited(throttled=1, scheduled=1000, statuses=(429,))
    assert FindingCode.RATE_LIMITED not in codes(causes(now, wrong=("p95_s",)))


def test_what_the_target_counts_of_its_limit_is_kept() -> None:
    counters = {
        'rate_limit_rejections_total{method="GET",route="/a"}': 30.0,
        'rate_limit_rejections_total{method="GET",route="/b"}': 10.0,
    }
    now = measurement(
        times_s=[0.1] * 50, throttled=40, statuses={"429": 40}, target_metrics=TargetMetrics(counters=counters)
    )
    (cause,) = causes(now, wrong=("throttled",))
    assert parameters(cause, RateLimited).target_rejections == 40


@pytest.mark.parametrize("number", [0, 40])
def test_a_limit_that_is_expected_to_hold_and_does_not_is_another_cause(number: int) -> None:
    now = measurement(times_s=[0.1] * (100 - number), throttled=number, statuses={"200": 100 - number, "429": number})
    (cause,) = causes_where_expected(now, "throttled")
    assert cause.code is FindingCode.RATE_LIMIT_DIFFERS
    assert parameters(cause, Throttled).throttled == number
    assert not likely(cause)
    assert causes_where_expected(now) == []


def test_a_limit_that_is_expected_to_hold_has_to_send_retry_after() -> None:
    now = measurement(times_s=[0.1] * 60, failed=40, error=ErrorCode.STATUS, statuses={"200": 60, "429": 40})
    cause = causes_where_expected(now, "throttled", "failed")[0]
    assert cause.code is FindingCode.RATE_LIMIT_WITHOUT_RETRY_AFTER
    assert cause.parameters == WithoutRetryAfter(count=40, scheduled=100, expected=True)
