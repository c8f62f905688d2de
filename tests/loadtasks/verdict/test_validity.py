import pytest

from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.measurement.health import Saturation, SaturationCode, Statistic
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.validity import SaturationParameters
from loadtasks.verdict import validity
from tests.measurements import health, measurement

BUSY = Saturation(code=SaturationCode.LOOP_LAG, observed=0.3, limit=0.1, statistic=Statistic.P99)


def doubts(*measurements: Measurement, failures: dict[str, str] | None = None) -> list[str]:
    found = validity.findings("dashboard.concurrent", measurements, failures or {})
    assert all(each.kind is FindingKind.VALIDITY for each in found)
    return [each.sentence for each in found]


def test_a_sound_measurement_is_not_doubted() -> None:
    assert doubts(measurement()) == []


def test_a_scenario_that_could_not_be_measured_says_why() -> None:
    assert doubts(failures={"dashboard.concurrent": "the target was gone", "other": "x"}) == ["the target was gone"]


def test_a_scenario_that_left_no_trace_was_not_measured() -> None:
    assert doubts() == ["was not measured"]


def test_a_broken_conservation_law_names_its_numbers() -> None:
    (sentence,) = doubts(measurement(times_s=[0.1] * 5, failed=2, dropped=1, in_flight=1, scheduled=10))
    assert "10 scheduled, but 5 completed + 0 throttled + 2 failed + 1 dropped + 1 in flight" in sentence


def test_a_saturated_generator_is_found_once_though_its_parts_share_it() -> None:
    saturated = health(saturation=[BUSY])
    measurements = measurement(health=saturated), measurement(part="a", health=saturated)
    (found,) = validity.findings("dashboard.concurrent", measurements, {})
    assert (found.code, found.part) == (FindingCode.GENERATOR_SATURATED, "")
    assert found.parameters == SaturationParameters(saturation=BUSY)


def test_nothing_scheduled_is_nothing_measured() -> None:
    assert doubts(measurement(times_s=[])) == ["nothing was scheduled, so nothing was measured"]


def test_when_no_request_arrived_nothing_is_claimed() -> None:
    (sentence,) = doubts(measurement(times_s=[], failed=20, error="refused"))
    assert sentence == "none of 20 requests reached the target, e.g. GET /stats: refused"


@pytest.mark.parametrize(("dropped", "scheduled"), [(0, 100), (40, 140)])
def test_when_a_limit_admitted_none_nothing_is_claimed(dropped: int, scheduled: int) -> None:
    assert doubts(measurement(times_s=[], throttled=100, dropped=dropped, statuses={"429": 100})) == [
        f"none of {scheduled} requests was admitted: 100 were throttled (429 with Retry-After), so nothing was "
        "measured; ask for a higher limit or send less"
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
            errors=[ErrorCount(code=code, count=1, sample="") for code in (ErrorCode.REFUSED, ErrorCode.TIMEOUT)],
        ),
    ],
    ids=[
        "one admitted",
        "throttled or refused",
        "throttled or in flight",
        "one answered",
        "wrong answers",
        "one in flight",
        "one timed out",
    ],
)
def test_a_target_that_was_reached_is_judged_by_its_targets(reached: Measurement) -> None:
    assert doubts(reached) == []


def test_a_doubtful_part_is_named() -> None:
    found = validity.findings("m.x", [measurement("m.x"), measurement("m.x", part="a", times_s=[])], {})
    assert [each.part for each in found] == ["a"]
