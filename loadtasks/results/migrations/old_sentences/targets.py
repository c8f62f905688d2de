"""Sentences about targets and throttling."""

import re
from typing import Any

from loadtasks.results.migrations.old_sentences.found import Found, Patterns, count, seconds, share, statuses

_COMPARISONS = {"<": "<", "≤": "<=", "=": "=", "≥": ">=", ">": ">"}
_BOUND = re.compile(r"(?P<sign>[<≤=≥>]) (?P<value>.+)")


def _missed(match: re.Match[str], finding: dict[str, Any], _verdict: object) -> Found:
    target, warning = match["target"], match["severity"]
    bounds = _bounds(target, finding.get("limit"))
    parameters = {"expectation": "" if bounds else target, "suite": "", "bounds": bounds}
    return Found("target_missed", parameters, severity=warning or "critical")


def _bounds(target: str, limit: float | None) -> list[dict[str, Any]]:
    """The sides of a target; the value of a single one is the finding's limit, which is exact."""
    bounds = []
    for side in target.split(" and "):
        match = _BOUND.fullmatch(side) or _BOUND.fullmatch(f"= {side}")
        value = _value(match["value"]) if match is not None else None
        if match is None or value is None:
            return []
        bounds.append({"comparison": _COMPARISONS[match["sign"]], "value": value})
    if len(bounds) == 1 and limit is not None:
        bounds[0]["value"] = limit
    return bounds


def _value(text: str) -> float | None:
    try:
        if text.endswith(" %"):
            return share(text)
        if text.endswith("s") and not text.endswith("/s"):
            return seconds(text)
        return count(text.removesuffix("/s"))
    except (KeyError, ValueError):
        return None


def _no_target(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    return Found("no_target", {"endpoint": match["endpoint"]})


def _one_sample(match: re.Match[str], finding: dict[str, Any], _verdict: object) -> Found:
    sample = {"part": finding.get("part", ""), "requests": int(count(match["requests"]))}
    return Found("insufficient_sample", {"needed": int(count(match["needed"])), "samples": [sample]})


def _several_samples(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    samples = []
    for text in match["samples"].split(", "):
        part, _, requests = text.rpartition(" ")
        samples.append({"part": "" if part == "all" else part, "requests": int(count(requests))})
    return Found("insufficient_sample", {"needed": int(count(match["needed"])), "samples": samples})


def _throttled(match: re.Match[str], _finding: dict[str, Any], verdict: Any) -> Found:
    parameters: dict[str, Any] = {
        "throttled": int(count(match["throttled"])),
        "scheduled": int(count(match["scheduled"])),
        "statuses": statuses(match["statuses"]),
    }
    if match["wanted"] is None:
        return Found("throttled", parameters)
    return Found("throttling_expected", parameters | {"held": _held(verdict)})


def _none_throttled(match: re.Match[str], _finding: dict[str, Any], verdict: Any) -> Found:
    parameters = {"throttled": 0, "scheduled": int(count(match["scheduled"])), "statuses": []}
    return Found("throttling_expected", parameters | {"held": _held(verdict)})


def _held(verdict: Any) -> bool:
    """Whether as many requests were rejected as the suite expects: no target for them was missed."""
    return not any(other["kind"] == "target" and other.get("metric") == "throttled" for other in verdict.findings)


PATTERNS: Patterns = [
    (re.compile(r".+, target (?P<target>.+?)(?: \((?P<severity>warning|info)\))?"), _missed),
    (re.compile(r"no target: there is no suite (?P<endpoint>.+)\.json(?:, so only validity .*)?"), _no_target),
    (
        re.compile(
            r"not known: (?P<requests>[\d,]+) requests? can't tell a \w+; it takes (?P<needed>[\d,]+), so its target .*"
        ),
        _one_sample,
    ),
    (
        re.compile(
            r"not known: so few requests can't tell a \w+ \((?P<samples>.*)\); it takes (?P<needed>[\d,]+), so its .*"
        ),
        _several_samples,
    ),
    (
        re.compile(
            r"(?P<wanted>throttling is wanted here: )?(?P<throttled>[\d,]+) of (?P<scheduled>[\d,]+) requests? "
            r"(?:was|were) throttled \((?P<statuses>.*?) with Retry-After\).*"
        ),
        _throttled,
    ),
    (
        re.compile(r"throttling is wanted here: none of (?P<scheduled>[\d,]+) requests? was throttled"),
        _none_throttled,
    ),
]
