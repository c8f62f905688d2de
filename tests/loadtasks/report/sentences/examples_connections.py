"""Findings about connections with made-up parameters."""

from collections.abc import Mapping

from loadtasks.measurement.errors import ErrorCode
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.connections import AddressUnreachable, StaleConnections
from loadtasks.results.findings.finding import Finding

C = FindingCode


def stale(number: int, scheduled: int) -> Finding:
    return Finding(
        code=C.STALE_CONNECTIONS,
        severity=Severity.WARNING,
        metric="stale_connections",
        observed=number,
        parameters=StaleConnections(stale=number, scheduled=scheduled),
    )


def unreachable(error: ErrorCode) -> Finding:
    return Finding(
        code=C.ADDRESS_UNREACHABLE,
        severity=Severity.WARNING,
        parameters=AddressUnreachable(address="192.0.2.7", error=error),
    )


EXAMPLES: Mapping[FindingCode, Finding] = {
    C.STALE_CONNECTIONS: stale(50, 1200),
    C.ADDRESS_UNREACHABLE: unreachable(ErrorCode.CONNECT_TIMEOUT),
}
VARIANTS = (
    stale(1, 1200),
    stale(3, 2),
    unreachable(ErrorCode.REFUSED),
    unreachable(ErrorCode.UNREACHABLE),
)
"""The same codes with parameters that read otherwise."""
