"""Parameters of the findings about when a target served, and when its responses came."""

from collections.abc import Mapping

from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.parameters import Parameters


class Outage(Parameters):
    """A time in which every request failed, the longest of the load."""

    share: float
    """The availability: the share of the load's time in which the target served, 0 to 1."""
    longest_s: float
    """The longest time in which every request failed."""
    from_s: float
    """When it began, in seconds after the load's start."""
    refused_s: float
    """The longest time in which connections were attempted and none was established; 0 where there was none."""
    sample: str = ""
    """The text of one of the load's most frequent errors."""

    @classmethod
    def of(cls, measurement: Measurement) -> "Outage | None":
        """The longest outage of a measurement; None where there was none that is worth a sentence."""
        availability = measurement.availability
        if availability is None or not availability.has_outage or availability.longest_outage_from_s is None:
            return None
        return cls(
            share=availability.share,
            longest_s=availability.longest_outage_s,
            from_s=availability.longest_outage_from_s,
            refused_s=availability.longest_refused_s,
            sample=measurement.errors[0].sample if measurement.errors else "",
        )


class Stragglers(Parameters):
    """Responses that came after the profile's duration."""

    stragglers: int
    completed: int
    duration_s: float


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {
    FindingCode.OUTAGE: Outage,
    FindingCode.STRAGGLERS: Stragglers,
    FindingCode.TARGET_DOWN: Outage,
    FindingCode.TARGET_NOT_SERVING: Outage,
}
"""By code; a code that is missing here has no parameters."""
