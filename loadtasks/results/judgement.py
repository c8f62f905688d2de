"""Verdicts and the findings they rest on, as they are kept. How they are reached is `loadtasks.verdict`'s."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from loadtasks.errors import ExitCode
from loadtasks.results.findings.finding import Finding


class Verdict(StrEnum):
    """What a measurement, or a whole run, means."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    """A target was missed."""
    REGRESSED = "regressed"
    """Targets are met, but it got worse than its level."""
    IMPROVED = "improved"
    INVALID = "invalid"
    """The measurement can't be trusted: nothing is claimed of the API."""

    @property
    def good(self) -> bool:
        """Whether nobody needs to act."""
        return self in (Verdict.PASS, Verdict.IMPROVED)

    @property
    def exit_code(self) -> ExitCode:
        """The command line's exit code."""
        if self.good:
            return ExitCode.GOOD
        return ExitCode.INVALID if self is Verdict.INVALID else ExitCode.NOT_GOOD


class MetricComparison(BaseModel):
    """One metric of a measurement and its level: the median of the comparable earlier runs."""

    model_config = ConfigDict(frozen=True)

    part: str = ""
    metric: str
    observed: float
    baseline: float
    ratio: float | None
    """observed / baseline; None when the baseline is 0. Beside a reference it is that of the rounds."""
    low: float | None = None
    """Beside a reference: where the ratio lies at least, with the confidence that the verdict asks for."""
    high: float | None = None
    """Likewise, at most."""


class ScenarioVerdict(BaseModel):
    """What one scenario of a run means."""

    model_config = ConfigDict(frozen=True)

    scenario: str
    verdict: Verdict
    findings: list[Finding] = []
    comparisons: list[MetricComparison] = []
    baseline_run: str | None = None
    """The run whose measurements are shown beside its own: the last one before a change, else the baseline's."""


def overall(verdicts: list[Verdict]) -> Verdict:
    """The verdict of a run from those of its scenarios.

    A missed target or a regression is a firm claim and stands first; then invalid, since an unmeasured scenario must
    not pass for a good one; then pass, or improved where something improved.
    """
    for verdict in (Verdict.FAIL, Verdict.REGRESSED, Verdict.INVALID, Verdict.IMPROVED):
        if verdict in verdicts:
            return verdict
    return Verdict.PASS if verdicts else Verdict.INVALID
