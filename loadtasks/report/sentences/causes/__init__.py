"""Sentences of the causes."""

from collections.abc import Callable, Mapping
from typing import Any

from loadtasks.report.sentences.causes import (
    failed_requests,
    failed_websockets,
    slow_requests,
    slow_websockets,
    target_state,
)
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding

_GROUPS = (target_state, failed_requests, failed_websockets, slow_requests, slow_websockets)
SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    code: render for group in _GROUPS for code, render in group.SENTENCES.items()
}
"""By code: the sentence, without its full stop, of a finding and its parameters."""
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    code: render for group in _GROUPS for code, render in group.NEXT_STEPS.items()
}
"""By code: what to do, without its full stop; a code that is missing here asks for nothing."""
