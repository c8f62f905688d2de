"""What a pointer does in a chart that a browser draws: it reads a tooltip. `pages/charts.js` writes it, as text only."""

from collections.abc import Sequence
from typing import Any

from loadtasks.report.charts.theme import Theme

HOVER = "hover"
"""The name of the selection of what is pointed at."""


def hover_layers(rows: Sequence[dict[str, Any]], theme: Theme) -> list[dict[str, Any]]:
    """Upright strips that show a line and a tooltip while they are pointed at.

    Args:
        rows: Each with `x`, where the line is, `from` and `to`, the ends of its strip, and `tip`: lines of the tooltip,
            a name and a text each, which may be empty.
        theme: The colours.
    """
    values = [{**row, "tip": {"rows": row["tip"]}} for row in rows]
    return [
        {
            "data": {"values": values},
            "mark": {"type": "rule", "color": theme.soft, "strokeWidth": 1},
            "encoding": {
                "y": {"value": 0},
                "y2": {"value": "height"},
                "opacity": {"condition": {"param": HOVER, "empty": False, "value": 0.8}, "value": 0},
            },
        },
        {
            "data": {"values": values},
            "params": [
                {"name": HOVER, "select": {"type": "point", "fields": ["x"], "on": "pointerover", "clear": "pointerout"}}
            ],
            "mark": {"type": "rect", "opacity": 0, "tooltip": True},
            "encoding": {
                "x": {"field": "from"},
                "x2": {"field": "to"},
                "y": {"value": 0},
                "y2": {"value": "height"},
                "tooltip": {"field": "tip"},
            },
        },
    ]
