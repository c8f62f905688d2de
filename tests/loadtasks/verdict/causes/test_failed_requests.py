import pytest

from loadtasks.measurement.errors import ErrorCode
from loadtasks.results.findings.causes.failures import FailedRequests, HangingRequests
from loadtasks.results.findings.codes import FindingCode
from tests.loadtasks.verdict.causes.cases import causes, codes, failed, likely, parameters
from tests.measurements import measurement

BAD = ("success_rate",)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ErrorCode.CUT, FindingCode.CONNECTION_CUT),
        (ErrorCode.REFUSED, FindingCode.CONNECTION_REFUSED),
        (ErrorCode.UNREACHABLE, FindingCode.TARGET_UNREACHABLE),
        (ErrorCode.CONNECT_TIMEOUT, FindingCode.CONNECT_TIMEOUT),
        (ErrorCode.TLS, FindingCode.TLS_FAILED),
        (ErrorCode.MALFORMED, FindingCode.RESPONSE_MALFORMED),
        (ErrorCode.CHECK, FindingCode.CHECK_FAILED),
        (ErrorCode.TOO_LARGE, FindingCode.RESPONSE_TOO_LARGE),
    ],
)
def test_an_error_has_a_cause(error: ErrorCode, code: FindingCode) -> None:
    (cause,) = causes(failed({error: 50}, {"200": 50}), wrong=BAD)
    assert cause.code is code
    assert cause.parameters == FailedRequests(count=50, scheduled=100, sample=f"GET /stats: {error.value}")
    assert likely(cause)


def test_the_most_frequent_failure_comes_first_and_rare_ones_are_left_out() -> None:
    errors = {ErrorCode.CHECK: 100, ErrorCode.CUT: 200, ErrorCode.TLS: 5}
    assert codes(causes(failed(errors, {"200": 1000}, completed=1000), wrong=BAD)) == [
        FindingCode.CONNECTION_CUT,
        FindingCode.CHECK_FAILED,
    ]


def test_an_error_of_websockets_is_not_guessed_at_in_requests() -> None:
    (cause,) = causes(failed({ErrorCode.MISSED: 50}, {"200": 50}), wrong=BAD)
    assert cause.code is FindingCode.CAUSE_UNKNOWN
    assert not likely(cause)


def test_some_requests_that_hang_differ_from_a_target_that_is_stuck() -> None:
    hanging = measurement(
        times_s=[0.01] * 90, failed=6, in_flight=4, error=ErrorCode.TIMEOUT,
        response=measurement(times_s=[0.01] * 90 + [10.0] * 10).response,
    )  # fmt: skip
    (some,) = causes(hanging, wrong=BAD)
    assert some.code is FindingCode.REQUESTS_HANG
    requests = parameters(some, HangingRequests)
    assert (requests.count, requests.scheduled, requests.sample) == (10, 100, "GET /stats: timeout")
    assert requests.p50_s == pytest.approx(0.01, rel=1e-3)
    assert likely(some)
    (all_of_them,) = causes(measurement(times_s=[9.0] * 40, failed=60, error=ErrorCode.TIMEOUT), wrong=BAD)
    assert all_of_them.code is FindingCode.TARGET_OVERLOADED
    assert not likely(all_of_them)


def test_dropped_requests_are_a_rate_beyond_the_target() -> None:
    (cause,) = causes(measurement(times_s=[0.1] * 90, dropped=10), wrong=BAD)
    assert cause.code is FindingCode.RATE_BEYOND_CAPACITY
    assert cause.parameters == FailedRequests(count=10, scheduled=100)
