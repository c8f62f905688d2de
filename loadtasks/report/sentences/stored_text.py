"""Sentences of findings that are no more than a text."""

from collections.abc import Callable, Mapping
from typing import Any

from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding

SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.TEXT: lambda _finding, parameters: parameters.text,
}
"""By code: the sentence, without its full stop, of a finding and its parameters."""
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.TEXT: lambda _finding, parameters: parameters.next_step,
}
"""By code: what to do, without its full stop; a code that is missing here asks for nothing."""
