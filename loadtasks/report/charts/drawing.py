"""Draws specifications as SVG and PNG with vl-convert: offline, with the fonts that it brings.

All charts of a page are drawn by one process (`drawing_process`), which takes half a second to start and 30 ms a chart.
A machine on which it can't run gets its report without charts.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadtasks.plain_text import plain
from loadtasks.report.charts.theme import Specification

if TYPE_CHECKING:
    from markupsafe import Markup

_PROCESS = str(Path(__file__).with_name("drawing_process.py"))
_MAX_START_S = 60.0
_MAX_CHART_S = 5.0
"""How long the process may take, on the busiest machine."""


def svgs(charts: Sequence[tuple[Specification, str]]) -> "list[Markup | None]":
    """Charts as `svg` elements to be written into a page, each as wide as its place there.

    Texts in them are escaped, and they hold no style sheet, script, font or identifier.

    Args:
        charts: A specification of a fixed width and height, and the chart in words, for those who don't see it.

    Returns:
        An element for each; None where it can't be drawn.
    """
    drawn = draw("svg", [specification for specification, _ in charts])
    return [None if one is None else _inline(one, words) for one, (_, words) in zip(drawn, charts, strict=True)]


def pngs(specifications: Sequence[Specification]) -> list[bytes | None]:
    """Charts as pictures, with twice as many pixels as they are wide and high; None for one that can't be drawn."""
    return [None if one is None else base64.b64decode(one) for one in draw("png", specifications)]


def javascript_bundle() -> str | None:
    """Vega, Vega-Lite and Vega-Embed as one script; None where it can't be made."""
    return draw("bundle", [None])[0]


def draw(kind: str, specifications: Sequence[Specification | None]) -> list[str | None]:
    """What `drawing_process.draw` returns for each, in a process of its own; None from where it ended or hung on."""
    if not specifications:
        return []
    requests = "".join(f"{json.dumps([kind, specification])}\n" for specification in specifications)
    try:
        ended = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-P", _PROCESS],
            input=requests.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_MAX_START_S + _MAX_CHART_S * len(specifications),
            check=False,
        )
        written: Any = ended.stdout
    except subprocess.TimeoutExpired as error:
        written = error.stdout or b""
    except OSError:  # no process can be started
        written = b""
    whole, _, _ = written.rpartition(b"\n")
    drawn: list[str | None] = [json.loads(line) for line in whole.splitlines()]
    return [*drawn, *[None] * (len(specifications) - len(drawn))]


def _inline(svg: str, words: str) -> "Markup":
    from markupsafe import Markup, escape  # noqa: PLC0415 - comes with jinja2

    opening, _, content = svg.partition(">")
    view_box = opening.partition('viewBox="')[2].partition('"')[0]
    element = f'<svg viewBox="{view_box}" role="img" aria-label="{escape(plain(words))}">{content}'
    return Markup(element)  # noqa: S704 - Vega has escaped the texts of the specification
