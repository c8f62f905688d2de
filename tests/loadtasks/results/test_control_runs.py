import pytest

from loadtasks.measurement.control import NULL_CONNECT, NULL_SERVER, ControlSample, RunControls
from loadtasks.results.control_runs import ControlRun
from tests.measurements import STARTED_AT


def control_run(*samples: tuple[float, bool]) -> ControlRun:
    made = [
        ControlSample(host="a-host", at=STARTED_AT, round_trip_s=round_trip_s, on_one_cpu=on_one_cpu, connect_s=1e-4)
        for round_trip_s, on_one_cpu in samples
    ]
    return ControlRun("a-run", 1, "a-host", RunControls(samples=made))


def test_its_value_is_the_median_of_its_samples() -> None:
    assert control_run((3e-5, True), (9e-5, True), (4e-5, True)).value(NULL_SERVER) == pytest.approx(4e-5)


def test_a_sample_that_was_left_to_the_system_is_no_control() -> None:
    assert control_run((8e-5, False), (3e-5, True)).value(NULL_SERVER) == pytest.approx(3e-5)
    assert control_run((3e-5, True)).value(NULL_CONNECT) == pytest.approx(1e-4)
    assert control_run((8e-5, False)).value(NULL_CONNECT) is None
