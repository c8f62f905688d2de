"""Sparklines: a metric over the last runs at the size of a word, by the hundred on a page.

Written by hand, in some 40 µs and 700 bytes each: Vega takes 20 ms and 5 kB for the same line.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from loadtasks.plain_text import plain
from loadtasks.report.charts.axes import MIN_RANGE
from loadtasks.report.charts.states import ChartState
from loadtasks.report.charts.targets import TargetLine, is_far

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH, HEIGHT = 88, 24
"""In CSS pixels, unless the page's style says otherwise."""
_MARGIN = 4.0
_MIN_BAND = 3.0
"""The height of a band, however steady the runs are: twice as thick as the line, so that it can be seen behind it."""
_SVG = (
    f'<svg class="sparkline" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" fill="none" '
    'stroke-linecap="round" stroke-linejoin="round">{}</svg>'
)
_BAND = '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="var(--baseline)" fill-opacity=".25"/>'
_TARGET = f'<path d="M0,{{}}H{WIDTH}" stroke="var(--limit)" stroke-dasharray="4 2"/>'
_LINE = '<path d="{}" stroke="var(--line-0)" stroke-width="1.5"/>'
_DOT = '<circle cx="{}" cy="{}" r="2.5" fill="var(--{})"/>'
_BLOCKS = "▁▂▃▄▅▆▇█"
_GAP = "·"


class SparklineBand(NamedTuple):
    """The baseline of some consecutive values: its level ± scale."""

    first: int
    """The place of the first of these values."""
    last: int
    """The place of the last of these values."""
    low: float
    high: float


def svg(
    values: Sequence[float | None],
    *,
    title: str,
    bands: Sequence[SparklineBand] = (),
    targets: Sequence[TargetLine] = (),
    state: ChartState = ChartState.PASS,
) -> "Markup":
    """A sparkline as an `svg` element in the page's colours: the line over its baseline, and a dot at the last value.

    Args:
        values: The oldest first; None where a run has no value, which leaves a gap.
        title: What is shown, in words; from outside perhaps.
        bands: The baselines of the values.
        targets: Limits, each drawn as a dashed line unless it is far off.
        state: That of the last run: the dot has its colour, where it is anything to look at.
    """
    from markupsafe import Markup, escape  # noqa: PLC0415 - comes with jinja2

    known = _finite(values)
    drawn = [value for value in known if value is not None]
    bands = [band for band in bands if math.isfinite(band.low) and math.isfinite(band.high)] if drawn else []
    limits = [one.value for one in targets if drawn and not is_far(one, max(drawn), min(drawn))]
    bottom, top = _range([*drawn, *(end for band in bands for end in band[2:]), *limits])

    def y(value: float) -> float:
        return HEIGHT - _MARGIN - (value - bottom) / (top - bottom) * (HEIGHT - 2 * _MARGIN)

    step = (WIDTH - 2 * _MARGIN) / max(1, len(known) - 1)
    points = [
        (f"{_MARGIN + number * step:.1f}", f"{y(value):.1f}") if value is not None else None
        for number, value in enumerate(known)
    ]
    parts = [f"<title>{escape(plain(title))}</title>"]
    for band in bands:
        left = _MARGIN + (band.first - 0.5) * step if band.first > 0 else 0.0
        right = _MARGIN + (band.last + 0.5) * step if band.last < len(known) - 1 else float(WIDTH)
        height = max(_MIN_BAND, y(band.low) - y(band.high))
        parts.append(_BAND.format(left, (y(band.low) + y(band.high) - height) / 2, right - left, height))
    parts += [_TARGET.format(f"{y(limit):.1f}") for limit in limits]
    parts.append(_LINE.format(_path(points)))
    last = next((point for point in reversed(points) if point is not None), None)
    if last is not None:
        colour = "line-0" if state in (ChartState.PASS, ChartState.NO_BASELINE) else state.colour
        parts.append(_DOT.format(*last, colour))
    # Numbers, names of ours, and the title, which is escaped:
    return Markup(_SVG.format("".join(parts)))  # noqa: S704


def blocks(values: Sequence[float | None]) -> str:
    """The same in text, for mails: `▁▂▁·▆█`, a dot where a run has no value."""
    known = _finite(values)
    drawn = [value for value in known if value is not None]
    if not drawn:
        return _GAP * len(known)
    bottom, top = _range(drawn)
    return "".join(
        _GAP if value is None else _BLOCKS[min(len(_BLOCKS) - 1, int((value - bottom) / (top - bottom) * len(_BLOCKS)))]
        for value in known
    )


def _finite(values: Sequence[float | None]) -> list[float | None]:
    return [value if value is not None and math.isfinite(value) else None for value in values]


def _range(values: Sequence[float]) -> tuple[float, float]:
    """What the height spans: the values, and at least some share of their middle, so that noise stays flat."""
    if not values:
        return 0.0, 1.0
    lowest, highest = min(values), max(values)
    middle = (lowest + highest) / 2
    around = max((highest - lowest) / 2, abs(middle) * MIN_RANGE) or 1.0
    return middle - around, middle + around


def _path(points: Sequence[tuple[str, str] | None]) -> str:
    """An SVG path through the points, broken at gaps; a point between two gaps is a dot."""
    pieces = []
    for number, point in enumerate(points):
        if point is None:
            continue
        begins = number == 0 or points[number - 1] is None
        ends = number == len(points) - 1 or points[number + 1] is None
        pieces.append(f"{'M' if begins else 'L'}{','.join(point)}{'h0' if begins and ends else ''}")
    return "".join(pieces)
