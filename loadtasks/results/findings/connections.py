"""Parameters of the findings about connections that no request failed for."""

from collections.abc import Mapping

from loadtasks.measurement.errors import ErrorCode
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.parameters import Parameters


class StaleConnections(Parameters):
    """Requests that were sent again, since the target had closed the idle connection that they were sent over."""

    stale: int
    scheduled: int


class AddressUnreachable(Parameters):
    """One of the addresses of the target's name that accepted no connection while another one did."""

    address: str
    error: ErrorCode
    """`refused`, `connect_timeout` or `unreachable`."""


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {
    FindingCode.STALE_CONNECTIONS: StaleConnections,
    FindingCode.ADDRESS_UNREACHABLE: AddressUnreachable,
}
"""By code; a code that is missing here has no parameters."""
