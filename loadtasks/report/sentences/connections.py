"""Sentences of the findings about connections that no request failed for."""

from collections.abc import Callable, Mapping
from typing import Any

from loadtasks import units
from loadtasks.measurement.errors import ErrorCode
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.connections import AddressUnreachable, StaleConnections
from loadtasks.results.findings.finding import Finding

_WHAT_HAPPENED = {
    ErrorCode.REFUSED: "refused connections",
    ErrorCode.CONNECT_TIMEOUT: "did not answer",
    ErrorCode.UNREACHABLE: "can't be reached from the load generator",
}


def _stale(_finding: Finding, parameters: StaleConnections) -> str:
    stale, scheduled = parameters.stale, parameters.scheduled
    sent = units.plural(stale, "request")  # with reading back, more are sent than are scheduled
    if stale <= scheduled:
        sent = f"{units.count(stale)} of {units.plural(scheduled, 'request')} ({units.share(stale / scheduled)})"
    was, they_were = ("was", "it was") if stale == 1 else ("were", "they were")
    return (
        f"stale connections: {sent} {was} sent over a kept-alive connection that the target closed at that moment, "
        f"before a response; {they_were} sent once more over a fresh one, timed from the first sending"
    )


def _unreachable(_finding: Finding, parameters: AddressUnreachable) -> str:
    what_happened = _WHAT_HAPPENED.get(parameters.error, f"accepted no connection ({parameters.error.value})")
    return f"{parameters.address}, an address of the target's name, {what_happened}; the load went to another one"


SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.STALE_CONNECTIONS: _stale,
    FindingCode.ADDRESS_UNREACHABLE: _unreachable,
}
"""By code: the sentence, without its full stop, of a finding and its parameters."""
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.STALE_CONNECTIONS: lambda _finding, _parameters: (
        "let the target, and a proxy before it, keep idle connections longer than its clients pause, or say "
        "`Connection: close` in the last response before they close one"
    ),
    FindingCode.ADDRESS_UNREACHABLE: lambda _finding, _parameters: (
        "repair what should listen there, or take the address out of the name's records: clients that try it first "
        "wait in vain"
    ),
}
"""By code: what to do, without its full stop; a code that is missing here asks for nothing."""
