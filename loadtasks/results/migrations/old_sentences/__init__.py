"""The sentences that versions before revision 0008 stored, as codes with parameters.

The only place that reads sentences. It imports nothing of the program, which changes while stored sentences don't. A
sentence that no pattern knows becomes a finding of the code `text`, which keeps it.
"""

from dataclasses import dataclass
from typing import Any

from loadtasks.results.migrations.old_sentences import causes, history, reference, targets, validity
from loadtasks.results.migrations.old_sentences.found import Found

__all__ = ["StoredVerdict", "convert", "failure"]

failure = validity.failure
"""A stored failure's code and detail."""
_BY_KIND = {
    "validity": (validity.PATTERNS,),
    "target": (targets.PATTERNS,),
    "note": (targets.PATTERNS,),
    "regression": (history.PATTERNS, reference.PATTERNS),
    "improvement": (history.PATTERNS, reference.PATTERNS),
    "history": (history.PATTERNS, reference.PATTERNS, causes.PATTERNS),
    "diagnosis": (causes.PATTERNS,),
}


@dataclass(frozen=True)
class StoredVerdict:
    """The stored verdict of a scenario that findings belong to, and what is stored about it elsewhere."""

    scenario: str
    findings: list[dict[str, Any]]
    repetitions: list[dict[str, Any]]
    """What a confirmation states of each, with `reported`."""
    started_at: dict[str, str]
    """When runs started, by id."""
    regressions: list[dict[str, Any]]
    """The regressions of the scenario: id, part, first_run, found_run, version_before, version_after."""


def convert(finding: dict[str, Any], verdict: StoredVerdict) -> dict[str, Any]:
    """A stored finding as this revision stores it."""
    converted = _parse(finding, verdict)
    if converted is None:
        converted = Found(
            "text",
            {"kind": finding["kind"], "text": finding["sentence"], "next_step": finding.get("next_step", "")},
        )
    likelihood = None
    if finding["kind"] == "diagnosis":
        likelihood = "likely" if finding.get("sure", True) else "possible"
    return {
        "code": converted.code,
        "severity": converted.severity or _severity(finding["kind"]),
        "part": finding.get("part", ""),
        "metric": finding.get("metric", ""),
        "observed": finding.get("observed"),
        "limit": finding.get("limit"),
        "likelihood": likelihood,
        "parameters": converted.parameters,
    }


def _parse(finding: dict[str, Any], verdict: StoredVerdict) -> Found | None:
    sentence = finding["sentence"].rstrip(".")
    for patterns in _BY_KIND.get(finding["kind"], ()):
        for pattern, parse in patterns:
            match = pattern.fullmatch(sentence)
            if match is not None and (found := parse(match, finding, verdict)) is not None:
                return found
    return None


def _severity(kind: str) -> str:
    return "critical" if kind in ("validity", "target", "regression") else "info"
