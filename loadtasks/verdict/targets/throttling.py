"""Throttling: what it means for a measurement that a limit of the target turned requests away."""

from collections.abc import Iterable, Iterator, Sequence

from loadtasks import units
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.targets.suites import Suite, wants_throttling

CAUSE = "throttling, not slowness"
"""How every cause begins that is a limit of the target."""
_ADVICE = "ask for a higher limit or send less"
_WANTED = "throttling is wanted here: "


def notes(measurements: Sequence[Measurement], suites: Sequence[Suite]) -> Iterator[Finding]:
    """That one scenario was throttled, or is to be; told of the whole, since it holds the requests of its parts."""
    for measurement in measurements:
        if measurement.part:
            continue
        if wants_throttling(suites, measurement.endpoint):
            yield _note(measurement, f"{_WANTED}{sentence(measurement)}")
        elif measurement.counts.throttled:
            yield _note(measurement, f"{sentence(measurement)}; {_ADVICE}")


def _note(measurement: Measurement, sentence: str) -> Finding:
    throttled = measurement.counts.throttled
    return Finding(kind=FindingKind.NOTE, metric="throttled", observed=throttled, sentence=sentence)


def is_wanted(findings: Iterable[Finding]) -> bool:
    """Whether the findings say that a scenario's suite wants requests turned away."""
    return any(finding.kind is FindingKind.NOTE and finding.sentence.startswith(_WANTED) for finding in findings)


def sentence(measurement: Measurement) -> str:
    """How many were turned away, and whose times are left."""
    counts = measurement.counts
    admitted = counts.scheduled - counts.throttled
    if not counts.throttled:
        return f"none of {units.plural(counts.scheduled, 'request')} was throttled"
    return (
        f"{units.count(counts.throttled)} of {units.plural(counts.scheduled, 'request')} "
        f"{'was' if counts.throttled == 1 else 'were'} throttled "
        f"({_answers(measurement)}): the times are those of the {units.count(admitted)} admitted "
        f"{'one' if admitted == 1 else 'ones'}"
    )


def nothing_admitted(measurement: Measurement) -> bool:
    """Whether a rate limit rejected every request that was sent."""
    counts = measurement.counts
    return bool(counts.throttled) and counts.throttled + counts.dropped == counts.scheduled


def unexplained(measurement: Measurement) -> int:
    """How many were answered with 429 and without the `Retry-After` that would make them throttled."""
    return max(0, measurement.statuses.get("429", 0) - measurement.counts.throttled)


def limit_statuses(measurement: Measurement) -> tuple[int, ...]:
    """Which of the statuses of rate limits, 429 and 503, the target responded with."""
    return tuple(status for status in (429, 503) if measurement.statuses.get(str(status)))


def _answers(measurement: Measurement) -> str:
    seen = [status for status in ("429", "503") if measurement.statuses.get(status)]
    return f"{' or '.join(seen) or 'refused'} with Retry-After"
