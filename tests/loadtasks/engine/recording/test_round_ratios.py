"""What is kept of each round of a paired run."""

import math

import pytest

from loadtasks.engine.recording.round_ratios import RoundRatios
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
    pairs = RoundRatios()
    pairs.add(candidate, reference, candidate_first=True)
    (kept,) = pairs.log_ratios["p50_s"]
    assert kept == (None if ratio is None else pytest.approx(ratio, abs=2e-3))
    assert len(pairs.fit("p50_s")) == (ratio is not None)


def test_a_round_in_which_nothing_succeeds_has_a_ratio_all_the_same() -> None:
    pairs = RoundRatios()
    pairs.add(measurement(times_s=[], failed=10), measurement(times_s=[0.1] * 10), candidate_first=True)
    assert pairs.log_ratios["success_rate"] == [pytest.approx(math.log(0.05))]


def test_a_round_in_which_the_generator_was_unfit_is_not_judged() -> None:
    pairs = RoundRatios()
    for unfit in ([], ["lagged"]):
        pairs.add(measurement(), measurement(health=health(unfit=unfit)), candidate_first=True)
    assert pairs.unfit == [False, True]
    assert len(pairs.fit("p50_s")) == 1


def test_what_phases_took_is_kept_round_by_round() -> None:
    pairs = RoundRatios()
    pairs.add(measurement(), measurement(), candidate_first=True)
    pairs.add(measurement(server={"db": 0.03}), measurement(server={"db": 0.02}), candidate_first=False)
    assert pairs.phases_s["server:db"] == [(0.0, 0.0), (0.03, 0.02)]
    assert {len(phases_) for phases_ in pairs.phases_s.values()} == {2}
