"""Charts that the reader's browser draws: their specification in the page, and the JavaScript that draws them.

Both are ours: the bundle of Vega-Lite, Vega and Vega-Embed comes out of vl-convert, and nothing is requested from
elsewhere. It works under `script-src 'self'; style-src 'self'`, without `unsafe-eval`.
"""

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from loadtasks import __version__
from loadtasks.report.charts import drawing
from loadtasks.report.charts.theme import Specification
from loadtasks.whole_file import write_whole

if TYPE_CHECKING:
    from markupsafe import Markup

_ENDING = "<>&\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}"
_IN_SCRIPT = {character: f"\\u{ord(character):04x}" for character in _ENDING}
"""What could end a `script` element, or begin a comment in it."""


@dataclass(frozen=True)
class ScriptBundle:
    """A script with a name that changes with its content, so that browsers may keep it for ever."""

    name: str
    """As `vega-0123456789abcdef.js`."""
    content: bytes


def chart_element(specification: Specification, *, zoom_group: str = "") -> "Markup":
    """A place in a page where `charts.js` draws a chart.

    What the chart says in words is its accessible name; a table with its numbers is the page's own.

    Args:
        specification: The chart, of the width of its container.
        zoom_group: Charts over the same runs with the same group are zoomed together; empty for a chart alone.
    """
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    content = json.dumps(specification, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character, written in _IN_SCRIPT.items():  # `translate` takes twenty times as long: 25 ms for a thousand runs
        content = content.replace(character, written)
    return Markup('<div class="chart" data-zoom-group="{}"><script type="application/json">{}</script></div>').format(
        zoom_group,
        Markup(content),  # noqa: S704 - JSON without any character that HTML knows
    )


@lru_cache(maxsize=1)
def bundle(cache: Path) -> ScriptBundle:
    """The libraries that draw charts: `vegaEmbed`, `vega` and `vegaLite` of the window; 0.9 MB.

    Made once for each version of vl-convert, which takes 2 s.

    Args:
        cache: The folder where it is kept for other processes. One that can't be written is no error.

    Raises:
        RuntimeError: it can't be made, as vl-convert doesn't run here.
    """
    path = cache / f"vega-{version('vl-convert-python')}-{__version__}.js"
    content = _read(path)
    if not content:
        made = drawing.javascript_bundle()
        if made is None:
            raise RuntimeError("vl-convert doesn't run on this machine, so pages can't draw charts")
        content = made.encode()
        with suppress(OSError):
            cache.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
    return ScriptBundle(f"vega-{hashlib.sha256(content).hexdigest()[:16]}.js", content)


def _read(path: Path) -> bytes:
    with suppress(OSError):
        return path.read_bytes()
    return b""
