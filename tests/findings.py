"""Findings for tests that need one of a kind and nothing else of it."""

from typing import Any

from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.parameters import StoredText


def text_finding(kind: FindingKind, text: str = "as it was stored", next_step: str = "", **changes: Any) -> Finding:
    """A finding of a kind with a sentence of its own."""
    return Finding(code=FindingCode.TEXT, parameters=StoredText(kind=kind, text=text, next_step=next_step), **changes)
