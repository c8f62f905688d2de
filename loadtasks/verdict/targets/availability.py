"""Availability: the built-in target on the share of the time in which the target served, and the note on outages."""

from collections.abc import Iterator, Sequence

from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.availability import Outage
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.targets.applied import AppliedTargets, Minimum


def minimum(applied: AppliedTargets) -> Minimum | None:
    """In how much of the time the target has to serve, where no suite says it.

    The limit is that of the success rate, since a share of the requests says little about an outage: workers that are
    refused send next to nothing.
    """
    return None if "availability" in applied.columns else Minimum("availability", applied.success_rate_limit)


def notes(measurements: Sequence[Measurement], findings: Sequence[Finding]) -> Iterator[Finding]:
    """The longest outage of a scenario that meets its target all the same; a missed target gets it as its cause.

    Of a mixed scenario those of its parts. `findings`: those about the scenario's targets.
    """
    missing = {finding.part for finding in findings if finding.misses_target}
    for measurement in [found for found in measurements if found.part] or measurements:
        outage = Outage.of(measurement)
        if outage is not None and measurement.counts.completed and measurement.part not in missing:
            yield Finding(
                code=FindingCode.OUTAGE,
                severity=Severity.WARNING,
                part=measurement.part,
                metric="availability",
                observed=outage.share,
                parameters=outage,
            )
