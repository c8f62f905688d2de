"""Draws specifications as SVG and PNG with vl-convert: offline, with the fonts that it brings."""

from typing import TYPE_CHECKING

from loadtasks.plain_text import plain
from loadtasks.report.charts.theme import Specification

if TYPE_CHECKING:
    from markupsafe import Markup

_SCALE = 2.0
"""Pixels of a picture per CSS pixel, for screens of high resolution."""
_NOWHERE: list[str] = []
"""The addresses that a specification may read data from."""


def svg(specification: Specification, name: str) -> "Markup":
    """A chart as an `svg` element to be written into a page; it is as wide as its place there.

    Texts in it are escaped, and it holds no style sheet, script, font or identifier.

    Args:
        specification: The chart, of a fixed width and height.
        name: The chart in words, for those who don't see it.
    """
    import vl_convert  # noqa: PLC0415 - most commands draw nothing
    from markupsafe import Markup, escape  # noqa: PLC0415 - comes with jinja2

    drawn = vl_convert.vegalite_to_svg(specification, allowed_base_urls=_NOWHERE)
    opening, _, content = drawn.partition(">")
    view_box = opening.partition('viewBox="')[2].partition('"')[0]
    element = f'<svg viewBox="{view_box}" role="img" aria-label="{escape(plain(name))}">{content}'
    return Markup(element)  # noqa: S704 - Vega has escaped the texts of the specification


def png(specification: Specification) -> bytes:
    """A chart as a picture, with twice as many pixels as the specification is wide and high."""
    import vl_convert  # noqa: PLC0415

    return vl_convert.vegalite_to_png(specification, scale=_SCALE, allowed_base_urls=_NOWHERE)
