"""What a pointer does in a chart that a browser draws: it reads tooltips, follows links, zooms into a range of runs.

`pages/static/charts.js` writes the tooltips, as text only, and changes the signals `FIRST` and `LAST` to zoom.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from loadtasks.report.charts.theme import Theme

FIRST, LAST = "zoom_first", "zoom_last"
"""Signals: the ends of the range of runs that is shown, as positions on the x axis."""
BRUSH = "brush"
"""The selection of the range that is drawn with the pointer."""
HOVER = "hover"
"""The selection of what is pointed at."""
VISIBLE = f"datum.x >= {FIRST} && datum.x <= {LAST}"
"""Keeps what is in the range, so that the y axis fits it."""
_LABEL_WIDTH = 100
"""Pixels that a date takes on the axis."""
_LONG_S = 300 * 86_400
"""From this span on the labels of runs have the year."""


def hover_layers(theme: Theme, rows: Sequence[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """Upright strips that show a line and a tooltip while they are pointed at.

    Args:
        theme: The colours.
        rows: With `x`, where the line is, `from` and `to`, the ends of the strip, and `tip`: lines of the tooltip
            (`tip_rows`). None where the data of the whole chart has these, one row a run.
    """
    data: dict[str, Any] = {"transform": [{"filter": VISIBLE}]} if rows is None else {"data": {"values": list(rows)}}
    return [
        {
            **data,
            "mark": {"type": "rule", "color": theme.soft, "strokeWidth": 1},
            "encoding": {
                "y": {"value": 0},
                "y2": {"value": "height"},
                "opacity": {"condition": {"param": HOVER, "empty": False, "value": 0.8}, "value": 0},
            },
        },
        {
            **data,
            "params": [
                {
                    "name": HOVER,
                    "select": {"type": "point", "fields": ["x"], "on": "pointerover", "clear": "pointerout"},
                }
            ],
            "mark": {"type": "rect", "opacity": 0, "clip": True},
            "encoding": {
                "x": {"field": "from"},
                "x2": {"field": "to"},
                "y": {"value": 0},
                "y2": {"value": "height"},
                "tooltip": {"field": "tip"},
            },
        },
    ]


def tip_rows(*rows: tuple[str, str | datetime]) -> dict[str, Any]:
    """The lines of a tooltip; a time is written in the reader's time zone, and in UTC. Empty ones are left out."""
    return {
        "rows": [
            [name, {"time": round(value.timestamp() * 1e3)} if isinstance(value, datetime) else value]
            for name, value in rows
            if value
        ]
    }


def run_axis(started_at: Sequence[datetime], *, utc: bool = False) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The parameters and the x encoding of a chart over runs.

    Runs stand in their order, at equal distances, with dates as labels. Changes are found by the order of runs too; and
    on an axis of time, ten runs of one afternoon would fall on one pixel, while a week without runs takes the room.

    Args:
        started_at: When the runs started, in their order.
        utc: Whether dates are those of UTC; otherwise of the browser's time zone.
    """
    times = [round(started.timestamp() * 1e3) for started in started_at]
    is_long = bool(times) and times[-1] - times[0] > _LONG_S * 1e3
    day = "%-d %b %Y" if is_long else "%-d %b"
    formatted = "utcFormat" if utc else "timeFormat"
    same_day = f"{formatted}(times[datum.value], '%x') === {formatted}(times[datum.value - 1], '%x')"
    every_run = f"{LAST} - {FIRST} <= width / {_LABEL_WIDTH}"
    label = f"{formatted}(times[datum.value], {every_run} && {same_day} ? '{day}, %H:%M' : '{day}')"
    parameters: list[dict[str, Any]] = [
        {"name": FIRST, "value": -0.5},
        {"name": LAST, "value": len(times) - 0.5},
        {"name": "times", "value": times},
    ]
    encoding = {
        "field": "x",
        "type": "quantitative",
        "scale": {"domain": [{"expr": FIRST}, {"expr": LAST}], "nice": False, "zero": False},
        "axis": {
            "grid": False,
            "tickMinStep": 1,
            "tickCount": {"expr": f"max(2, floor(width / {_LABEL_WIDTH}))"},
            "labelExpr": f"isValid(times[datum.value]) ? {label} : ''",
            "labelOverlap": "greedy",
            "labelSeparation": 10,
            "labelFlush": False,
        },
    }
    return parameters, encoding


def brush_layer(theme: Theme) -> dict[str, Any]:
    """An empty layer on which a range of runs can be drawn."""
    return {
        "data": {"values": [{"x": 0}]},
        "params": [
            {
                "name": BRUSH,
                "select": {
                    "type": "interval",
                    "encodings": ["x"],
                    "mark": {"fill": theme.soft, "fillOpacity": 0.25, "strokeOpacity": 0},
                },
            }
        ],
        "mark": {"type": "point", "opacity": 0},
        "encoding": {"x": {"field": "x"}, "y": {"value": 0}},
    }
