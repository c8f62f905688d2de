"""Availability: the share of the time, not of the requests, in which a target served."""

from pydantic import BaseModel, ConfigDict

MIN_LOAD_S = 2.0
"""Availability is measured of loads of this length and more: in a shorter one, one failure would be a large share."""

_MIN_OUTAGE_S = 0.1
"""The shortest outage that is worth a sentence: a worker that is refused tries again after as long."""


class Availability(BaseModel):
    """How much of a load's time the target served, and how long it did not.

    The target is unavailable while requests are sent and every one of them fails: from the first failed request that
    was sent after one that the target served, until the last of them has failed or a request is sent that the target
    serves, whichever comes first. What a rate limit rejects is served. A time in which nothing was sent, or in which
    responses are slow to come, is no outage: without a failed request there is none.
    """

    model_config = ConfigDict(frozen=True)

    share: float
    """Of the load's time, 0 to 1: from its start to the end of its profile, or to the last request where the profile
    has no duration."""
    longest_outage_s: float = 0.0
    """The longest time in which every request failed; 0 where there was none."""
    longest_outage_from_s: float | None = None
    """When that began, in seconds after the load's start; None where there was none."""
    longest_gap_s: float = 0.0
    """The longest time without a successful response, for whatever reason: also because none was asked for, or none was
    due yet."""
    longest_refused_s: float = 0.0
    """The longest time in which connections were attempted and none was established; 0 where there was none."""

    @property
    def has_outage(self) -> bool:
        """Whether there was an outage long enough for a sentence."""
        return self.longest_outage_s >= _MIN_OUTAGE_S
