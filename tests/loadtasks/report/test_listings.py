"""Lists on terminals of any width, and where there is none."""

import io

import pytest
from rich.console import Console

from loadtasks.report import listings

ID = "20261124T020000Z-3fa9"
TARGETS = [(ID, "p95_s", "p95 below 500 ms for everything that anybody asks", "expectations/thing.json")]


def shown(width: int | None) -> str:
    written = io.StringIO()
    listings.show_targets(TARGETS, Console(file=written, width=width or 140, force_terminal=width is not None))
    return written.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80])
def test_on_a_narrow_terminal_nothing_is_cut(width: int) -> None:
    text = " ".join(shown(width).split())
    assert ID in text
    assert "\u2026" not in text
    for word in ["p95", "below", "500", "ms", "for", "everything", "that", "anybody", "asks"]:
        assert word in text


def test_where_there_is_room_each_row_is_one_line() -> None:
    assert len(shown(140).splitlines()) == 2
    assert len(shown(None).splitlines()) == 2
