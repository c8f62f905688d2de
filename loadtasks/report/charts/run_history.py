"""The chart of a metric over runs: its line, and everything that a reader needs to judge it by, marked at its run."""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from loadtasks import units
from loadtasks.measurement.metrics import METRICS, Unit
from loadtasks.plain_text import plain
from loadtasks.report.charts.axes import MIN_RANGE, label_expression
from loadtasks.report.charts.history import ChangeMark, HistoryChart, HistoryPoint
from loadtasks.report.charts.interaction import FIRST, LAST, VISIBLE, brush_layer, hover_rows, run_axis, tip_rows
from loadtasks.report.charts.states import ChartState
from loadtasks.report.charts.targets import target_layer
from loadtasks.report.charts.theme import PAGE, Specification, Theme, base

HEIGHT = 280
"""Of the plot, in CSS pixels; it is as wide as its place."""
_TOP, _BOTTOM, _LEFT, _RIGHT = 12, 28, 62, 14
"""Margins of a picture."""
MAX_VERSION = 24
"""Characters of a version that are shown."""
_LARGE_RANGE = 20.0
"""From this ratio of the largest to the smallest time on, the y axis is logarithmic."""
_STRAYING = 0.5
"""How far beyond the values, in ranges of values, intervals and repetitions are drawn."""
_SHOWN = f"({LAST} - {FIRST})"
_OVERLAPPING = f"datum.to >= {FIRST} && datum.from <= {LAST}"
_ROOM = f"(min(datum.next, {LAST}) - datum.x) / {_SHOWN} * width - 8"
"""Pixels from the rule of a version to the next one."""
_MIN_ROOM = 30
_LEFT_OF_MIDDLE = f"(datum.x - {FIRST}) / {_SHOWN} < 0.6"
_MARK_SIZE = f"{_SHOWN} > 400 ? 24 : {_SHOWN} > 120 ? 70 : 110"
_QUIET = {
    ChartState.PASS: f"{_SHOWN} > 400 ? 3 : {_SHOWN} > 120 ? 4.3 : 6",
    ChartState.NO_BASELINE: f"{_SHOWN} > 400 ? 2.5 : {_SHOWN} > 120 ? 3.2 : 4.2",
}
"""States that are small dots, and their diameter."""


def specification(chart: HistoryChart, theme: Theme = PAGE) -> Specification:
    """The chart of at least one point, for a browser."""
    parameters, x = run_axis([point.started_at for point in chart.points])
    return base(
        theme,
        description=chart.description,
        width="container",
        height=HEIGHT,
        autosize={"type": "fit-x", "contains": "padding"},
        padding={"left": 4, "right": 12, "top": 22, "bottom": 4},
        params=parameters,
        data={"values": _rows(chart)},
        usermeta=hover_rows(_hovered(chart)),
        encoding={"x": x, "y": _value_encoding(chart)},
        layer=[brush_layer(theme), *_layers_behind(chart, theme), *_mark_layers(chart, theme)],
    )


def still_specification(chart: HistoryChart, theme: Theme, width: int, height: int) -> Specification:
    """The chart of at least one point as a picture, of a fixed size in CSS pixels; dates are those of UTC."""
    parameters, x = run_axis([point.started_at for point in chart.points], utc=True)
    return base(
        theme,
        width=width - _LEFT - _RIGHT,
        height=height - _TOP - _BOTTOM,
        autosize={"type": "none"},
        padding={"left": _LEFT, "right": _RIGHT, "top": _TOP, "bottom": _BOTTOM},
        params=parameters,
        data={"values": _rows(chart)},
        encoding={"x": x, "y": _value_encoding(chart)},
        layer=[*_layers_behind(chart, theme), *_mark_layers(chart, theme)],
    )


def _value_encoding(chart: HistoryChart) -> dict[str, Any]:
    """The y axis, in the unit of the metric; it fits the runs that are shown."""
    return {
        "field": "y",
        "type": "quantitative",
        "scale": {"type": "log"} if _is_logarithmic(chart) else {"zero": False, "nice": True},
        "axis": {
            "labelExpr": label_expression(chart.metric),
            "tickCount": {"expr": "max(2, floor(height / 45))"},
            "labelOverlap": "greedy",
        },
    }


def _layers_behind(chart: HistoryChart, theme: Theme) -> Iterator[dict[str, Any]]:
    """All that the points stand on."""
    index = {point.run_id: number for number, point in enumerate(chart.points)}
    yield _extent_layer(chart)
    yield from _band_layers(chart, index, theme)
    yield from _change_layers(chart.changes, index, theme)
    if chart.versions:
        yield from _version_layers(chart.points, theme)
    far = chart.far_targets
    yield from target_layer([target for target in chart.targets if target not in far], chart.metric, theme)
    yield from _value_layers(chart, theme)


def _rows(chart: HistoryChart) -> list[dict[str, Any]]:
    """A row for each point, for the line and the marks."""
    return [
        {"x": number, "y": point.value, "state": point.state.name}
        | ({"environment": True} if point.environment_changed else {})
        for number, point in enumerate(chart.points)
    ]


def _hovered(chart: HistoryChart) -> Iterator[dict[str, Any]]:
    """What a pointer reads of each run, and where a click on its point leads."""
    for number, point in enumerate(chart.points):
        yield {"x": number, "y": point.value, "href": point.href, "tip": _tip(point, chart.metric)}


def _tip(point: HistoryPoint, metric: str) -> dict[str, Any]:
    value = units.value(metric, point.value)
    if point.low is not None and point.high is not None:
        value += f" (95 % CI {units.value(metric, point.low)} to {units.value(metric, point.high)})"
    state = f"{point.state.symbol} {point.state.word}"
    repetitions = ", ".join(units.value(metric, repetition) for repetition in point.repetitions)
    changed = f"{ChartState.ENVIRONMENT_CHANGED.symbol} changed" if point.environment_changed else ""
    return tip_rows(
        (METRICS[metric].label, value),
        *((plain(name), plain(text)) for name, text in point.details),
        ("verdict", state),
        ("environment", changed),
        ("repetitions", repetitions),
        ("date", point.started_at),
        ("version", plain(point.version)),
        ("run", plain(point.run_id)),
    )


def _is_logarithmic(chart: HistoryChart) -> bool:
    lowest, highest = chart.extent
    return METRICS[chart.metric].unit is Unit.SECONDS and lowest > 0 and highest / lowest > _LARGE_RANGE


def _extent_layer(chart: HistoryChart) -> dict[str, Any]:
    """Nothing visible: it keeps the y axis from being stretched until noise fills it."""
    values = sorted(chart.values) or [0.0]
    median = values[len(values) // 2]
    around = abs(median) * MIN_RANGE or 1.0
    highest = median + around
    if METRICS[chart.metric].unit is Unit.SHARE:
        highest = min(1.0, highest)
    return {
        "data": {"values": [{"low": median - around, "high": max(highest, median)}]},
        "mark": {"type": "rule", "opacity": 0},
        "encoding": {"x": {"value": 0}, "y": {"field": "low"}, "y2": {"field": "high"}},
    }


def _band_layers(chart: HistoryChart, index: dict[str, int], theme: Theme) -> Iterator[dict[str, Any]]:
    last = len(chart.points) - 1
    rows = [
        {
            "from": index.get(band.first_run, 0) - 0.5,
            "to": index.get(band.last_run, last) + 0.5,
            "low": band.low,
            "high": band.high,
            "level": band.level,
        }
        for band in chart.baselines
        if band.first_run in index or band.last_run in index
    ]
    if not rows:
        return
    data = {"data": {"values": rows}, "transform": [{"filter": _OVERLAPPING}]}
    yield {
        **data,
        "mark": {"type": "rect", "color": theme.baseline, "opacity": 0.18, "clip": True},
        "encoding": {"x": {"field": "from"}, "x2": {"field": "to"}, "y": {"field": "low"}, "y2": {"field": "high"}},
    }
    yield {
        **data,
        "mark": {"type": "rule", "color": theme.baseline, "strokeWidth": 1, "strokeDash": [5, 4], "clip": True},
        "encoding": {"x": {"field": "from"}, "x2": {"field": "to"}, "y": {"field": "level"}},
    }


def _change_layers(changes: Sequence[ChangeMark], index: dict[str, int], theme: Theme) -> Iterator[dict[str, Any]]:
    """The interval of runs in which a change lies, a rule at its run, and ▲ at the bottom or ▼ at the top."""
    for worse in (True, False):
        state = ChartState.REGRESSED if worse else ChartState.IMPROVED
        colour = theme.of_state(state)
        rows = [
            {
                "x": index[change.run_id] - 0.5,
                "from": index.get(change.earliest_run, index[change.run_id]) - 0.5,
                "to": index.get(change.latest_run, index[change.run_id]) + 0.5,
                "text": plain(change.label)[:60],
                "href": change.href,
                "tip": tip_rows(
                    (f"{state.symbol} {state.word}", plain(change.label)), ("since run", plain(change.run_id))
                ),
            }
            for change in changes
            if change.worse is worse and change.run_id in index
        ]
        if not rows:
            continue
        y = {"value": {"expr": "height - 9"} if worse else 9}
        visible = {"data": {"values": rows}, "transform": [{"filter": VISIBLE}]}
        yield {
            "data": {"values": rows},
            "transform": [{"filter": _OVERLAPPING}],
            "mark": {"type": "rect", "color": colour, "opacity": 0.1, "clip": True},
            "encoding": {
                "x": {"field": "from"},
                "x2": {"field": "to"},
                "y": {"value": 0},
                "y2": {"value": "height"},
            },
        }
        yield {
            **visible,
            "mark": {"type": "rule", "color": colour, "strokeWidth": 1},
            "encoding": {"y": {"value": 0}, "y2": {"value": "height"}},
        }
        yield {
            **visible,
            "mark": {"type": "point", "shape": state.path, "fill": colour, "stroke": None, "opacity": 1, "size": 110},
            "encoding": {"y": y, "tooltip": {"field": "tip"}, "href": {"field": "href"}},
        }
        yield {
            **visible,
            "mark": {
                "type": "text",
                "align": {"expr": f"{_LEFT_OF_MIDDLE} ? 'left' : 'right'"},
                "dx": {"expr": f"{_LEFT_OF_MIDDLE} ? 10 : -10"},
                "color": colour,
                "fontWeight": "bold",
                "limit": 260,
            },
            "encoding": {"y": y, "text": {"field": "text"}},
        }


def _version_layers(points: Sequence[HistoryPoint], theme: Theme) -> Iterator[dict[str, Any]]:
    """Where the version changes: a rule, with the new version above the plot; only a tick where there is no room."""
    known = [(number, point.version) for number, point in enumerate(points) if point.version]
    changed = [(number, version) for (_, before), (number, version) in pairwise(known) if version != before]
    if not changed:
        return
    ends = [*(number for number, _ in changed[1:]), len(points)]
    rows = [
        {"x": number - 0.5, "next": end - 0.5, "text": plain(version)[:MAX_VERSION]}
        for (number, version), end in zip(changed, ends, strict=True)
    ]
    data = {"data": {"values": rows}, "transform": [{"filter": VISIBLE}]}
    yield {
        **data,
        "mark": {"type": "rule", "color": theme.soft, "strokeWidth": 1, "strokeDash": [1, 3]},
        "encoding": {"y": {"value": -12}, "y2": {"value": {"expr": f"{_ROOM} > {_MIN_ROOM} ? height : 0"}}},
    }
    yield {
        "data": {"values": rows},
        "transform": [{"filter": VISIBLE}, {"filter": f"{_ROOM} > {_MIN_ROOM}"}],
        "mark": {
            "type": "text",
            "align": "left",
            "baseline": "middle",
            "dx": 4,
            "color": theme.soft,
            "fontSize": 11,
            "limit": {"expr": _ROOM},
        },
        "encoding": {"y": {"value": -9}, "text": {"field": "text"}},
    }


def _value_layers(chart: HistoryChart, theme: Theme) -> Iterator[dict[str, Any]]:
    """Confidence intervals, repetitions, the line."""
    lowest, highest = chart.extent
    straying = (highest - lowest) * _STRAYING or abs(highest) * MIN_RANGE
    bottom, top = max(lowest - straying, lowest / 2 if lowest > 0 else lowest - straying), highest + straying
    if METRICS[chart.metric].unit is Unit.SHARE:
        top = min(1.0, top)
    intervals = [
        {"x": number, "y": value}
        for number, point in enumerate(chart.points)
        if point.value is not None and point.low is not None and point.high is not None
        for value in (max(point.low, bottom), min(point.high, top), None)
    ]
    if intervals:  # one path: they are hundreds
        yield {
            "data": {"values": intervals},
            "transform": [{"filter": VISIBLE}],
            "mark": {"type": "line", "order": False, "color": theme.line(0), "opacity": 0.35, "strokeWidth": 1},
        }
    repetitions = [
        {"x": number, "y": repetition}
        for number, point in enumerate(chart.points)
        for repetition in point.repetitions
        if bottom <= repetition <= top
    ]
    if repetitions:
        yield {"data": {"values": repetitions}} | _dots(VISIBLE, theme.line(0), 3.4, opacity=0.45)
    untrusted = f"datum.state !== '{ChartState.INVALID.name}' || datum.y === null"
    yield {
        "transform": [{"filter": VISIBLE}, {"filter": untrusted}],
        "mark": {"type": "line", "color": theme.line(0), "strokeWidth": 1.75, "strokeJoin": "round"},
    }


def _dots(shown: str, colour: str, diameter: float | str, opacity: float = 1) -> dict[str, Any]:
    """Dots at the values of rows as a single path: an element for each of a thousand runs takes a browser long.

    Args:
        shown: An expression: which rows have a dot.
        colour: Their colour.
        diameter: In CSS pixels, or an expression.
        opacity: Of all of them.
    """
    return {
        "transform": [
            {"filter": f"{shown} && datum.y !== null"},
            {"calculate": "[datum.y, null]", "as": "dot"},  # a line of one point, with round ends
            {"flatten": ["dot"]},
        ],
        "mark": {
            "type": "line",
            "order": False,
            "color": colour,
            "opacity": opacity,
            "strokeWidth": {"expr": diameter} if isinstance(diameter, str) else diameter,
            "strokeCap": "round",
        },
        "encoding": {"y": {"field": "dot"}},
    }


def _mark_layers(chart: HistoryChart, theme: Theme) -> Iterator[dict[str, Any]]:
    """The reported points: dots where there is nothing to look at, else shaped by state; on top."""
    for state, diameter in _QUIET.items():
        if any(point.state is state and point.value is not None for point in chart.points):
            colour = theme.line(0) if state is ChartState.PASS else theme.of_state(state)
            yield _dots(f"{VISIBLE} && datum.state === '{state.name}'", colour, diameter)
    if any(point.environment_changed for point in chart.points):
        yield {
            "transform": [{"filter": f"{VISIBLE} && datum.environment && datum.y !== null"}],
            "mark": {
                "type": "point",
                "shape": ChartState.ENVIRONMENT_CHANGED.path,
                "stroke": theme.of_state(ChartState.ENVIRONMENT_CHANGED),
                "strokeWidth": 1.5,
                "opacity": 1,
                "size": 170,
            },
        }
    present = [state for state in ChartState if any(point.state is state for point in chart.points)]
    present = [state for state in present if state not in _QUIET]
    if not present:
        return
    domain = [state.name for state in present]
    colours = [theme.of_state(state) for state in present]
    fills = [colour if state.filled else theme.paper for state, colour in zip(present, colours, strict=True)]
    encoding = {
        "shape": {
            "field": "state",
            "scale": {"domain": domain, "range": [state.path for state in present]},
            "legend": None,
        },
        "stroke": {"field": "state", "scale": {"domain": domain, "range": colours}, "legend": None},
        "fill": {"field": "state", "scale": {"domain": domain, "range": fills}, "legend": None},
    }
    mark = {"type": "point", "opacity": 1, "strokeWidth": 1.5, "size": {"expr": _MARK_SIZE}}
    marked = f"{VISIBLE} && indexof({json.dumps(domain)}, datum.state) >= 0"
    yield {"transform": [{"filter": f"{marked} && datum.y !== null"}], "mark": mark, "encoding": encoding}
    if ChartState.INVALID in present:
        yield {
            "transform": [{"filter": f"{VISIBLE} && datum.y !== null && datum.state === '{ChartState.INVALID.name}'"}],
            "mark": {
                "type": "text",
                "text": "?",
                "color": theme.invalid,
                "fontSize": 9,
                "fontWeight": "bold",
                "baseline": "middle",
            },
        }
    if any(point.value is None and point.state in present for point in chart.points):
        yield {
            "transform": [{"filter": f"{marked} && datum.y === null"}],
            "mark": mark,
            "encoding": {**encoding, "y": {"value": "height"}},
        }
