"""Colours of the charts, and the Vega-Lite configuration that all of them share.

On pages a colour is the name of a CSS variable, `var(--ink)`: Vega writes it into the SVG as it is, so that a chart
follows the light or dark scheme of the page without being drawn anew. A picture in a mail has fixed colours that hold
on white and on black.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from loadtasks.report.charts.states import ChartState

Specification = dict[str, Any]
"""A chart in Vega-Lite 6 (https://vega.github.io/vega-lite/docs/)."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
"""Names the version of the grammar; nothing is read from there."""
LINES = 6
"""How many lines have a colour of their own; further ones begin anew."""
FONT_SIZE = 12


@dataclass(frozen=True)
class Theme:
    """A colour for each thing that charts show."""

    ink: str
    soft: str
    """Labels of lesser weight."""
    grid: str
    paper: str
    """What is behind the chart, for hollow shapes."""
    baseline: str
    limit: str
    passed: str
    fail: str
    regressed: str
    improved: str
    invalid: str
    lines: tuple[str, ...]
    font: str
    """A CSS font family."""

    def line(self, number: int) -> str:
        """The colour of a line, counted from 0."""
        return self.lines[number % len(self.lines)]

    def of_state(self, state: ChartState) -> str:
        """The colour of a state."""
        return str(getattr(self, _FIELDS.get(state.colour, state.colour)))


_FIELDS = {"pass": "passed"}
"""CSS variables that can't be the name of a field."""
_VARIABLES = {field: variable for variable, field in _FIELDS.items()}

PAGE = Theme(
    **{
        field.name: f"var(--{_VARIABLES.get(field.name, field.name)})"
        for field in fields(Theme)
        if field.name not in ("lines", "font")
    },
    lines=tuple(f"var(--line-{number})" for number in range(LINES)),
    font="inherit",
)
"""The page's own colours and font."""
MAIL = Theme(
    ink="#7d8590",
    soft="#7d8590",
    grid="#8b949e40",
    paper="transparent",
    baseline="#7d8590",
    limit="#e5484d",
    passed="#2e9e57",
    fail="#e5484d",
    regressed="#d9730d",
    improved="#2b8fd0",
    invalid="#9065d6",
    lines=("#2b87d1", "#d9730d", "#1f9d76", "#c05aa5", "#a8841a", "#7d8590"),
    font="Liberation Sans",  # comes with vl-convert, so that a picture is the same on every machine
)
"""Colours with a contrast of at least 3:1 to white and to black (WCAG 2.2, 1.4.11), for a transparent picture."""


def base(theme: Theme, **content: Any) -> Specification:
    """A specification with what all charts share.

    Args:
        theme: The colours.
        content: Keys of the specification; those of `config` are added to the shared ones.
    """
    config: Mapping[str, Any] = content.pop("config", {})
    return {
        "$schema": SCHEMA,
        "background": "transparent",
        "config": {
            "font": theme.font,
            "aria": False,  # hundreds of marks would be read out; the chart has a description
            "view": {"stroke": None},
            "axis": {
                "aria": False,
                "labelColor": theme.ink,
                "labelFontSize": FONT_SIZE,
                "gridColor": theme.grid,
                "domainColor": theme.grid,
                "ticks": False,
                "title": None,
            },
            "axisX": {"labelPadding": 9},
            "axisY": {"labelPadding": 6, "domain": False, "minExtent": 48},
            "text": {"fontSize": FONT_SIZE, "color": theme.ink},
            **config,
        },
        **content,
    }
