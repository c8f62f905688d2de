"""Targets: which are too far off to be drawn."""

from loadtasks.report.charts.targets import TargetLine, is_far, target_layer
from loadtasks.report.charts.theme import PAGE


def test_a_target_is_far_when_it_would_flatten_the_values() -> None:
    assert not is_far(TargetLine(0.4), highest=0.1)
    assert is_far(TargetLine(0.41), highest=0.1)


def test_on_an_axis_that_begins_elsewhere_the_range_of_values_counts() -> None:
    assert not is_far(TargetLine(0.95), highest=1.0, lowest=0.98)
    assert is_far(TargetLine(0.5), highest=1.0, lowest=0.98)
    assert not is_far(TargetLine(0.3), highest=0.26, lowest=0.18)
    assert is_far(TargetLine(2.0), highest=0.26, lowest=0.18)


def test_a_line_says_its_name_and_value() -> None:
    _, text = target_layer([TargetLine(0.95, "target\nsuccess")], "success_rate", PAGE)
    assert text["data"]["values"] == [{"y": 0.95, "text": "target success 95.0 %"}]
