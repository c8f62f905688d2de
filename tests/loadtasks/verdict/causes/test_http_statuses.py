import pytest

from loadtasks.measurement.errors import ErrorCode
from loadtasks.results.findings.causes.failures import FailedRequests, WrongStatus
from loadtasks.results.findings.codes import FindingCode
from tests.loadtasks.verdict.causes.cases import causes, failed, likely

BAD = ("success_rate",)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (302, FindingCode.REDIRECTED),
        (400, FindingCode.REQUEST_REJECTED),
        (401, FindingCode.TOKEN_REJECTED),
        (403, FindingCode.PERMISSION_MISSING),
        (404, FindingCode.PATH_NOT_FOUND),
        (500, FindingCode.SERVER_ERROR),
        (502, FindingCode.GATEWAY_ERROR),
        (503, FindingCode.TARGET_UNAVAILABLE),
        (504, FindingCode.GATEWAY_ERROR),
        (599, FindingCode.SERVER_ERROR),
    ],
)
def test_an_unexpected_status_has_a_cause(status: int, code: FindingCode) -> None:
    (cause,) = causes(failed({ErrorCode.STATUS: 50}, {"200": 50, str(status): 50}), wrong=BAD)
    assert cause.code is code
    assert cause.parameters == WrongStatus(count=50, scheduled=100, sample="GET /stats: status", status=status)
    assert likely(cause) is (status != 503)


def test_several_statuses_are_a_cause_each_with_its_number_and_without_a_sample_that_may_be_anothers() -> None:
    internal, forbidden = causes(failed({ErrorCode.STATUS: 50}, {"200": 50, "403": 20, "500": 30}), wrong=BAD)
    assert internal.code is FindingCode.SERVER_ERROR
    assert internal.parameters == WrongStatus(count=30, scheduled=100, status=500)
    assert forbidden.code is FindingCode.PERMISSION_MISSING
    assert forbidden.parameters == WrongStatus(count=20, scheduled=100, status=403)


def test_where_some_statuses_were_expected_the_others_are_not_named() -> None:
    (cause,) = causes(failed({ErrorCode.STATUS: 10}, {"404": 50, "500": 10}), wrong=BAD)
    assert cause.code is FindingCode.UNEXPECTED_STATUSES
    assert cause.parameters == FailedRequests(count=10, scheduled=60, sample="GET /stats: status")
    assert not likely(cause)
