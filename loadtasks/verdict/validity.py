"""Validity: whether a measurement can be trusted. Of one that can't, nothing is claimed."""

from collections.abc import Iterator, Mapping, Sequence

from loadtasks import units
from loadtasks.measurement.errors import ErrorCode
from loadtasks.measurement.health import Saturation
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.validity import SaturationParameters
from loadtasks.verdict.targets import throttling

_NOT_REACHED = frozenset({ErrorCode.REFUSED, ErrorCode.UNREACHABLE})
"""Errors that say nothing of the API: it never saw the request."""


def findings(
    scenario: str, measurements: Sequence[Measurement], failures: Mapping[str, str], planned: bool = True
) -> list[Finding]:
    """Why a scenario can't be trusted; empty when it can."""
    found = []
    if scenario in failures:
        found.append(Finding(kind=FindingKind.VALIDITY, sentence=failures[scenario]))
    elif planned and not measurements:
        found.append(Finding(kind=FindingKind.VALIDITY, sentence="was not measured"))
    seen: set[str | Saturation] = set()
    for measurement in measurements:
        for sentence in _doubts(measurement):
            # The whole comes first: what is said of it need not be said again of each part (they share a generator).
            if sentence not in seen:
                seen.add(sentence)
                found.append(Finding(kind=FindingKind.VALIDITY, part=measurement.part, sentence=sentence))
        for saturation in measurement.health.saturation:
            if saturation not in seen:
                seen.add(saturation)
                found.append(
                    Finding(
                        code=FindingCode.GENERATOR_SATURATED,
                        part=measurement.part,
                        parameters=SaturationParameters(saturation=saturation),
                    )
                )
    return found


def _doubts(measurement: Measurement) -> Iterator[str]:
    counts = measurement.counts
    if counts.conservation_gap:
        yield (
            f"the conservation law is broken: {counts.scheduled} scheduled, but {counts.completed} completed + "
            f"{counts.throttled} throttled + {counts.failed} failed + {counts.dropped} dropped + {counts.in_flight} in "
            "flight; the load engine lost count, so none of its numbers hold"
        )
    if not counts.scheduled:
        yield "nothing was scheduled, so nothing was measured"
    elif (refused := throttling.doubt(measurement)) is not None:
        yield refused
    elif _none_arrived(measurement):
        first = measurement.errors[0]
        yield f"none of {units.plural(counts.scheduled, 'request')} reached the target, e.g. {first.sample}"


def _none_arrived(measurement: Measurement) -> bool:
    counts = measurement.counts
    codes = {error.code for error in measurement.errors}
    return (
        not counts.completed
        and not counts.throttled
        and not counts.in_flight
        and bool(codes & _NOT_REACHED)
        and codes <= _NOT_REACHED | {ErrorCode.DROPPED}
    )
