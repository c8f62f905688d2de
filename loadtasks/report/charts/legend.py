"""What the marks of a chart mean, as a list below it: it wraps on a phone, and a screen reader reads it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from loadtasks.plain_text import plain
from loadtasks.report.charts.distribution import DistributionChart, colours, shown_label
from loadtasks.report.charts.history import HistoryChart
from loadtasks.report.charts.phase_stack import PhaseChart, phase_colours
from loadtasks.report.charts.states import ChartState
from loadtasks.report.charts.theme import PAGE

if TYPE_CHECKING:
    from markupsafe import Markup

_DASHES = ' stroke-dasharray="5 3"'


def history_legend(chart: HistoryChart) -> "Markup":
    """The marks that occur in the chart of a metric over runs."""
    line = PAGE.line(0)
    changes = {change.worse for change in chart.changes}
    entries = [(_line(line) + _dot(line, 2.5), "reported")]
    if any(point.repetitions for point in chart.points):
        entries.append((_dot(line, 1.5, opacity=0.45), "repetitions"))
    if any(point.low is not None for point in chart.points):
        entries.append((_line(line, "M8,-6V6", opacity=0.4), "95 % confidence interval"))
    if chart.baselines:
        entries.append((_box(PAGE.baseline, opacity=0.25) + _line(PAGE.baseline, _DASHES), "baseline: level ± scale"))
    if len(chart.targets) > len(chart.far_targets):
        entries.append((_line(PAGE.limit, _DASHES), "target"))
    for worse, words in ((True, "change for the worse"), (False, "change for the better")):
        if worse in changes:
            state = ChartState.REGRESSED if worse else ChartState.IMPROVED
            icon = _box(PAGE.of_state(state), opacity=0.15) + _line(PAGE.of_state(state), path="M8,-6V6")
            entries.append((icon + _shape(state, PAGE.of_state(state)), f"{words}, and the runs in which it may lie"))
    if chart.versions and len({point.version for point in chart.points if point.version}) > 1:
        entries.append((_line(PAGE.soft, ' stroke-dasharray="1 2"', "M8,-6V6"), "new version"))
    present = {point.state for point in chart.points}
    if any(point.environment_changed for point in chart.points):
        present.add(ChartState.ENVIRONMENT_CHANGED)
    entries += [
        (_shape(state, PAGE.of_state(state)), state.word)
        for state in ChartState
        if state in present and state is not ChartState.PASS
    ]
    return _list(entries)


def distribution_legend(chart: DistributionChart) -> "Markup":
    """The lines of distributions over each other, those in front first."""
    lines = list(zip(chart.drawn, colours(chart.drawn, PAGE), strict=True))
    return _list(
        (_line(colour, _DASHES if line.is_baseline else ""), shown_label(line)) for line, colour in reversed(lines)
    )


def phase_legend(chart: PhaseChart) -> "Markup":
    """The phases of a stack, the top one first."""
    return _list((_box(colour), name) for colour, name in reversed(phase_colours(chart, PAGE)))


def _list(entries: Iterable[tuple[str, str]]) -> "Markup":
    from markupsafe import Markup, escape  # noqa: PLC0415 - comes with jinja2

    items = (
        f'<li><svg viewBox="0 -8 16 16" aria-hidden="true">{icon}</svg>{escape(plain(words))}</li>'
        for icon, words in entries
    )
    return Markup(f'<ul class="chart-legend">{"".join(items)}</ul>')  # noqa: S704 - icons of ours, and escaped words


def _line(colour: str, style: str = "", path: str = "M0,0H16", opacity: float = 1) -> str:
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2" opacity="{opacity}"{style}/>'


def _dot(colour: str, radius: float, opacity: float = 1) -> str:
    return f'<circle cx="8" r="{radius}" fill="{colour}" opacity="{opacity}"/>'


def _box(colour: str, opacity: float = 0.85) -> str:
    return f'<rect y="-6" width="16" height="12" fill="{colour}" opacity="{opacity}"/>'


def _shape(state: ChartState, colour: str) -> str:
    fill = colour if state.filled else "none"
    return (
        f'<path transform="translate(8,0) scale(4.5)" d="{state.path}" fill="{fill}" stroke="{colour}" '
        'stroke-width="1.5" vector-effect="non-scaling-stroke"/>'
    )
