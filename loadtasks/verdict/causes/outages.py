"""Low availability: what it means that for a time every request failed."""

from collections.abc import Iterator

from loadtasks.results.findings.availability import Outage
from loadtasks.results.findings.codes import FindingCode, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes.case import Case

_EXPLAINED = frozenset({"availability", "success_rate", "completed", "failed"})
"""The metrics that an outage explains."""
_MOSTLY = 0.5
"""A target that took no connection for this share of an outage was down. A rule of thumb: where it crashes, requests
that it had taken are cut off first; where it hangs, none is refused."""


def down(case: Case) -> Iterator[Finding]:
    """That the target was down, or took connections and served none; not where nothing succeeded at all.

    A worker that is refused sends next to nothing, so a share of the requests says little about an outage.
    """
    outage = Outage.of(case.measurement)
    if outage is None or not case.measurement.counts.completed or case.metrics.isdisjoint(_EXPLAINED):
        return
    if outage.refused_s >= _MOSTLY * outage.longest_s:
        yield case.cause(FindingCode.TARGET_DOWN, outage)
    else:
        yield case.cause(FindingCode.TARGET_NOT_SERVING, outage, Likelihood.POSSIBLE)
