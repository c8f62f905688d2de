"""Regular expressions of scenario files: whatever is accepted is searched for in a time that grows with the body."""

import re

import pytest

from loadtasks.scenarios.patterns import MAX_LENGTH, BodyPattern


@pytest.mark.parametrize(
    ("pattern", "body", "expected"),
    [
        ("ok|fine", b"all is fine", True),
        ("^ok$", b"not ok", False),
        ("(?i)straße", "Die STRAßE".encode(), True),
        ("[äö]{2}", "äö".encode(), True),
        ("^.{2}$", "äö".encode(), True),
        ("id.ok", b"id\xffok", False),
        (r"id\Cok", b"id\xffok", True),
        ("ok", b"\xff\xfe\x00ok", True),
        ("(a+)+$", b"a" * 40 + b"!", False),
        ("(.*)*x$", b"a" * 100_000, False),
    ],
)
def test_a_pattern_is_found_in_bytes_that_are_utf_8(pattern: str, body: bytes, expected: bool) -> None:
    assert BodyPattern.compiled(pattern).is_in(body) is expected


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        ("(?=x)y", "no look-arounds and no back-references such as (?="),
        ("(?<!x)y", "no look-arounds and no back-references such as (?<!"),
        (r"(a)\1", r"no back-references such as \1"),
        ("(?P<n>a)(?P=n)", "no back-references such as (?P="),
        ("(x{1000}){1000}", "too large"),
        ("x{1001}", "too large"),
        (r"\pL{500}", "too large"),
        (r"(\pL{3}){10}", "too large"),
        ("a" * (MAX_LENGTH + 1), "more than 10,000 characters"),
        ("[", "missing ]"),
        ("*a", "no argument for repetition operator"),
        ("[\x00\x1b[31m", "missing ]"),
        ("\ud800", "half a surrogate pair"),
    ],
)
def test_what_can_not_be_searched_for_is_refused_in_one_clause(
    pattern: str, part: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=re.escape(part)) as caught:
        BodyPattern.compiled(pattern)
    assert str(caught.value).isprintable()
    assert capfd.readouterr() == ("", "")
