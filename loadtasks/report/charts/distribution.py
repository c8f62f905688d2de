"""Distributions of response times by percentile, over each other: runs, a run and its baseline, or parts.

The x axis is HdrHistogram's: each further nine takes the same width, so that the tail is seen. It goes as far as the
number of requests supports: one request in a hundred is the 99th percentile. The slowest of all is drawn apart, at
`max`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from loadtasks import units
from loadtasks.measurement.histogram import Histogram
from loadtasks.plain_text import plain
from loadtasks.report.charts.axes import ValueAxis, label_expression, time_axis
from loadtasks.report.charts.interaction import hover_rows, tip_rows
from loadtasks.report.charts.targets import TargetLine, is_far, target_layer
from loadtasks.report.charts.theme import PAGE, Specification, Theme, base

WIDTH, HEIGHT = 600, 330
"""In CSS pixels, margins included."""
MAX_LABEL, MAX_END_LABEL = 40, 20
"""Characters of a label that are shown, and at the end of a line."""
_TOP, _BOTTOM, _LEFT, _RIGHT, _RIGHT_OF_PARTS = 26, 41, 63, 22, 102
_PERCENTILES = (0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
_NINES = tuple(-math.log10(1 - q) for q in _PERCENTILES)
_CROWDED = (0.75, 0.95)
"""Their labels would touch their neighbours' where the axis goes beyond `_MAX_UNCROWDED` nines."""
_MAX_UNCROWDED = 2.5
_MIN_DISTANCE = 0.004
"""Points of a line nearer to each other than this share of the width are drawn as one."""
_MAX_AT = 1.1
"""The position of the slowest request, as a factor of the percentiles' width."""
_MIN_LABEL_DISTANCE = 17
"""Pixels between the labels of two lines."""
_HOVERED = 60
"""How many percentiles can be pointed at."""
_TICK = "datum.value > {end} ? 'max' : datum.value ? format(100 - 100 * pow(10, -datum.value), '.6~r') + ' %' : 'min'"


@dataclass(frozen=True)
class Distribution:
    """One line: the response times of a measurement."""

    label: str
    """From outside perhaps (a part's name, a version): it is shown as text only."""
    histogram: Histogram
    is_baseline: bool = False
    """Drawn dashed, with a hollow dot, behind the others."""
    colour: int | None = None
    """The number of its colour, for a part and its baseline to have the same; None for that of its place among the
    lines, or the baseline's grey."""

    @property
    def end(self) -> float:
        """How many nines the number of requests supports; at least as far as the median."""
        return max(math.log10(max(1, self.histogram.count)), math.log10(2))

    @property
    def max_s(self) -> float:
        """The slowest request's time."""
        return self.histogram.max_s or 0.0

    def points(self, end: float) -> tuple[list[float], list[float]]:
        """Number of nines, and seconds, of each percentile up to `end` that a request supports; thinned."""
        total, below = self.histogram.count, 0
        end = min(end, self.end)
        xs: list[float] = []
        ys: list[float] = []
        for seconds, count in self.histogram.steps():
            if not xs:
                xs, ys = [0.0], [seconds]
            below += count
            if below >= total:
                break
            x = -math.log10(1 - below / total)
            if x >= end:
                break
            if x - xs[-1] > _MIN_DISTANCE * end:
                xs.append(x)
                ys.append(seconds)
        xs.append(end)
        ys.append(self.histogram.quantile_s(1 - 10**-end) or 0.0)
        return xs, ys


@dataclass(frozen=True)
class DistributionChart:
    """Distributions over each other: a run against its baseline, the parts of a mixed scenario, or several runs."""

    title: str
    """What is shown: the first words of the accessible name."""
    lines: Sequence[Distribution]
    """Those behind first, the baseline's before all. Lines without a request aren't drawn."""
    targets: Sequence[TargetLine] = ()
    """Limits in seconds; those of `far_targets` aren't drawn."""

    @property
    def drawn(self) -> list[Distribution]:
        """The lines that have a request."""
        return [line for line in self.lines if line.histogram.count]

    @property
    def end(self) -> float:
        """How many nines the x axis has: as far as the requests support, however many the baseline has."""
        lines = self.drawn
        return max(line.end for line in [line for line in lines if not line.is_baseline] or lines)

    @property
    def far_targets(self) -> list[TargetLine]:
        """The targets that the chart doesn't show, since they would flatten the lines: for the caller to state."""
        slowest = max((line.max_s for line in self.drawn), default=0.0)
        return [target for target in self.targets if is_far(target, slowest)]

    @property
    def description(self) -> str:
        """The chart in words."""
        lines = "; ".join(
            f"{shown_label(line)}: median {units.duration(line.histogram.quantile_s(0.5))}, "
            f"p95 {units.duration(line.histogram.quantile_s(0.95))}, max {units.duration(line.histogram.max_s)}"
            for line in reversed(self.drawn)
        )
        return f"{plain(self.title)}. {lines}."


def specification(chart: DistributionChart, theme: Theme = PAGE, *, interactive: bool = False) -> Specification:
    """The chart of at least one line with a request.

    Args:
        chart: What is shown.
        theme: Its colours.
        interactive: Whether a browser draws it, as wide as its place and with a tooltip; otherwise its width is fixed.
    """
    lines = chart.drawn
    axis = _value_axis(chart)
    plot_height = HEIGHT - _TOP - _BOTTOM
    named = [line for line in lines if not line.is_baseline]
    at_ends = len(named) > 1 and not interactive
    right = _RIGHT_OF_PARTS if at_ends else _RIGHT
    layers = [
        *_line_layers(chart, theme),
        *([] if interactive else _label_layers(lines, axis, plot_height, theme)),
        *target_layer([target for target in chart.targets if target not in chart.far_targets], "p50_s", theme),
    ]
    return base(
        theme,
        description=chart.description,
        width="container" if interactive else WIDTH - _LEFT - right,
        height=plot_height,
        autosize={"type": "fit-x", "contains": "padding"} if interactive else {"type": "none"},
        padding={
            "left": 4 if interactive else _LEFT,
            "right": right,
            "top": _TOP,
            "bottom": 4 if interactive else _BOTTOM,
        },
        encoding={
            "x": {
                "field": "x",
                "type": "quantitative",
                "scale": {"domain": [0, chart.end * _MAX_AT], "nice": False},
                "axis": {
                    "values": _ticks(chart.end),
                    "labelExpr": _TICK.format(end=chart.end * 1.0001),
                    "labelFlush": False,
                    "labelOverlap": "greedy" if interactive else False,
                    "labelSeparation": 8,
                },
            },
            "y": {
                "field": "y",
                "type": "quantitative",
                "scale": axis.scale,
                "axis": {"values": list(axis.ticks), "labelExpr": label_expression("p50_s"), "labelOverlap": False},
            },
        },
        layer=layers,
        **({"usermeta": hover_rows(_hovered(chart))} if interactive else {}),
    )


def colours(lines: Sequence[Distribution], theme: Theme = PAGE) -> list[str]:
    """The colour of each line: those that are no baseline are counted."""
    of_lines, number = [], 0
    for line in lines:
        if line.is_baseline and line.colour is None:
            of_lines.append(theme.baseline)
        else:
            of_lines.append(theme.line(number if line.colour is None else line.colour))
        number += not line.is_baseline
    return of_lines


def shown_label(line: Distribution, length: int = MAX_LABEL) -> str:
    """The label of a line, plain and cut."""
    label = plain(line.label)
    return label if len(label) <= length else f"{label[: length - 1].rstrip()}…"


def _value_axis(chart: DistributionChart) -> ValueAxis:
    lines, far = chart.drawn, chart.far_targets
    lowest = min(line.points(chart.end)[1][0] for line in lines)
    targets = [target.value for target in chart.targets if target not in far]
    return time_axis(lowest, max([*targets, *(line.max_s for line in lines)]))


def _ticks(end: float) -> list[float]:
    """The positions of labels: percentiles, and `max`."""
    percentiles = [q for q in _PERCENTILES if -math.log10(1 - q) <= end + 1e-9]
    if end > _MAX_UNCROWDED:
        percentiles = [q for q in percentiles if q not in _CROWDED]
    return [*(-math.log10(1 - q) for q in percentiles), end * _MAX_AT]


def _line_layers(chart: DistributionChart, theme: Theme) -> Iterator[dict[str, Any]]:
    """The lines, dotted ones to the slowest requests, and these as dots; a layer for all lines is drawn fastest."""
    end, lines = chart.end, chart.drawn
    domain = list(range(len(lines)))
    of_lines = colours(lines, theme)

    def channel(looks: Sequence[object]) -> dict[str, Any]:
        scale = {"domain": domain, "range": list(looks)}
        return {"field": "line", "type": "ordinal", "scale": scale, "legend": None}

    colour = channel(of_lines)
    points: list[dict[str, Any]] = []
    tails: list[dict[str, Any]] = []
    for number, line in enumerate(lines):
        xs, ys = line.points(end)
        points += [{"line": number, "x": round(x, 5), "y": float(f"{y:.6g}")} for x, y in zip(xs, ys, strict=True)]
        tails += [points[-1], {"line": number, "x": end * _MAX_AT, "y": line.max_s}]
    yield {
        "data": {"values": points},
        "mark": {"type": "line", "strokeCap": "round", "strokeJoin": "round"},
        "encoding": {
            "color": colour,
            "strokeDash": channel([[5, 4] if line.is_baseline else [] for line in lines]),
            "strokeWidth": channel([1.5 if line.is_baseline else 2.25 for line in lines]),
        },
    }
    yield {
        "data": {"values": tails},
        "mark": {"type": "line", "strokeWidth": 1, "strokeDash": [1, 2]},
        "encoding": {"color": colour},
    }
    yield {
        "data": {"values": tails[1::2]},
        "mark": {"type": "point", "opacity": 1, "size": 24, "strokeWidth": 1},
        "encoding": {
            "stroke": colour,
            "fill": channel(
                [theme.paper if line.is_baseline else own for line, own in zip(lines, of_lines, strict=True)]
            ),
        },
    }


def _label_layers(
    lines: Sequence[Distribution], axis: ValueAxis, height: int, theme: Theme
) -> Iterator[dict[str, Any]]:
    """Name the lines: at their ends where there are several parts, else above the plot."""
    coloured = list(zip(lines, colours(lines, theme), strict=True))
    named = [(line, colour) for line, colour in coloured if not line.is_baseline]
    if len(named) <= 1:
        baselines = [(line, colour) for line, colour in coloured if line.is_baseline]
        for (line, colour), align in zip([*named, *baselines], ("left", "right"), strict=False):
            mark = "─ ─" if line.is_baseline else "──"
            number = units.plural(line.histogram.count, "request")
            yield _text(f"{mark} {shown_label(line)} ({number})", 0 if align == "left" else "width", -13, align, colour)
        return
    named.sort(key=lambda line: line[0].max_s)
    heights = _apart(
        [height * (1 - axis.share(line.max_s)) for line, _ in reversed(named)], _MIN_LABEL_DISTANCE, height
    )
    for y, (line, colour) in zip(heights, reversed(named), strict=True):
        yield _text(shown_label(line, MAX_END_LABEL), "width", y, "left", colour, dx=10)
    if len(lines) > len(named):
        yield _text("── this run   ─ ─ baseline", 0, -13, "left", theme.ink)


def _text(text: str, x: object, y: float, align: str, colour: str, **style: Any) -> dict[str, Any]:
    return {
        "data": {"values": [{"text": text}]},
        "mark": {"type": "text", "align": align, "baseline": "middle", "color": colour, **style},
        "encoding": {"text": {"field": "text"}, "x": {"value": x}, "y": {"value": round(y, 1)}},
    }


def _apart(heights: Sequence[float], distance: float, bottom: float) -> list[float]:
    """Ascending heights moved down, then up from the bottom, until none is nearer to the next than `distance`."""
    moved: list[float] = []
    for height in heights:
        moved.append(max(height, moved[-1] + distance) if moved else height)
    lowest = bottom
    for index in reversed(range(len(moved))):
        moved[index] = min(moved[index], lowest)
        lowest = moved[index] - distance
    return moved


def _hovered(chart: DistributionChart) -> list[dict[str, Any]]:
    """What a pointer reads at each of some percentiles: the times of all lines."""
    step = chart.end / _HOVERED
    rows = []
    for number in range(_HOVERED + 1):
        nines = next((known for known in _NINES if abs(known - number * step) < step / 2), number * step)
        share = 1 - 10**-nines
        times = [
            (shown_label(line), units.duration(line.histogram.quantile_s(share)))
            for line in reversed(chart.drawn)
            if nines <= line.end
        ]
        tip = tip_rows(("percentile", f"p{share * 100:.5g}"), *times)
        rows.append({"x": nines, "tip": tip})
    end = chart.end * _MAX_AT
    slowest = [(shown_label(line), units.duration(line.max_s)) for line in reversed(chart.drawn)]
    tip = tip_rows(("percentile", "max"), *slowest)
    rows.append({"x": end, "tip": tip})
    return rows
