"""Texts from outside made safe."""

import pytest

from loadtasks.plain_text import plain
from loadtasks.report.text import sentence


def test_plain_text_is_one_line_that_no_terminal_obeys() -> None:
    assert (
        plain("a\x1b[31m\r\nb\N{RIGHT-TO-LEFT OVERRIDE}c\u2028d \ud800 é µ")
        == "a [31m bc d \N{REPLACEMENT CHARACTER} é µ"
    )


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("the target is down", "The target is down."),
        ("The target is down.", "The target is down."),
        ("dashboard.steady p95 3 s", "dashboard.steady p95 3 s."),
        ("p95 3 s", "p95 3 s."),
    ],
)
def test_a_sentence_gets_a_capital_letter_and_a_full_stop_and_a_name_stays_as_it_is(text: str, whole: str) -> None:
    assert sentence(text) == whole
