"""Sentences of the findings about when a target served, and when its responses came."""

from collections.abc import Callable, Mapping
from typing import Any

from loadtasks import units
from loadtasks.report.sentences.phrases import from_the_start
from loadtasks.results.findings.availability import Outage, Stragglers
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding


def _outage(_finding: Finding, outage: Outage) -> str:
    refused = f"; no connection was taken for {units.duration(outage.refused_s)}" if outage.refused_s else ""
    return (
        f"every request failed for {_when(outage)}{refused}; the target was available "
        f"{units.share(outage.share)} of the time"
    )


def _down(_finding: Finding, outage: Outage) -> str:
    return (
        f"the target was down, being restarted or out of reach: it took no connection for "
        f"{units.duration(outage.refused_s)}, and every request failed for {_when(outage)}{_example(outage)}"
    )


def _not_serving(_finding: Finding, outage: Outage) -> str:
    return (
        f"the target, or something that it needs, did not serve for a time: every request failed for {_when(outage)}, "
        f"though connections were taken{_example(outage)}"
    )


def _when(outage: Outage) -> str:
    return f"{units.duration(outage.longest_s)}, {from_the_start(outage.from_s)}"


def _example(outage: Outage) -> str:
    return f", e.g. {outage.sample}" if outage.sample else ""


def _stragglers(_finding: Finding, parameters: Stragglers) -> str:
    responses = units.plural(parameters.completed, "response")
    return (
        f"{units.count(parameters.stragglers)} of {responses} came after the load's "
        f"{units.span(parameters.duration_s)}: they count in the response times, and not in the throughput"
    )


SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.OUTAGE: _outage,
    FindingCode.TARGET_DOWN: _down,
    FindingCode.TARGET_NOT_SERVING: _not_serving,
    FindingCode.STRAGGLERS: _stragglers,
}
"""By code: the sentence, without its full stop, of a finding and its parameters."""
_LOOK = "look at the target's log of that time, and at what restarts it"
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.OUTAGE: lambda _finding, _parameters: _LOOK,
    FindingCode.TARGET_DOWN: lambda _finding, _parameters: f"{_LOOK}: a crash, a deployment, too little memory",
    FindingCode.TARGET_NOT_SERVING: lambda _finding, _parameters: (
        "look at the target's log of that time: an exception, a lock, a database or a service that did not respond"
    ),
}
"""By code: what to do, without its full stop; a code that is missing here asks for nothing."""
