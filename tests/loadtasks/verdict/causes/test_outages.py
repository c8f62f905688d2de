"""The causes of a low availability."""

import pytest

from loadtasks.measurement.availability import Availability
from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.availability import Outage
from loadtasks.results.findings.codes import FindingCode
from tests.loadtasks.verdict.causes.cases import causes, codes, likely, parameters
from tests.measurements import measurement

SAMPLE = "GET /things: connection refused"


def interrupted(outage_s: float = 3.0, refused_s: float = 3.0, good: int = 9990) -> Measurement:
    """A closed load during an outage: one request in a thousand failed."""
    availability = Availability(
        share=1 - outage_s / 8,
        longest_outage_s=outage_s,
        longest_outage_from_s=2.0,
        longest_gap_s=outage_s,
        longest_refused_s=refused_s,
    )
    errors = [ErrorCount(code=ErrorCode.REFUSED, count=10, sample=SAMPLE)]
    return measurement(times_s=[0.001] * good, failed=10, errors=errors, availability=availability)


@pytest.mark.parametrize("wrong", ["availability", "success_rate"])
def test_a_target_that_took_no_connection_was_down(wrong: str) -> None:
    (cause,) = causes(interrupted(), wrong=(wrong,))
    assert (cause.code, likely(cause)) == (FindingCode.TARGET_DOWN, True)
    assert parameters(cause, Outage) == Outage(share=0.625, longest_s=3.0, from_s=2.0, refused_s=3.0, sample=SAMPLE)


@pytest.mark.parametrize("refused_s", [0.0, 1.4])
def test_one_that_took_connections_did_not_serve(refused_s: float) -> None:
    (cause,) = causes(interrupted(refused_s=refused_s), wrong=("availability",))
    assert (cause.code, likely(cause)) == (FindingCode.TARGET_NOT_SERVING, False)


def test_a_short_one_one_that_explains_nothing_and_one_from_start_to_end_are_no_cause() -> None:
    outages = {FindingCode.TARGET_DOWN, FindingCode.TARGET_NOT_SERVING}
    assert outages.isdisjoint(codes(causes(interrupted(outage_s=0.05), wrong=("availability",))))
    assert outages.isdisjoint(codes(causes(interrupted(), wrong=("p95_s",))))
    assert outages.isdisjoint(codes(causes(interrupted(good=0), wrong=("success_rate",))))
    assert outages.isdisjoint(codes(causes(measurement(failed=50), wrong=("success_rate",))))
