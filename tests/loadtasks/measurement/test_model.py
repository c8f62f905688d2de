"""What a measurement says of itself."""

import json

from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.measurement.metrics import METRICS
from loadtasks.measurement.model import Measurement, Phase, by_scenario, label_of
from tests.measurements import measurement


def test_it_reads_back_as_it_was_written_and_names_every_metric() -> None:
    errors = [ErrorCount(code=ErrorCode.STATUS, count=2, sample="POST /x: status 500", publishing=True)]
    measured = measurement(failed=2, errors=errors)
    written = measured.model_dump_json()
    assert Measurement.model_validate_json(written) == measured
    assert list(json.loads(written)["metrics"]) == list(METRICS)


def test_every_request_is_accounted_for() -> None:
    assert measurement(times_s=[0.1] * 5, failed=2, dropped=1, in_flight=1, throttled=1).conservation_gap == 0
    assert measurement(times_s=[0.1] * 5, scheduled=7).conservation_gap == 2


def test_throughput_is_what_was_completed_within_the_duration_where_there_is_one() -> None:
    times_s = [0.1] * 50
    assert measurement(times_s=times_s, elapsed_s=4.0).throughput_per_s == 12.5
    assert measurement(times_s=times_s, elapsed_s=4.0, duration_s=2.0, stragglers=10).throughput_per_s == 20.0
    assert measurement(times_s=[], failed=5, elapsed_s=4.0, duration_s=2.0).throughput_per_s == 0.0
    assert measurement(times_s=[], elapsed_s=0.0).throughput_per_s is None


def test_throttled_requests_are_no_failures() -> None:
    assert measurement(times_s=[0.1] * 5, throttled=5).success_rate == 1.0
    assert measurement(times_s=[], throttled=5).success_rate is None


def test_the_hit_ratio_of_a_phase_is_known_where_the_target_reports_hits_or_misses() -> None:
    phase = Phase(count=4, total_s=1.0, max_s=0.5, outcomes={"hit": 3, "miss": 1})
    assert (phase.hit_ratio, phase.mean_s) == (0.75, 0.25)
    assert Phase(count=0, total_s=0.0, max_s=0.0, outcomes={"other": 3}).hit_ratio is None


def test_a_part_is_labelled_with_its_scenario() -> None:
    assert (label_of("mixed.x", "list"), label_of("mixed.x", "")) == ("mixed.x (list)", "mixed.x")
    whole, part, other = measurement("m.x"), measurement("m.x", part="a"), measurement("b.x")
    assert by_scenario([whole, other, part]) == {"m.x": [whole, part], "b.x": [other]}
