"""Axes of times: where they are logarithmic, and their ticks."""

import pytest

from loadtasks.report.charts.axes import label_expression, time_axis


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.01, 0.02, (0, 0.005, 0.01, 0.015, 0.02)),
        (0.002, 0.002, (0, 0.0005, 0.001, 0.0015, 0.002)),
        (0.0005, 3.0, (0.001, 0.01, 0.1, 1.0)),
        (0.003, 0.05, (0.005, 0.01, 0.02, 0.05)),
    ],
)
def test_ticks_are_round_and_within_the_axis(low: float, high: float, ticks: tuple[float, ...]) -> None:
    axis = time_axis(low, high)
    assert axis.ticks == pytest.approx(ticks)
    assert all(0 <= axis.share(tick) <= 1 for tick in axis.ticks)


def test_an_axis_begins_at_0_unless_the_range_is_large() -> None:
    assert time_axis(0.01, 0.07).low == 0
    assert not time_axis(0.01, 0.07).logarithmic
    assert time_axis(0.01, 0.09).logarithmic


def test_labels_are_in_the_unit_of_the_metric() -> None:
    assert "' ms'" in label_expression("p95_s")
    assert "'/s'" in label_expression("throughput_per_s")
    assert "' %'" in label_expression("success_rate")
