"""What a pointer does in a chart that a browser draws: it reads tooltips, follows links, zooms into a range of runs.

`pages/static/charts.js` finds what is pointed at, writes the tooltips, as text only, follows links, and changes the
signals `FIRST` and `LAST` to zoom.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from loadtasks.report.charts.theme import Theme

FIRST, LAST = "zoom_first", "zoom_last"
"""Signals: the ends of the range of runs that is shown, as positions on the x axis."""
BRUSH = "brush"
"""The selection of the range that is drawn with the pointer."""
VISIBLE = f"datum.x >= {FIRST} && datum.x <= {LAST}"
"""Keeps what is in the range, so that the y axis fits it."""
_LABEL_WIDTH = 100
"""Pixels that a date takes on the axis."""
_LONG_S = 300 * 86_400
"""From this span on the labels of runs have the year."""


def hover_rows(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What a pointer reads at a position of the x axis, for the `usermeta` of a specification.

    It is data for `charts.js`, which finds the row below the pointer: an element for each run would take a browser
    longer than all the rest of a chart of a thousand runs.

    Args:
        rows: With `x`, where a line shows what is read: the nearest row is. `tip` has the lines of the tooltip
            (`tip_rows`). With `href`, a click near the point at `y`, or at the bottom where that is None, leads there.
    """
    return {"hover": list(rows)}


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
