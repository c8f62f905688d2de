"""Findings about creep, acceptance without an answer and dismissals, with made-up parameters."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from loadtasks.results.error_counts import ErrorCounts
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.lifecycle import AcceptedAutomatically, AcceptedMetric, CreepDrift, ThresholdRaised

C = FindingCode
RUN, EARLIER_RUN = "20261128T225600Z-3fa9", "20260303T020000Z-77c0"
DRIFT: Mapping[str, Any] = {
    "ratio": 1.062,
    "low": 1.05,
    "high": 1.074,
    "anchor_run": EARLIER_RUN,
    "first_run": EARLIER_RUN,
    "first_run_started_at": datetime(2026, 3, 3, 2, 0, tzinfo=UTC),
    "runs": 380,
    "days": 380.0,
}


def creep(metric: str, now: float, anchor: float, **changes: Any) -> Finding:
    return Finding(
        code=C.CREEP, metric=metric, observed=now, limit=anchor, parameters=CreepDrift(**{**DRIFT, **changes})
    )


def accepted(*metrics: AcceptedMetric) -> Finding:
    parameters = AcceptedAutomatically(regression=7, found_run=RUN, first_run=EARLIER_RUN, runs=30, metrics=metrics)
    return Finding(code=C.ACCEPTED_AUTOMATICALLY, parameters=parameters)


P50 = AcceptedMetric(metric="p50_s", before=0.1, ratio=1.12)
EXAMPLES: Mapping[FindingCode, Finding] = {
    C.CREEP: creep("p50_s", 0.1062, 0.1),
    C.ACCEPTED_AUTOMATICALLY: accepted(P50),
    C.THRESHOLD_RAISED: Finding(
        code=C.THRESHOLD_RAISED, metric="p50_s", parameters=ThresholdRaised(log_odds=1.3, dismissed=(5,))
    ),
}
ERRORS = ErrorCounts(failed_before=0, requests_before=900_000, failed=50, requests=10_000, low=0.0038, high=0.00659)
VARIANTS = (
    creep("throughput_per_s", 94.0, 100.0, ratio=0.94, low=0.93, high=0.95, runs=200, days=9.5),
    creep("p95_s", 0.21, 0.2, relative_to_median=True),
    accepted(P50, AcceptedMetric(metric="throughput_per_s", before=100.0, ratio=0.9)),
    accepted(AcceptedMetric(metric="success_rate", before=1.0, ratio=0.995, errors=ERRORS)),
    Finding(code=C.THRESHOLD_RAISED, metric="p95_s", parameters=ThresholdRaised(log_odds=2.0, dismissed=(5, 7))),
    Finding(code=C.THRESHOLD_RAISED, metric="p95_s", parameters=ThresholdRaised(log_odds=2.0)),
)
