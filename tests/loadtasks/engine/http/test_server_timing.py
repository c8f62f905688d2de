"""The Server-Timing header, which comes from outside."""

import pytest

from loadtasks.engine.http.server_timing import server_timing


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("cache;desc=hit;dur=1.5", [("cache", 0.0015, "hit")]),
        ('cache; dur="2"; desc="a miss"', [("cache", 0.002, "a miss")]),
        ("db;dur=1, db;DUR=2", [("db", 0.001, ""), ("db", 0.002, "")]),
        ("cache;desc=hit", []),
        ("db;dur=x, db;dur=-1, db;dur=nan, db;dur=inf, db;dur=1e300, db", []),
        (f"db;dur=1;desc={'x' * 2000}", [("db", 0.001, "x" * 1000)]),
        (f"{'n' * 2000};dur=1", [("n" * 1000, 0.001, "")]),
    ],
)
def test_headers_are_read_within_bounds(header: str, expected: list[tuple[str, float, str]]) -> None:
    assert [tuple(phase) for phase in server_timing(header)] == expected
