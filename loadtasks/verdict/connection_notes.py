"""What is noted of the connections to a target though no request failed for it: stale ones, and dead addresses."""

from collections.abc import Iterator, Sequence

from loadtasks.measurement.errors import ErrorCode
from loadtasks.measurement.model import Measurement, UnreachableAddress
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.connections import AddressUnreachable, StaleConnections
from loadtasks.results.findings.finding import Finding

_MANY = 0.01
"""Above this share of the requests stale connections are worth a look: each one costs its user a second connection. A
rule of thumb: the share of failures from which a cause is named."""
_NOT_LISTENING_ON_IPV6 = UnreachableAddress(address="::1", code=ErrorCode.REFUSED)
"""Every machine calls both of its own addresses localhost, and most services listen on one of them."""


def notes(measurements: Sequence[Measurement]) -> Iterator[Finding]:
    """What is noted of one scenario: of the whole alone, which has what its parts have."""
    for measurement in measurements:
        if not measurement.part:
            yield from _stale(measurement)
            yield from _unreachable(measurement)


def _stale(measurement: Measurement) -> Iterator[Finding]:
    stale, scheduled = measurement.stale_connections, measurement.counts.scheduled
    if stale:
        yield Finding(
            code=FindingCode.STALE_CONNECTIONS,
            severity=Severity.WARNING if stale > _MANY * scheduled else Severity.INFO,
            metric="stale_connections",
            observed=stale,
            parameters=StaleConnections(stale=stale, scheduled=scheduled),
        )


def _unreachable(measurement: Measurement) -> Iterator[Finding]:
    for unreachable in measurement.unreachable_addresses:
        if unreachable == _NOT_LISTENING_ON_IPV6:
            continue
        without_route = unreachable.code is ErrorCode.UNREACHABLE  # often IPv6, which the load generator lacks
        yield Finding(
            code=FindingCode.ADDRESS_UNREACHABLE,
            severity=Severity.INFO if without_route else Severity.WARNING,
            parameters=AddressUnreachable(address=unreachable.address, error=unreachable.code),
        )
