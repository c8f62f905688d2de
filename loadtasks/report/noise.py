"""Which changes say something: those that a finding is about. Most others are within what runs differ by anyway."""

from collections.abc import Collection, Iterable

from loadtasks.measurement.metrics import PERCENTILES
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import MetricComparison

_SHIFTS = (FindingKind.REGRESSION, FindingKind.IMPROVEMENT)
_MOVING = (FindingKind.TARGET, *_SHIFTS)


def moved_metrics(findings: Iterable[Finding]) -> frozenset[str]:
    """The metrics that findings are about: a missed target, a regression, also an acknowledged one, an improvement.

    Where one of the response times has shifted, the percentiles have: one of them is reported, and the others follow.
    """
    moving = [
        finding
        for finding in findings
        if finding.kind in _MOVING or finding.code is FindingCode.REGRESSION_ACKNOWLEDGED
    ]
    shifted = {finding.metric for finding in moving if finding.kind in _SHIFTS} & {*PERCENTILES, "mean_s"}
    return frozenset({*(finding.metric for finding in moving), *(PERCENTILES if shifted else ())})


def claimed_change(
    findings: Iterable[Finding], compared: MetricComparison | None
) -> tuple[float | None, float | None, float | None]:
    """A ratio and the ends of its interval: those of a finding that claims a change, else those of the comparison.

    Args:
        findings: Those about the metric.
        compared: The metric's comparison; None where it was not compared.
    """
    for finding in findings:
        ratio: float | None = getattr(finding.parameters, "ratio", None)
        if ratio is not None:
            return ratio, getattr(finding.parameters, "low", None), getattr(finding.parameters, "high", None)
    return (compared.ratio, compared.low, compared.high) if compared is not None else (None, None, None)


def emphasis(compared: MetricComparison | None, moved: Collection[str]) -> str:
    """How a change is written: `noise` where runs differ by as much anyway, `moved` where a finding is about it.

    A change beyond its interval that no finding is about yet is neither: it takes more than one run to confirm it. One
    without an interval is noise unless a finding is about it.

    Args:
        compared: The metric's comparison; None where it was not compared.
        moved: The metrics that findings are about.
    """
    if compared is None:
        return "noise"
    if compared.low is None or compared.high is None:
        return "moved" if compared.metric in moved else "noise"
    if compared.low <= 1 <= compared.high:
        return "noise"
    return "moved" if compared.metric in moved else ""
