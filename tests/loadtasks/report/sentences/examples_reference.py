"""Findings of paired rounds with made-up parameters: of every code, and in every wording."""

from collections.abc import Mapping
from typing import Any

from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.reference import (
    Inconclusive,
    MetricRatio,
    ReferenceFailing,
    ReferenceInvalid,
    ReferenceMissing,
    ReferenceShift,
    RoundsExcluded,
)

C = FindingCode
SLOWER: Mapping[str, Any] = {"ratio": 1.12, "low": 1.09, "high": 1.15, "rounds": 30, "reference_version": "1.4.2"}
TAIL = MetricRatio(metric="p95_s", ratio=1.03, low=0.98, high=1.08, inconclusive=True)


def shift(code: FindingCode, metric: str = "p50_s", candidate: float = 0.112, **changes: Any) -> Finding:
    parameters = ReferenceShift(**{**SLOWER, **changes})
    return Finding(code=code, metric=metric, observed=candidate, limit=0.1, parameters=parameters)


EXAMPLES: Mapping[FindingCode, Finding] = {
    C.REFERENCE_REGRESSION: shift(C.REFERENCE_REGRESSION),
    C.REFERENCE_IMPROVEMENT: shift(C.REFERENCE_IMPROVEMENT, candidate=0.08, ratio=0.8, low=0.77, high=0.83),
    C.REFERENCE_MISSING: Finding(
        code=C.REFERENCE_MISSING, parameters=ReferenceMissing(error="http://127.0.0.1:9 refuses connections.")
    ),
    C.REFERENCE_INVALID: Finding(
        code=C.REFERENCE_INVALID, parameters=ReferenceInvalid(code=C.NOTHING_SCHEDULED, parameters={})
    ),
    C.REFERENCE_FAILING: Finding(
        code=C.REFERENCE_FAILING,
        parameters=ReferenceFailing(failed=390, scheduled=400, sample="GET /things: responded 500, expected 2xx"),
    ),
    C.INCONCLUSIVE: Finding(code=C.INCONCLUSIVE, parameters=Inconclusive(metrics=(TAIL,), rounds=480)),
    C.ROUNDS_EXCLUDED: Finding(code=C.ROUNDS_EXCLUDED, parameters=RoundsExcluded(excluded=6, rounds=36)),
}
VARIANTS = (
    shift(C.REFERENCE_REGRESSION, ratio=4.0, low=None, high=None),
    shift(C.REFERENCE_REGRESSION, other=MetricRatio(metric="p95_s", ratio=1.01, low=0.99, high=1.03)),
    shift(C.REFERENCE_REGRESSION, "p95_s", other=MetricRatio(metric="p50_s", ratio=1.0, low=0.99, high=1.01)),
    shift(C.REFERENCE_REGRESSION, other=TAIL),
    Finding(
        code=C.REFERENCE_INVALID,
        parameters=ReferenceInvalid(
            code=C.GENERATOR_SATURATED,
            parameters={
                "saturation": {"code": "loop_lag", "observed": 0.25, "limit": 0.1, "statistic": "p99", "process": 1}
            },
        ),
    ),
    shift(C.REFERENCE_REGRESSION, rounds=60, starts=2),
    Finding(code=C.INCONCLUSIVE, parameters=Inconclusive(metrics=(TAIL,), rounds=60, more_s=247.3)),
    Finding(
        code=C.INCONCLUSIVE,
        parameters=Inconclusive(
            metrics=(
                MetricRatio(metric="p50_s", ratio=1.09, low=1.03, high=1.16, inconclusive=True, starts_disagree=True),
            ),
            rounds=120,
        ),
    ),
    Finding(
        code=C.INCONCLUSIVE,
        parameters=Inconclusive(
            metrics=(MetricRatio(metric="p50_s", ratio=5.0, low=None, high=None, inconclusive=True), TAIL), rounds=6
        ),
    ),
)
"""The same codes with parameters that read otherwise."""
