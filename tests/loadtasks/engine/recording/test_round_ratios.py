"""What is kept of each round of a paired run."""

import math

import pytest

from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.measurement.health import Saturation, SaturationCode
from loadtasks.measurement.model import Measurement
from tests.measurements import health, measurement


@pytest.mark.parametrize(
    ("candidate", "reference", "ratio"),
    [
        (measurement(times_s=[0.2] * 10), measurement(times_s=[0.1] * 10), math.log(2)),
        (measurement(times_s=[]), measurement(times_s=[0.1] * 10), None),
    ],
)
def test_log_ratio_of_a_round(candidate: Measurement, reference: Measurement, ratio: float | None) -> None:
    ratios = RoundRatios()
    ratios.add(candidate, reference, candidate_first=True)
    (kept,) = ratios.log_ratios["p50_s"]
    assert kept == (None if ratio is None else pytest.approx(ratio, abs=2e-3))
    assert len(ratios.usable("p50_s")) == (ratio is not None)


def test_a_round_in_which_nothing_succeeds_has_a_ratio_all_the_same() -> None:
    ratios = RoundRatios()
    ratios.add(measurement(times_s=[], failed=10), measurement(times_s=[0.1] * 10), candidate_first=True)
    assert ratios.log_ratios["success_rate"] == [pytest.approx(math.log(0.05))]


def test_a_round_in_which_the_generator_was_saturated_is_not_judged() -> None:
    ratios = RoundRatios()
    for saturation in ([], [Saturation(code=SaturationCode.CPU, observed=0.95, limit=0.9)]):
        ratios.add(measurement(), measurement(health=health(saturation=saturation)), candidate_first=True)
    assert ratios.saturated == [False, True]
    assert len(ratios.usable("p50_s")) == 1


def test_what_phases_took_is_kept_round_by_round() -> None:
    ratios = RoundRatios()
    ratios.add(measurement(), measurement(), candidate_first=True)
    ratios.add(measurement(server={"db": 0.03}), measurement(server={"db": 0.02}), candidate_first=False)
    assert ratios.phases_s["server:db"] == [(0.0, 0.0), (0.03, 0.02)]
    assert {len(phases_) for phases_ in ratios.phases_s.values()} == {2}
