"""Colours: that all of them are the page's variables, and that those of mails hold on white and on black."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import loadtasks.report
from loadtasks.report.charts.states import ChartState
from loadtasks.report.charts.theme import MAIL, PAGE, Theme

_STYLES = [
    path
    for path in sorted(Path(loadtasks.report.__file__).parent.rglob("*.css"))
    if "--line-0:" in path.read_text(encoding="utf-8")
]


def _colours(theme: Theme) -> list[str]:
    named = [getattr(theme, field.name) for field in fields(theme) if field.name not in ("lines", "font")]
    return [*named, *theme.lines]


@pytest.mark.parametrize("style", _STYLES, ids=lambda path: path.name)
def test_every_colour_is_a_variable_that_the_page_defines(style: Path) -> None:
    defined = set(re.findall(r"(--[\w-]+):", style.read_text(encoding="utf-8")))
    used = [colour.removeprefix("var(").removesuffix(")") for colour in _colours(PAGE)]
    assert set(used) <= defined
    assert all(f"var(--{state.colour})" == PAGE.of_state(state) for state in ChartState)


def _luminance(colour: str) -> float:
    """Of an sRGB colour, by WCAG 2.2."""
    parts = [int(colour[begin : begin + 2], 16) / 255 for begin in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", sorted({colour for colour in _colours(MAIL) if re.fullmatch("#.{6}", colour)}))
def test_colours_of_a_mail_are_seen_on_white_and_on_black(colour: str) -> None:
    luminance = _luminance(colour)
    assert 1.05 / (luminance + 0.05) >= 3
    assert (luminance + 0.05) / 0.05 >= 3
