"""Parameters of the findings that say why a measurement can't be trusted."""

from collections.abc import Mapping

from loadtasks.measurement.health import Saturation
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.parameters import Parameters


class SaturationParameters(Parameters):
    """Where the load generator was saturated."""

    saturation: Saturation


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {FindingCode.GENERATOR_SATURATED: SaturationParameters}
"""By code; a code that is missing here has no parameters."""
