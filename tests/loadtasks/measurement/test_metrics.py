"""The registry of metrics."""

import pytest

from loadtasks.measurement.availability import Availability
from loadtasks.measurement.metrics import (
    BASELINE_METRICS,
    METRICS,
    PERCENTILES,
    REFERENCE_METRICS,
    Table,
    Unit,
    columns_of,
    metric_label,
    values_of,
)
from loadtasks.measurement.model import metric
from tests.measurements import measurement


def test_every_metric_has_a_value_or_none() -> None:
    measured = measurement(times_s=[0.1] * 90, throttled=5, failed=4, dropped=1)
    values = values_of(measured)
    assert list(values) == list(METRICS)
    assert values == measured.metrics
    assert (values["scheduled"], values["throttled"], values["conservation_gap"]) == (100, 5, 0)
    assert values["success_rate"] == pytest.approx(90 / 95)
    assert values["throughput_per_s"] == 45.0
    assert values["connect_mean_s"] == pytest.approx(0.001)
    nothing = values_of(measurement(times_s=[], connect_mean_s=None))
    assert {name for name, value in nothing.items() if value is None} == {
        "success_rate",
        "mean_s",
        "max_s",
        "connect_mean_s",
        "availability",
        *PERCENTILES,
    }


def test_the_availability_is_the_share_of_the_time() -> None:
    assert metric(measurement(availability=Availability(share=0.63)), "availability") == 0.63
    assert [name for name, known in METRICS.items() if known.may_be_missing] == ["availability"]


def test_percentiles_are_quantiles_of_the_response_time() -> None:
    measured = measurement(times_s=[n / 1000 for n in range(1, 1001)])
    for name, quantile in PERCENTILES.items():
        assert metric(measured, name) == measured.response.quantile_s(quantile)
    assert PERCENTILES["p99_9_s"] == 0.999


def test_names_end_with_their_unit() -> None:
    endings = {Unit.SECONDS: "_s", Unit.PER_SECOND: "_per_s", Unit.SHARE: ("_rate", "availability")}
    for name, known in METRICS.items():
        assert name == known.name
        assert name.endswith(endings.get(known.unit, ""))
        assert name.endswith("_per_s") is (known.unit is Unit.PER_SECOND)


def test_the_weights_share_out_all_false_alarms_of_a_scenario() -> None:
    assert list(BASELINE_METRICS) == ["p50_s", "p95_s", "throughput_per_s", "success_rate", "connect_mean_s"]
    assert sum(rule.weight for rule in BASELINE_METRICS.values()) == pytest.approx(1.0)
    assert all(rule.relative_to in (None, *BASELINE_METRICS) for rule in BASELINE_METRICS.values())


def test_what_decides_against_a_reference() -> None:
    assert [name for name, rule in REFERENCE_METRICS.items() if rule.decides] == ["p50_s", "p95_s", "success_rate"]
    assert REFERENCE_METRICS["p95_s"].min_requests == 20


def test_columns_say_how_requests_ended_before_how_long_they_took() -> None:
    heads = ["requests", "success", "mean", "p50", "p95", "p99", "throughput"]
    assert [known.column for known in columns_of(Table.RUN)] == heads
    assert [known.column for known in columns_of(Table.HISTORY)] == heads[1:]
    assert [known.name for known in columns_of(Table.DETAILS)] == ["availability", "p90_s", "p99_9_s", "max_s"]


def test_an_unknown_metric_is_refused_or_shown_as_it_is_called() -> None:
    with pytest.raises(KeyError):
        metric(measurement(), "p12_s")
    assert (metric_label("p12_s"), metric_label("success_rate")) == ("p12_s", "success rate")
