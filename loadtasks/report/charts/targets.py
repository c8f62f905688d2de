"""Targets in charts: absolute limits as horizontal lines, unless one is so far off that it would flatten the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loadtasks import units
from loadtasks.plain_text import plain
from loadtasks.report.charts.theme import Theme

_FAR = 4.0
"""A target further above the largest value than this factor is stated in words: drawn, it would flatten the lines."""
_MAX_LABEL = 60


@dataclass(frozen=True)
class TargetLine:
    """An absolute limit of a metric, in its unit."""

    value: float
    label: str = "target"
    """As `target p95`; the value is added."""


def is_far(target: TargetLine, highest: float, lowest: float | None = None) -> bool:
    """Whether a target is too far from the values to be drawn with them.

    Args:
        target: The target.
        highest: The largest value that is drawn.
        lowest: The smallest one, where the axis doesn't begin at 0: the target may be as far below it as `_FAR` times
            the range of values.
    """
    if lowest is None:
        return target.value > _FAR * highest
    around = _FAR * max(highest - lowest, abs(highest) * 0.05)
    return not lowest - around <= target.value <= highest + around


def target_layer(targets: Sequence[TargetLine], metric: str, theme: Theme) -> list[dict[str, Any]]:
    """The layers of targets: a dashed line each, with its name and value at the right.

    Args:
        targets: Those that are drawn.
        metric: One of `METRICS`, for the unit.
        theme: The colours.
    """
    if not targets:
        return []
    rows = [
        {"y": target.value, "text": f"{plain(target.label)[:_MAX_LABEL]} {units.value(metric, target.value)}"}
        for target in targets
    ]
    return [
        {
            "data": {"values": rows},
            "mark": {"type": "rule", "color": theme.limit, "strokeWidth": 1.5, "strokeDash": [9, 4.5]},
            "encoding": {"x": {"value": 0}, "x2": {"value": "width"}},
        },
        {
            "data": {"values": rows},
            "mark": {"type": "text", "align": "right", "baseline": "top", "dx": -14, "dy": 5, "color": theme.limit},
            "encoding": {"x": {"value": "width"}, "text": {"field": "text"}},
        },
    ]
