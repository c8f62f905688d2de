"""Parameters of the causes."""

from collections.abc import Mapping

from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.parameters import Parameters

PARAMETERS: Mapping[FindingCode, type[Parameters]] = {}
"""By code; a code that is missing here has no parameters."""
