import pytest

from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.measurement.health import Saturation, SaturationCode, Statistic
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import Throttled
from loadtasks.results.findings.validity import (
    AccessRefused,
    FailureCode,
    FailureDetail,
    MeasurementFailure,
    NotReached,
    RequestCounts,
    SaturationParameters,
)
from loadtasks.verdict import validity
from tests.measurements import failure, health, measurement

BUSY = Saturation(code=SaturationCode.LOOP_LAG, observed=0.3, limit=0.1, statistic=Statistic.P99)


def findings(*measurements: Measurement, failures: dict[str, MeasurementFailure] | None = None) -> list[Finding]:
    found = validity.findings("dashboard.concurrent", measurements, failures or {})
    assert all(finding.kind is FindingKind.VALIDITY for finding in found)
    return found


def test_a_sound_measurement_is_trusted() -> None:
    assert findings(measurement()) == []


@pytest.mark.parametrize(
    "code",
    [
        FindingCode.MEASUREMENT_FAILED,
        FindingCode.TARGET_NOT_RESPONDING,
        FindingCode.TARGET_STOPPED_RESPONDING,
        FindingCode.INTERRUPTED,
        FindingCode.ENGINE_FAILED,
    ],
)
def test_a_scenario_that_could_not_be_measured_keeps_the_code_and_the_detail_of_its_failure(code: FailureCode) -> None:
    failures = {"dashboard.concurrent": MeasurementFailure(code=code, detail="gone"), "other": failure("x")}
    assert findings(failures=failures) == [Finding(code=code, parameters=FailureDetail(detail="gone"))]


def test_a_scenario_that_was_refused_keeps_what_was_sent_to_be_admitted() -> None:
    access = AccessRefused(method="GET", path="/x", status=401, scheme="Basic")
    failures = {"dashboard.concurrent": MeasurementFailure(code=FindingCode.ACCESS_REFUSED, access=access)}
    assert findings(failures=failures) == [Finding(code=FindingCode.ACCESS_REFUSED, parameters=access)]
    assert not validity.may_pass(findings(failures=failures)), "asked again at once, it would be refused again"


def test_a_scenario_that_left_no_trace_was_not_measured() -> None:
    assert findings() == [Finding(code=FindingCode.NOT_MEASURED)]


def test_a_violated_conservation_law_names_its_numbers() -> None:
    (finding,) = findings(measurement(times_s=[0.1] * 5, failed=2, dropped=1, in_flight=1, scheduled=10))
    assert finding.code is FindingCode.CONSERVATION_VIOLATED
    assert finding.parameters == RequestCounts(scheduled=10, completed=5, throttled=0, failed=2, dropped=1, in_flight=1)


def test_a_saturated_generator_is_one_finding_though_the_parts_share_it() -> None:
    saturated = health(saturation=[BUSY])
    assert findings(measurement(health=saturated), measurement(part="a", health=saturated)) == [
        Finding(code=FindingCode.GENERATOR_SATURATED, parameters=SaturationParameters(saturation=BUSY))
    ]


def test_nothing_scheduled_is_nothing_measured() -> None:
    assert findings(measurement(times_s=[])) == [Finding(code=FindingCode.NOTHING_SCHEDULED)]


def test_when_no_request_arrived_the_measurement_is_invalid() -> None:
    assert findings(measurement(times_s=[], failed=20, error="refused")) == [
        Finding(code=FindingCode.TARGET_NOT_REACHED, parameters=NotReached(scheduled=20, sample="GET /stats: refused"))
    ]


@pytest.mark.parametrize(("dropped", "scheduled"), [(0, 100), (40, 140)])
def test_when_a_limit_admitted_none_the_measurement_is_invalid(dropped: int, scheduled: int) -> None:
    assert findings(measurement(times_s=[], throttled=100, dropped=dropped, statuses={"429": 100})) == [
        Finding(
            code=FindingCode.EVERYTHING_THROTTLED,
            parameters=Throttled(scheduled=scheduled, throttled=100, statuses=(429,)),
        )
    ]


@pytest.mark.parametrize(
    "reached",
    [
        measurement(times_s=[0.1], throttled=99),
        measurement(times_s=[], throttled=10, failed=10, error="refused"),
        measurement(times_s=[], throttled=10, in_flight=1),
        measurement(times_s=[0.1], failed=20, error="refused"),
        measurement(times_s=[], failed=20, error="status"),
        measurement(times_s=[], failed=20, in_flight=1, error="refused"),
        measurement(
            times_s=[],
            failed=2,
            errors=[
                ErrorCount(code=ErrorCode.REFUSED, count=1, sample=""),
                ErrorCount(code=ErrorCode.TIMEOUT, count=1, sample=""),
            ],
        ),
    ],
    ids=[
        "one admitted",
        "throttled or refused",
        "throttled or in flight",
        "one completed",
        "wrong responses",
        "one in flight",
        "one timed out",
    ],
)
def test_a_target_that_was_reached_is_judged_by_its_targets(reached: Measurement) -> None:
    assert findings(reached) == []


def test_a_part_that_cannot_be_trusted_is_named() -> None:
    found = validity.findings("m.x", [measurement("m.x"), measurement("m.x", part="a", times_s=[])], {})
    assert [finding.part for finding in found] == ["a"]
