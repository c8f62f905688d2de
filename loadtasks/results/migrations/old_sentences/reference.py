"""Sentences about paired rounds with a reference."""

import re
from typing import Any

from loadtasks.results.migrations.old_sentences import validity
from loadtasks.results.migrations.old_sentences.found import CHANGE, LABELS, Found, Patterns, change, count

UNPAIRED = "so only its targets were judged: "
"""How the stored reason began why a scenario was measured without its reference."""
_BOUNDS = rf"(?: \(between (?P<low>{CHANGE}) and (?P<high>{CHANGE})\))?"
_RATIO = re.compile(rf"(?P<label>[a-z][\w ]*?) (?P<ratio>{CHANGE}){_BOUNDS}")


def _shift(match: re.Match[str], finding: dict[str, Any], _verdict: object) -> Found:
    other = None
    if match["other"] is not None:
        other = {
            "metric": LABELS.get(match["other"], match["other"]),
            "ratio": change(match["other_ratio"]),
            "low": None,
            "high": None,
            "inconclusive": match["unsure"] is not None,
        }
    parameters = {
        "ratio": change(match["ratio"]),
        "low": _bound(match["low"]),
        "high": _bound(match["high"]),
        "rounds": int(count(match["rounds"])),
        "reference_version": match["version"],
        "other": other,
    }
    return Found(f"reference_{finding['kind']}", parameters)


def _inconclusive(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    metrics = [
        {
            "metric": LABELS.get(ratio["label"], ratio["label"]),
            "ratio": change(ratio["ratio"]),
            "low": _bound(ratio["low"]),
            "high": _bound(ratio["high"]),
            "inconclusive": True,
        }
        for ratio in _RATIO.finditer(match["changes"])
    ]
    return Found("inconclusive", {"metrics": metrics, "rounds": int(count(match["rounds"]))})


def _excluded(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    numbers = {name: int(count(number)) for name, number in match.groupdict().items()}
    return Found("rounds_excluded", numbers)


def _invalid(match: re.Match[str], finding: dict[str, Any], verdict: object) -> Found | None:
    for pattern, parse in validity.PATTERNS[:-1]:  # not the last one, which takes every sentence for a failure
        doubt = pattern.fullmatch(match["doubt"])
        found = parse(doubt, finding, verdict) if doubt is not None else None
        if found is not None:
            return Found("reference_invalid", {"code": found.code, "parameters": found.parameters})
    return None


def _missing(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    return Found("reference_missing", {"error": match["error"].removeprefix(UNPAIRED)})


def _bound(text: str | None) -> float | None:
    return change(text) if text is not None else None


PATTERNS: Patterns = [
    (
        re.compile(
            rf".+? (?P<ratio>{CHANGE}){_BOUNDS} against the reference (?P<version>.*), in (?P<rounds>[\d,]+) rounds?: "
            r".+?, there [^;]+"
            r"(?:; the \w+ moved, (?:not the \w+|(?P<unsure>of the \w+ one can't be sure)) "
            rf"\((?P<other>\w+) (?P<other_ratio>{CHANGE})\))?"
        ),
        _shift,
    ),
    (re.compile(r"beside the reference: unsure of (?P<changes>.*), in (?P<rounds>[\d,]+) rounds?"), _inconclusive),
    (
        re.compile(
            r"beside the reference: (?P<excluded>[\d,]+) of (?P<rounds>[\d,]+) rounds? not judged: the generator .*"
        ),
        _excluded,
    ),
    (
        re.compile(r"beside the reference: not compared, its own measurement can't be trusted: (?P<doubt>.*)"),
        _invalid,
    ),
    (re.compile(r"beside the reference: not compared, (?P<error>.*)", re.DOTALL), _missing),
]
