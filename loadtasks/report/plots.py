"""The latency distribution of a scenario as inline SVG by percentile, this run against its baseline.

The x axis is HdrHistogram's: each further nine takes the same width, so that the tail is seen. It goes as far as the
number of requests supports: one request in a hundred is the 99th percentile. The slowest of all is drawn apart, at
`max`. Colours are CSS variables of the page (`--ink`, `--grid`, `--baseline`, `--limit`, `--line-0` to `--line-5`), so
that a plot follows its light or dark scheme.
"""

import io
import math
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtasks import units
from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.metrics import METRICS, Unit, metric_label
from loadtasks.plain_text import plain
from loadtasks.results.document import ScenarioResult
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import Verdict

WIDTH, HEIGHT = 600, 330
"""The view box, in CSS pixels."""
LINES = 6
"""How many lines have a colour of their own; further ones begin anew."""
_COLOURS = {
    # Stand-ins that matplotlib writes and the page's variables replace.
    "#010203": "var(--ink)",
    "#010204": "var(--grid)",
    "#010205": "var(--baseline)",
    "#010206": "var(--limit)",
    "#010208": "var(--paper)",
} | {f"#0102f{line}": f"var(--line-{line})" for line in range(LINES)}
_STAND_IN = {variable: colour for colour, variable in _COLOURS.items()}
_INK, _GRID, _BASELINE, _LIMIT, _PAPER = (
    _STAND_IN[f"var(--{name})"] for name in ("ink", "grid", "baseline", "limit", "paper")
)
_TICKS = (0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
_MIN_DISTANCE = 0.004
"""Points of a line nearer to each other than this share of the width are drawn as one."""
_MAX_AT = 1.1
"""The position of the slowest request, as a factor of the percentiles' width."""
_DECADE = 8.0
"""From this ratio of the largest to the smallest time on, the y axis is logarithmic."""
_FAR = 4.0
"""A limit further above the slowest time than this factor is stated in words: drawn, it would flatten the lines."""
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 12,
    "text.parse_math": False,  # a part may be named by anybody
    "axes.unicode_minus": False,
}
_NEEDLESS = (
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"<metadata>.*?</metadata>", re.DOTALL),
    re.compile(r"<style[^>]*>.*?</style>", re.DOTALL),  # would reach the whole page
    re.compile(r"font-family: [^;\"]*;? ?"),  # the page's own is better
    re.compile(r' id="[A-Za-z.]+[0-9a-z]*_\d+"'),  # figure_1 and the like: the same in every plot, and not referred to
    re.compile(r' transform="rotate\(-0 [^"]*"'),
)


@dataclass(frozen=True)
class _Line:
    label: str
    histogram: Histogram
    colour: str
    baseline: bool = False

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

    @property
    def end(self) -> float:
        """How many nines the number of requests supports; at least as far as the median."""
        return max(math.log10(max(1, self.histogram.count)), math.log10(2))


def see_to_cache(folder: Path) -> None:
    """Let matplotlib keep its cache in a folder where there is no temporary one, as in a read-only container."""
    try:
        tempfile.gettempdir()
    except OSError:
        os.environ.setdefault("MPLCONFIGDIR", str(folder.absolute() / ".matplotlib"))


def latency(result: ScenarioResult) -> str | None:
    """The plot of a scenario as an `svg` element to be written into a page; None when no time was recorded.

    Texts in it are escaped; its identifiers differ from those of another scenario's plot.
    """
    lines = _lines(result)
    if not lines:
        return None
    os.environ.pop("MPLBACKEND", None)  # a wrong one ends the import, and none is used
    import matplotlib as mpl  # noqa: PLC0415 - takes most of a second, and most commands draw nothing
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context(_SETTINGS | {"svg.hashsalt": result.scenario}):
        figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), dpi=72)
        figure.patch.set_alpha(0)
        labels = [line.label for line in lines if not line.baseline]
        right = 0.975 if len(labels) == 1 else 0.83
        axes = figure.add_axes((0.105, 0.125, right - 0.105, 0.80))
        axes.patch.set_alpha(0)
        limits = _limits(result)
        _draw_lines(axes, lines)
        _draw_axes(axes, lines, limits)
        _draw_labels(axes, lines)
        _draw_limits(axes, limits)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return _inline(drawn.getvalue(), _description(result, lines))


def far_limits(result: ScenarioResult) -> list[Finding]:
    """The limits that the plot doesn't show, since they are far above every time."""
    slowest = max((line.histogram.max_s or 0 for line in _lines(result)), default=0)
    return [limit for limit in _limits(result) if (limit.limit or 0) > _FAR * slowest]


def _lines(result: ScenarioResult) -> list[_Line]:
    """Comparable baselines, then this run over them; the parts of a mixed scenario instead of its whole."""
    parts = [measurement for measurement in result.measurements if measurement.part] or result.measurements
    compared = {comparison.part for comparison in result.comparisons}
    before = {measurement.part: measurement for measurement in result.baseline if measurement.part in compared}
    colours = {part.part: _STAND_IN[f"var(--line-{number % LINES})"] for number, part in enumerate(parts)}
    this_run = [
        _Line(plain(part.part) or "this run", part.response, colours[part.part])
        for part in parts
        if part.response.count
    ]
    if not this_run:
        return []
    baseline = [
        _Line("baseline", earlier.response, _BASELINE if not part.part else colours[part.part], baseline=True)
        for part in parts
        if (earlier := before.get(part.part)) is not None and earlier.response.count
    ]
    return baseline + this_run


def _end(lines: Sequence[_Line]) -> float:
    """How far the x axis goes: as far as the requests of this run support, however many the baseline has."""
    return max(line.end for line in lines if not line.baseline)


def _limits(result: ScenarioResult) -> list[Finding]:
    return [
        finding
        for finding in result.findings
        if finding.misses_target
        and finding.limit
        and finding.metric in METRICS
        and METRICS[finding.metric].unit is Unit.SECONDS
    ]


def _draw_lines(axes: Any, lines: Sequence[_Line]) -> None:
    end = _end(lines)
    for line in lines:
        xs, ys = line.points(end)
        style: dict[str, Any] = {"color": line.colour, "solid_capstyle": "round", "solid_joinstyle": "round"}
        style |= {"linewidth": 1.5, "dashes": (3.5, 2.5)} if line.baseline else {"linewidth": 2.25}
        axes.plot(xs, ys, **style)
        longest = line.histogram.max_s or ys[-1]
        axes.plot([xs[-1], end * _MAX_AT], [ys[-1], longest], color=line.colour, linewidth=1, dashes=(1, 2))
        face = _PAPER if line.baseline else line.colour
        axes.plot([end * _MAX_AT], [longest], "o", color=line.colour, markerfacecolor=face, markersize=5, clip_on=False)


def _draw_axes(axes: Any, lines: Sequence[_Line], limits: Sequence[Finding]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter  # noqa: PLC0415

    end = _end(lines)
    axes.set_xlim(0, end * _MAX_AT)
    ticks = [q for q in _TICKS if -math.log10(1 - q) <= end + 1e-9]
    if end > 2.5:  # noqa: PLR2004 - nines; beyond, the labels of 75 and 95 % would touch their neighbours
        ticks = [q for q in ticks if q not in (0.75, 0.95)]
    axes.set_xticks([*(-math.log10(1 - q) for q in ticks), end * _MAX_AT])
    axes.set_xticklabels(["min" if q == 0 else f"{q * 100:.6g} %" for q in ticks] + ["max"])
    low = min(line.points(end)[1][0] for line in lines)
    high = max(line.histogram.max_s or 0 for line in lines)
    drawn = [limit.limit for limit in limits if limit.limit and limit.limit <= _FAR * high]
    top = max([high, *drawn])
    if top / low >= _DECADE:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.25, top * 1.35)
        few = math.log10(top / low) > 2.2  # noqa: PLR2004 - decades; more ticks would crowd
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0,) if few else (1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.minorticks_off()
    else:
        axes.set_ylim(0, top * 1.12)
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=(1, 2, 2.5, 5, 10)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: _tick(seconds)))
    axes.tick_params(colors=_INK, length=0, pad=6)
    axes.tick_params(axis="x", pad=9)
    axes.grid(color=_GRID, linewidth=1)
    axes.set_axisbelow(True)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(_GRID)


def _draw_labels(axes: Any, lines: Sequence[_Line]) -> None:
    """Name the lines: at their ends where there are several parts, else above the plot."""
    named = [line for line in lines if not line.baseline]
    if len(named) == 1:
        order = [*named, *(line for line in lines if line.baseline)]
        for number, line in enumerate(order):
            name = f"{line.label} ({units.plural(line.histogram.count, 'request')})"
            mark = "─ ─" if line.baseline else "──"
            axes.text(0.4 * number, 1.035, f"{mark} {name}", transform=axes.transAxes, color=line.colour)
        return
    to_axes = axes.transData + axes.transAxes.inverted()
    heights = {line.label: to_axes.transform((1.0, line.histogram.max_s or 1.0))[1] for line in named}
    ends = sorted(named, key=lambda line: heights[line.label])
    for height, line in zip(_apart([heights[line.label] for line in ends], 0.062), ends, strict=True):
        axes.text(1.02, height, line.label, transform=axes.transAxes, color=line.colour, va="center")
    if len(lines) > len(named):
        axes.text(0.0, 1.035, "── this run   ─ ─ baseline", transform=axes.transAxes, color=_INK)


def _apart(heights: Sequence[float], distance: float) -> list[float]:
    """Ascending heights moved up, then down from the top, until none is nearer to the next than `distance`."""
    moved: list[float] = []
    for height in heights:
        moved.append(max(height, moved[-1] + distance) if moved else height)
    highest: float = 1
    for index in reversed(range(len(moved))):
        moved[index] = min(moved[index], highest)
        highest = moved[index] - distance
    return moved


def _draw_limits(axes: Any, limits: Sequence[Finding]) -> None:
    top = axes.get_ylim()[1]
    for limit in limits:
        if limit.limit is None or limit.limit > top:
            continue
        name = metric_label(limit.metric)
        axes.axhline(limit.limit, color=_LIMIT, linewidth=1.5, dashes=(6, 3))
        text = f"target {name} {units.duration(limit.limit)}" + (f" ({plain(limit.part)})" if limit.part else "")
        axes.annotate(
            text,
            (1.0, limit.limit),
            (-14, -5),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            color=_LIMIT,
            ha="right",
            va="top",
        )


def _tick(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1 - 1e-9:
            return f"{seconds * scale:.4g} {unit}"
    return "0"


def _description(result: ScenarioResult, lines: Sequence[_Line]) -> str:
    """The plot in words, for those who don't see it."""
    lines_in_words = "; ".join(
        f"{line.label}: median {units.duration(line.histogram.quantile_s(0.5))}, "
        f"p95 {units.duration(line.histogram.quantile_s(0.95))}, max {units.duration(line.histogram.max_s)}"
        for line in reversed(lines)
    )
    invalid = " (invalid)" if result.verdict is Verdict.INVALID else ""
    return f"Response time by percentile of {result.scenario}{invalid}. {lines_in_words}."


def _inline(svg: str, description: str) -> str:
    """The bare `svg` element: no prolog, no style sheet that would reach the page, colours as the page's variables."""
    from markupsafe import escape  # noqa: PLC0415

    element = svg[svg.index("<svg") :]
    for needless in _NEEDLESS:
        element = needless.sub("", element)
    element = re.sub("|".join(_COLOURS), lambda colour: _COLOURS[colour[0]], element)
    element = re.sub(r"\s*\n\s*", "\n", element)
    opening = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(description)}">'
    return re.sub(r"^<svg[^>]*>", lambda _: opening, element).strip()
