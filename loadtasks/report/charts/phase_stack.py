"""Where the time of a request goes, stacked per run over runs: which phase an increase lies in."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from loadtasks import units
from loadtasks.plain_text import plain
from loadtasks.report.charts.axes import label_expression
from loadtasks.report.charts.interaction import VISIBLE, brush_layer, hover_rows, run_axis, tip_rows
from loadtasks.report.charts.states import ChartState
from loadtasks.report.charts.theme import PAGE, Specification, Theme, base

HEIGHT = 240
"""Of the plot, in CSS pixels."""
MAX_PHASES = 6
"""How many phases have a colour; the shortest ones beyond are one."""
OTHER = "other phases"
_MAX_NAME = 40
_HALF = 0.46
"""Half of the width of a run's column, of 0.5."""
_OPACITY = 0.85


@dataclass(frozen=True)
class RunPhases:
    """The phases of a scenario in one run, in mean seconds per request."""

    run_id: str
    started_at: datetime
    """With a time zone."""
    mean_s: Mapping[str, float]
    """By the name of the phase, as people read it. They add up to the mean time of a request: what only some
    requests do (connect) is its total by all requests. Empty where the run measured none."""
    version: str = ""
    href: str = ""
    state: ChartState = ChartState.PASS


@dataclass(frozen=True)
class PhaseChart:
    """The phases of a scenario over runs."""

    title: str
    """What is shown: the first words of the accessible name."""
    runs: Sequence[RunPhases]
    """The oldest first."""
    order: Sequence[str] = ()
    """The phases in the order of a request, the first at the bottom; others follow in order of appearance."""
    baseline_s: Mapping[str, float] = field(default_factory=dict)
    """The usual mean of each phase, for the differences in the tooltip; empty where there is no baseline."""

    @cached_property
    def phases(self) -> list[str]:
        """The phases that have a colour, the first one at the bottom; `OTHER` stands for the rest, on top."""
        totals: Counter[str] = Counter()
        for run in self.runs:
            totals.update(run.mean_s)
        longest = {name for name, _ in totals.most_common(MAX_PHASES if len(totals) <= MAX_PHASES else MAX_PHASES - 1)}
        ordered = [*dict.fromkeys([*self.order, *totals])]
        named = [name for name in ordered if name in longest]
        return [*named, OTHER] if len(totals) > len(named) else named

    def mean_s(self, run: RunPhases, phase: str) -> float:
        """The mean of one of `phases` in a run."""
        if phase != OTHER:
            return run.mean_s.get(phase, 0.0)
        named = self.phases
        return sum(seconds for name, seconds in run.mean_s.items() if name not in named)

    @property
    def description(self) -> str:
        """The chart in words: the newest run's phases."""
        newest = next((run for run in reversed(self.runs) if run.mean_s), None)
        if newest is None:
            return f"{plain(self.title)}: no phases."
        phases = ", ".join(f"{_name(phase)} {units.duration(self.mean_s(newest, phase))}" for phase in self.phases)
        return f"{plain(self.title)} over {units.plural(len(self.runs), 'run')}. Last run: {phases}."


def specification(chart: PhaseChart, theme: Theme = PAGE) -> Specification:
    """The chart of at least one run, for a browser."""
    axis, x = run_axis([run.started_at for run in chart.runs])
    return base(
        theme,
        description=chart.description,
        width="container",
        height=HEIGHT,
        autosize={"type": "fit-x", "contains": "padding"},
        padding={"left": 4, "right": 12, "top": 22, "bottom": 4},
        params=axis,
        usermeta=hover_rows(_row(chart, number, run) for number, run in enumerate(chart.runs)),
        encoding={
            "x": x,
            "y": {
                "type": "quantitative",
                "scale": {"zero": True, "nice": True},
                "axis": {"labelExpr": label_expression("mean_s"), "tickCount": 4, "labelOverlap": "greedy"},
            },
        },
        layer=[brush_layer(theme), *_phase_layers(chart, theme)],
    )


def phase_colours(chart: PhaseChart, theme: Theme = PAGE) -> list[tuple[str, str]]:
    """Colour and name of each phase, the first one at the bottom of the stack."""
    return [(_colour(phase, number, theme), _name(phase)) for number, phase in enumerate(chart.phases)]


def _row(chart: PhaseChart, number: int, run: RunPhases) -> dict[str, Any]:
    tip = tip_rows(
        ("mean in all", units.duration(sum(run.mean_s.values())) if run.mean_s else units.MISSING),
        *((_name(phase), _in_words(chart, run, phase)) for phase in reversed(chart.phases) if run.mean_s),
        ("verdict", f"{run.state.symbol} {run.state.word}"),
        ("date", run.started_at),
        ("version", plain(run.version)),
        ("run", plain(run.run_id)),
    )
    return {"x": number, "tip": tip}


def _in_words(chart: PhaseChart, run: RunPhases, phase: str) -> str:
    """The mean of a phase, and how far it is from its usual one."""
    seconds = chart.mean_s(run, phase)
    usual = chart.baseline_s.get(phase)
    if usual is None or phase == OTHER:
        return units.duration(seconds)
    difference = seconds - usual
    return f"{units.duration(seconds)} ({'+' if difference >= 0 else ''}{units.duration(difference)})"


def _phase_layers(chart: PhaseChart, theme: Theme) -> Iterator[dict[str, Any]]:
    """One area a phase, of columns with small gaps: a rectangle a phase and run would be thousands of elements."""
    below = [0.0] * len(chart.runs)
    for number, phase in enumerate(chart.phases):
        rows: list[dict[str, Any]] = []
        for index, run in enumerate(chart.runs):
            above = below[index] + chart.mean_s(run, phase)
            if run.mean_s:
                bounds = {"low": float(f"{below[index]:.5g}"), "high": float(f"{above:.5g}")}
                rows += [{"x": index, "at": index - _HALF, **bounds}, {"x": index, "at": index + _HALF, **bounds}]
            rows.append({"x": index, "at": index + 0.5, "low": None, "high": None})
            below[index] = above
        yield {
            "data": {"values": rows},
            "transform": [{"filter": VISIBLE}],
            "mark": {
                "type": "area",
                "color": _colour(phase, number, theme),
                "opacity": _OPACITY,
                "stroke": theme.paper,
                "strokeWidth": 0.75,
            },
            "encoding": {"x": {"field": "at"}, "y": {"field": "low", "stack": None}, "y2": {"field": "high"}},
        }


def _colour(phase: str, number: int, theme: Theme) -> str:
    return theme.baseline if phase == OTHER else theme.line(number)


def _name(phase: str) -> str:
    shown = plain(phase)
    return shown if len(shown) <= _MAX_NAME else f"{shown[: _MAX_NAME - 1].rstrip()}…"
