"""Stragglers: responses that came after the load's profile was over, where they are many."""

from collections.abc import Iterator, Sequence

from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.availability import Stragglers
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding

_MIN_SHARE = 0.05
"""Of the completed requests, for stragglers to be noted. A rule of thumb: every closed load leaves one a worker, and
fewer than these make no difference that a reader of the throughput would notice."""


def notes(measurements: Sequence[Measurement]) -> Iterator[Finding]:
    """That many responses of one scenario came late; of the whole alone, which holds its parts' requests."""
    for measurement in measurements:
        completed, late = measurement.counts.completed, measurement.stragglers
        if not measurement.part and measurement.duration_s is not None and late and late >= _MIN_SHARE * completed:
            parameters = Stragglers(stragglers=late, completed=completed, duration_s=measurement.duration_s)
            yield Finding(code=FindingCode.STRAGGLERS, parameters=parameters)
