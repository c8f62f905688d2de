"""Conditions: what they name, and what they demand of the labels whatever the metrics are."""

import pytest

from loadtasks.verdict.targets.conditions import known_part, named_labels

_LABELS = ("row", "scenario", "part", "endpoint")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('scenario == "a.b"', [("scenario", "a.b")]),
        ('"a.b" == scenario', [("scenario", "a.b")]),
        ('scenario != "a.b" and part in ["x", "y"]', [("scenario", "a.b"), ("part", "x"), ("part", "y")]),
        ('scenario not in ("a.b",)', [("scenario", "a.b")]),
        ('(scenario == "a.b") & (p95_s > 1) | ~(part == "x")', [("scenario", "a.b"), ("part", "x")]),
        ('scenario == "a.b" & p95_s > 1', [("scenario", "a.b")]),
        ('scenario > "a"', []),
        ('scenario.str.startswith("a")', []),
        ("scenario == endpoint", []),
        ("p95_s == 1", []),
        ('`scenario` == "a.b"', []),
        ("scenario ==", []),
        ("", []),
    ],
)
def test_the_labels_that_a_condition_names(query: str, names: list[tuple[str, str]]) -> None:
    assert sorted(named_labels(query, _LABELS)) == sorted(names)


@pytest.mark.parametrize(
    ("query", "demanded"),
    [
        ('scenario == "a"', "scenario == 'a'"),
        ('scenario == "a" and p95_s > 1', "scenario == 'a'"),
        ('scenario == "a" or p95_s > 1', None),
        ('not (scenario == "a" and p95_s > 1)', None),
        ('not (scenario == "a" or p95_s > 1)', "not scenario == 'a'"),
        (
            'scenario == "a" and (part == "x" or part == "y") and completed > 1',
            "scenario == 'a' and (part == 'x' or part == 'y')",
        ),
        ('~(scenario.str.startswith("a"))', "not scenario.str.startswith('a')"),
        ("scenario == endpoint", "scenario == endpoint"),
        ("p95_s > 1", None),
        ("1", None),
        ("(", None),
    ],
)
def test_what_a_condition_demands_of_the_labels(query: str, demanded: str | None) -> None:
    assert known_part(query, _LABELS) == demanded
