"""Sentences about the baseline."""

import re
from typing import Any

from loadtasks.results.migrations.old_sentences.found import CHANGE, LABELS, Found, Patterns, change, count

_SHAPES = {
    "all requests moved alike, the slow ones no farther": "whole_distribution",
    "the slow requests moved farther than the median": "tail_more",
    "the slow requests moved and the median did not": "tail_only",
}
_UNLIKE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("target", re.compile(r"its target is (?P<now>.*), not (?P<before>.*)")),
    ("load", re.compile(r"its load is (?P<now>.*), not (?P<before>.*)")),
    ("scenario", re.compile(r"what is sent has changed(?P<now>)(?P<before>)")),
    ("generator", re.compile(r"its load was made by (?P<now>.*), not by (?P<before>.*)")),
)


def _shift(match: re.Match[str], finding: dict[str, Any], verdict: Any) -> Found | None:
    started_at = verdict.started_at.get(match["first_run"])
    if started_at is None:  # the run is gone, and with it the moment that the finding states
        return None
    parameters: dict[str, Any] = {
        "ratio": change(match["ratio"]),
        "low": change(match["low"]),
        "high": change(match["high"]),
        "relative_to_median": match["beyond"] is not None,
        "first_run": match["first_run"],
        "first_run_started_at": started_at,
        "version_before": match["after"] if match["unchanged"] else match["before"],
        "version_after": match["after"],
    }
    if finding["kind"] == "improvement":
        return Found("improvement", parameters)
    regression = _regression(verdict, finding, match["first_run"], match["found_run"])
    known = match["found_run"] is not None or match["who"] is not None
    parameters |= {
        "shape": _SHAPES.get(match["shape"] or ""),
        "regression": regression["id"] if known and regression else None,
        "found_run": match["found_run"] or (regression["found_run"] if known and regression else None),
    }
    if match["who"] is None:
        return Found("regression", parameters) if finding["kind"] == "regression" else None
    return Found("regression_acknowledged", parameters | {"acknowledged_by": match["who"], "why": match["why"] or ""})


def _regression(verdict: Any, finding: dict[str, Any], first_run: str, found_run: str | None) -> dict[str, Any] | None:
    of_part = [regression for regression in verdict.regressions if regression["part"] == finding.get("part", "")]
    for regression in of_part:
        if found_run == regression["found_run"] or (found_run is None and first_run == regression["first_run"]):
            return dict(regression)
    return dict(of_part[-1]) if of_part and found_run is None else None


def _recovered(match: re.Match[str], finding: dict[str, Any], verdict: Any) -> Found | None:
    regression = _regression(verdict, finding, match["first_run"], match["found_run"])
    if regression is None:
        return None
    return Found("recovered", {"regression": regression["id"], **match.groupdict()})


def _suspected(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    return Found("suspected", {"metrics": [LABELS.get(label, label) for label in match["metrics"].split(" and ")]})


def _too_short(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    return Found("baseline_too_short", {"missing_runs": int(count(match["missing"]))})


def _not_comparable(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found | None:
    other_run, reason = match["other_run"] or "", match["reason"]
    for field, pattern in _UNLIKE:
        differs = pattern.fullmatch(reason)
        if differs is not None:
            return _difference(field, differs["now"], differs["before"], other_run, match)
    if "in rounds beside a reference" in reason:
        paired = reason.startswith("it was measured")
        return _difference("paired", paired, not paired, other_run, match)
    return None


def _difference(field: str, now: bool | str, before: bool | str, other_run: str, match: re.Match[str]) -> Found:
    new_baseline = match["new"] is not None
    parameters = {"field": field, "now": now, "before": before, "other_run": other_run, "new_baseline": new_baseline}
    return Found("not_comparable", parameters)


def _confirmation(_match: re.Match[str], _finding: dict[str, Any], verdict: Any) -> Found | None:
    reported = [number for number, repetition in enumerate(verdict.repetitions, 1) if repetition["reported"]]
    if len(verdict.repetitions) < 2 or not reported:  # noqa: PLR2004 - one measurement confirms nothing
        return None
    names = ("p50_s", "p95_s", "success_rate", "trusted")
    parameters = {
        "repetitions": [{name: repetition[name] for name in names} for repetition in verdict.repetitions],
        "reported": reported[0],
        "confirmed": any(other["kind"] == "regression" for other in verdict.findings),
    }
    return Found("confirmation", parameters)


PATTERNS: Patterns = [
    (
        re.compile(
            rf".+? (?P<ratio>{CHANGE})(?P<beyond> beyond the median's change)? "
            rf"\(95 % interval (?P<low>{CHANGE}) to (?P<high>{CHANGE})\): .*?since run (?P<first_run>[^\s;]+)"
            r"(?: \(version (?P<after>.+?)(?:(?P<unchanged>, as before)|; before it (?P<before>.+?))?\))?"
            rf"(?:; (?P<shape>{'|'.join(_SHAPES)}))?"
            r"(?:; known since run (?P<found_run>\S+)|; acknowledged by (?P<who>[^:]+)(?:: (?P<why>.*))?)?"
        ),
        _shift,
    ),
    (
        re.compile(r"back at its level: what (?P<found_run>\S+) found since (?P<first_run>\S+) is gone"),
        _recovered,
    ),
    (re.compile(r"under suspicion, but not sure yet: (?P<metrics>.*); the next nights will tell"), _suspected),
    (re.compile(r"not compared: (?P<missing>[\d,]+) more nights? of this kind .*"), _too_short),
    (
        re.compile(r"not compared: (?:since run (?P<other_run>\S+) )?(?P<reason>.*?)(?P<new>, so a new level begins)?"),
        _not_comparable,
    ),
    (re.compile(r"measured (?:twice|\d+ times), since it looked worse than its past: .*"), _confirmation),
]
