"""Findings of two compared results files with made-up parameters: of every code, and in every wording."""

from collections.abc import Mapping
from typing import Any

from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import Shape
from loadtasks.results.findings.other_run import (
    AllowanceSource,
    NotComparedReason,
    OtherRunInconclusive,
    OtherRunNotCompared,
    OtherRunShift,
    RunAllowance,
)
from loadtasks.results.findings.reference import MetricRatio

C, Source = FindingCode, AllowanceSource
OTHER = "20261128T225600Z-3fa9"
SLOWER: Mapping[str, Any] = {
    "ratio": 4.1,
    "low": 1.6,
    "high": 10.4,
    "other_run": OTHER,
    "version_before": "1.4.1",
    "version_after": "1.4.2",
    "scale": 0.125,
    "source": Source.NO_DATABASE,
}


def shift(
    code: FindingCode, metric: str = "p50_s", now: float = 0.205, before: float = 0.05, **changes: Any
) -> Finding:
    parameters = OtherRunShift(**{**SLOWER, **changes})
    return Finding(code=code, metric=metric, observed=now, limit=before, parameters=parameters)


def allowance(source: AllowanceSource, **changes: Any) -> Finding:
    parameters = RunAllowance(source=source, **{"scale": 0.125, "detectable": 2.63, **changes})
    return Finding(code=C.RUN_ALLOWANCE, parameters=parameters)


def not_compared(reason: NotComparedReason) -> Finding:
    return Finding(code=C.OTHER_RUN_NOT_COMPARED, parameters=OtherRunNotCompared(reason=reason, other_run=OTHER))


EXAMPLES: Mapping[FindingCode, Finding] = {
    C.OTHER_RUN_REGRESSION: shift(C.OTHER_RUN_REGRESSION),
    C.OTHER_RUN_IMPROVEMENT: shift(
        C.OTHER_RUN_IMPROVEMENT, now=0.05, before=0.205, ratio=0.24, low=0.1, high=0.63, version_after="1.4.1"
    ),
    C.OTHER_RUN_INCONCLUSIVE: Finding(
        code=C.OTHER_RUN_INCONCLUSIVE,
        parameters=OtherRunInconclusive(
            metrics=(
                MetricRatio(metric="p50_s", ratio=1.1, low=0.42, high=2.9, inconclusive=True),
                MetricRatio(metric="p95_s", ratio=1.2, low=None, high=None, inconclusive=True),
            ),
            other_run=OTHER,
        ),
    ),
    C.OTHER_RUN_NOT_COMPARED: not_compared(NotComparedReason.MISSING_THERE),
    C.RUN_ALLOWANCE: allowance(Source.HISTORY, runs=23, max_runs=23, scale=0.062, detail="var/results.db"),
}
VARIANTS = (
    shift(C.OTHER_RUN_REGRESSION, "p95_s", relative_to_median=True, shape=Shape.TAIL_ONLY, version_before=None),
    shift(C.OTHER_RUN_REGRESSION, "p95_s", relative_to_median=True, shape=Shape.TAIL_MORE, version_after=None),
    shift(C.OTHER_RUN_IMPROVEMENT, "success_rate", now=1.0, before=0.0, ratio=None, low=None, high=None),
    *(not_compared(reason) for reason in NotComparedReason if reason is not NotComparedReason.MISSING_THERE),
    allowance(Source.HISTORY, runs=2, max_runs=23, scale=0.1, detail="var/results.db"),
    allowance(Source.NO_DATABASE, detail="var/results.db"),
    allowance(Source.UNREADABLE_DATABASE, detail="var/results.db: another version of loadtasks wrote it"),
    allowance(Source.NO_COMPARABLE_RUNS, detail="var/results.db"),
    allowance(Source.NOT_ASKED, detectable=None),
)
"""The same codes with parameters that read otherwise."""
