"""Parameters of the findings that come from paired rounds with a reference."""

from collections.abc import Mapping
from typing import Any

from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.parameters import Parameters


class MetricRatio(Parameters):
    """One metric of the candidate divided by the reference's, by their rounds."""

    metric: str
    """Its name in the registry."""
    ratio: float
    low: float | None
    """The lower end of the ratio's interval; None where the rounds are too few for one."""
    high: float | None
    """The upper end of the ratio's interval; None where the rounds are too few for one."""
    inconclusive: bool = False
    """Whether the test ended without a decision about the metric."""
    starts_disagree: bool = False
    """Whether that is only because not every start of both builds shows the change; False in earlier versions."""


class ReferenceShift(Parameters):
    """One metric of the candidate differs from the reference's, which is the finding's `limit`."""

    ratio: float
    """Candidate / reference."""
    low: float | None
    """The lower end of the ratio's interval; None where the rounds are too few for one."""
    high: float | None
    """The upper end of the ratio's interval; None where the rounds are too few for one."""
    rounds: int
    starts: int = 1
    """How many starts of both builds had 30 rounds or more, and so show it by themselves; 1 in earlier versions."""
    reference_version: str
    """The reference's version, or its URL where it reports none."""
    other: MetricRatio | None = None
    """The median where only the tail shifted, the tail where only the median did; else None."""


WITHOUT_REFERENCE = (FindingCode.REFERENCE_MISSING, FindingCode.REFERENCE_INVALID, FindingCode.REFERENCE_FAILING)
"""Findings of a scenario whose reference was lost or is no yardstick: it was judged by its targets alone."""


class ReferenceMissing(Parameters):
    """The scenario was measured without its reference."""

    error: str
    """What went wrong, as the error put it."""


class ReferenceInvalid(Parameters):
    """The reference's own measurement is not valid."""

    code: FindingCode
    """Why: the code of the finding about the reference's measurement."""
    parameters: dict[str, Any]
    """The parameters of that finding."""


class ReferenceFailing(Parameters):
    """Most requests that the reference was sent failed."""

    failed: int
    """Those that were not completed, the throttled ones left out."""
    scheduled: int
    sample: str = ""
    """One failure; empty where there is none."""


class Inconclusive(Parameters):
    """The sequential test ended without a decision."""

    metrics: tuple[MetricRatio, ...]
    rounds: int
    more_s: float | None = None
    """The estimated seconds for which the scenario would have to be driven on until a change of the relevant effect is
    decided; None where that is not known."""


class RoundsExcluded(Parameters):
    """Rounds were not judged, since the load generator was saturated in them."""

    excluded: int
    rounds: int
    """All rounds, the excluded ones among them."""


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {
    FindingCode.REFERENCE_REGRESSION: ReferenceShift,
    FindingCode.REFERENCE_IMPROVEMENT: ReferenceShift,
    FindingCode.REFERENCE_MISSING: ReferenceMissing,
    FindingCode.REFERENCE_INVALID: ReferenceInvalid,
    FindingCode.REFERENCE_FAILING: ReferenceFailing,
    FindingCode.INCONCLUSIVE: Inconclusive,
    FindingCode.ROUNDS_EXCLUDED: RoundsExcluded,
}
"""By code; a code that is missing here has no parameters."""
