"""Findings in words: the sentence and the next step of every code."""

from collections.abc import Callable
from typing import Any

from loadtasks.report.sentences import (
    availability,
    causes,
    connections,
    history,
    lifecycle,
    other_run,
    reference,
    targets,
    validity,
)
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding

Render = Callable[[Finding, Any], str]

_AREAS = (validity, targets, availability, connections, history, lifecycle, reference, other_run, causes)
_SENTENCES: dict[FindingCode, Render] = {
    **{code: render for area in _AREAS for code, render in area.SENTENCES.items()},
    FindingCode.TEXT: lambda _finding, parameters: parameters.text,
}
_NEXT_STEPS: dict[FindingCode, Render] = {
    **{code: render for area in _AREAS for code, render in area.NEXT_STEPS.items()},
    FindingCode.TEXT: lambda _finding, parameters: parameters.next_step,
}


_OF_ODD_VALUES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a sentence raises whose parameters don't fit each other, as 3 of 0 requests in a file that was edited."""


def sentence(finding: Finding) -> str:
    """What people read of a finding, without its full stop: `p95 3.02 s, target < 2.00 s`.

    Where its parameters fit no sentence, in a file or a database that was edited, it is the code in words.
    """
    try:
        return _SENTENCES[finding.code](finding, finding.parameters)
    except _OF_ODD_VALUES:
        return f"{finding.code.value.replace('_', ' ')} (what is stored of it makes no sense)"


def next_step(finding: Finding) -> str:
    """What to do or to look at, without its full stop; empty where there is nothing to do."""
    render = _NEXT_STEPS.get(finding.code)
    try:
        return render(finding, finding.parameters) if render is not None else ""
    except _OF_ODD_VALUES:
        return ""
