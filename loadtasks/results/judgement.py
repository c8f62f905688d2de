"""Verdicts with their findings and comparisons, as they are kept. `loadtasks.verdict` makes them."""

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
    """Targets are met, but it is worse than the baseline or the reference."""
    IMPROVED = "improved"
    INVALID = "invalid"
    """The measurement can't be trusted, so it says nothing about the API."""

    @property
    def good(self) -> bool:
        """Whether there is nothing to act on."""
        return self in (Verdict.PASS, Verdict.IMPROVED)

    @property
    def exit_code(self) -> ExitCode:
        """The command line's exit code."""
        if self.good:
            return ExitCode.GOOD
        return ExitCode.INVALID if self is Verdict.INVALID else ExitCode.NOT_GOOD


class MetricComparison(BaseModel):
    """One metric of a measurement against its baseline, or against the reference."""

    model_config = ConfigDict(frozen=True)

    part: str = ""
    metric: str
    observed: float
    baseline: float
    ratio: float | None
    """observed / baseline; None where the baseline is 0. In a paired run it is the ratio of the rounds."""
    low: float | None = None
    """The lower end of the ratio's 95 % confidence interval: of the rounds in a paired run, else of how much comparable
    runs differ. None where that is unknown."""
    high: float | None = None
    """The upper end of the same interval."""


class ScenarioVerdict(BaseModel):
    """What one scenario of a run means."""

    model_config = ConfigDict(frozen=True)

    scenario: str
    verdict: Verdict
    findings: list[Finding] = []
    comparisons: list[MetricComparison] = []
    baseline_run: str | None = None
    """The run whose measurements are shown for comparison: the last one before a change, else the baseline run."""


def overall(verdicts: list[Verdict]) -> Verdict:
    """The verdict of a run from those of its scenarios.

    A missed target or a regression is a firm claim and stands first; then invalid, since an unmeasured scenario must
    not pass for a good one; then pass, or improved where something improved.
    """
    for verdict in (Verdict.FAIL, Verdict.REGRESSED, Verdict.INVALID, Verdict.IMPROVED):
        if verdict in verdicts:
            return verdict
    return Verdict.PASS if verdicts else Verdict.INVALID
