"""Parameters of the causes."""

from collections.abc import Mapping

from loadtasks.results.findings.causes import failures, slowness
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.parameters import Parameters

PARAMETERS: Mapping[FindingCode, type[Parameters]] = {**failures.PARAMETERS, **slowness.PARAMETERS}
"""By code; a code that is missing here has no parameters."""
