"""Findings of the baseline with made-up parameters: of every code, and in every wording."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from loadtasks.results.error_counts import ErrorCounts
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import (
    AcknowledgedShift,
    BaselineShift,
    BaselineTooShort,
    Confirmation,
    ConfirmationRepetition,
    EnvironmentChanged,
    GainLost,
    KnownRegression,
    NotComparable,
    RegressionShift,
    Shape,
    Suspected,
)
from loadtasks.results.fingerprint import FingerprintField, FingerprintValue

C = FindingCode
RUN, EARLIER_RUN = "20261128T225600Z-3fa9", "20261127T020000Z-77c0"
SLOWER: Mapping[str, Any] = {
    "ratio": 4.3,
    "low": 3.1,
    "high": 6.0,
    "first_run": RUN,
    "first_run_started_at": datetime(2026, 11, 28, 22, 56, tzinfo=UTC),
    "version_before": "1.4.2",
    "version_after": "1.4.2",
}
KNOWN: Mapping[str, Any] = {**SLOWER, "version_before": "1.4.1", "regression": 7, "found_run": EARLIER_RUN}


def shift(
    code: FindingCode, parameters: BaselineShift, metric: str = "p50_s", observed: float | None = 0.0232
) -> Finding:
    return Finding(code=code, metric=metric, observed=observed, limit=0.00556, parameters=parameters)


def errors(
    code: FindingCode, failed_before: int, requests_before: int, failed: int, requests: int, low: float, high: float
) -> Finding:
    """A change of the error rate."""
    counts = ErrorCounts(
        failed_before=failed_before,
        requests_before=requests_before,
        failed=failed,
        requests=requests,
        low=low,
        high=high,
    )
    before, now = 1 - counts.rate_before, 1 - counts.rate
    shifted = {**SLOWER, "ratio": now / before, "low": (1 - high) / before, "high": (1 - low) / before}
    model = RegressionShift if code is C.REGRESSION else BaselineShift
    parameters = model(**shifted, errors=counts)
    return Finding(code=code, metric="success_rate", observed=now, limit=before, parameters=parameters)


def environment_changed(metric: str = "p50_s", **changes: Any) -> Finding:
    plausible = {
        "control": "null_server",
        "control_ratio": 1.31,
        "ratio": 1.24,
        "first_run": RUN,
        "first_run_started_at": datetime(2026, 11, 28, 22, 56, tzinfo=UTC),
    }
    parameters = EnvironmentChanged.model_validate(plausible | changes)
    return Finding(code=C.ENVIRONMENT_CHANGED, metric=metric, observed=0.0069, limit=0.00556, parameters=parameters)


def not_comparable(
    field: FingerprintField, now: FingerprintValue, before: FingerprintValue, new_baseline: bool = True
) -> Finding:
    parameters = NotComparable(field=field, now=now, before=before, other_run=EARLIER_RUN, new_baseline=new_baseline)
    return Finding(code=C.NOT_COMPARABLE, parameters=parameters)


def confirmation(*p50_s: float | None, reported: int, **changes: Any) -> Finding:
    repetitions = tuple(ConfirmationRepetition(p50_s=one, p95_s=0.04, success_rate=1.0) for one in p50_s)
    parameters = Confirmation(repetitions=repetitions, reported=reported, confirmed=True)
    return Finding(code=C.CONFIRMATION, parameters=parameters.model_copy(update=changes))


EXAMPLES: Mapping[FindingCode, Finding] = {
    C.REGRESSION: shift(C.REGRESSION, RegressionShift(**SLOWER, shape=Shape.WHOLE_DISTRIBUTION, regression=7)),
    C.REGRESSION_ACKNOWLEDGED: shift(
        C.REGRESSION_ACKNOWLEDGED, AcknowledgedShift(**KNOWN, acknowledged_by="ada", why="the index is being built")
    ),
    C.IMPROVEMENT: shift(
        C.IMPROVEMENT, BaselineShift(**{**SLOWER, "ratio": 0.8, "low": 0.75, "high": 0.85}), observed=0.00445
    ),
    C.RECOVERING: Finding(
        code=C.RECOVERING, parameters=KnownRegression(regression=7, found_run=RUN, first_run=EARLIER_RUN)
    ),
    C.RECOVERED: Finding(
        code=C.RECOVERED, parameters=KnownRegression(regression=7, found_run=RUN, first_run=EARLIER_RUN)
    ),
    C.SUSPECTED: Finding(code=C.SUSPECTED, parameters=Suspected(metrics=("p50_s",))),
    C.ENVIRONMENT_CHANGED: environment_changed(),
    C.BASELINE_TOO_SHORT: Finding(code=C.BASELINE_TOO_SHORT, parameters=BaselineTooShort(missing_runs=13)),
    C.NOT_COMPARABLE: not_comparable(
        FingerprintField.LOAD,
        {"model": "closed", "workers": 10, "requests": 100},
        {"model": "closed", "workers": 5, "requests": 50},
    ),
    C.CONFIRMATION: confirmation(0.0235, 0.0233, 0.0224, 0.0232, reported=4),
}
VARIANTS = (
    shift(C.REGRESSION, RegressionShift(**KNOWN)),
    shift(C.REGRESSION, RegressionShift(**{**SLOWER, "version_before": None, "version_after": None})),
    shift(C.REGRESSION, RegressionShift(**{**SLOWER, "version_before": None}), observed=None),
    shift(C.REGRESSION, RegressionShift(**SLOWER, relative_to_median=True, shape=Shape.TAIL_MORE), "p95_s"),
    shift(C.REGRESSION, RegressionShift(**SLOWER, relative_to_median=True, shape=Shape.TAIL_ONLY), "p95_s"),
    Finding(
        code=C.REGRESSION,
        metric="success_rate",
        observed=0.9,
        limit=1.0,
        parameters=RegressionShift(**{**SLOWER, "ratio": 0.9, "low": 0.86, "high": 0.93}),
    ),
    *(
        Finding(
            code=C.REGRESSION,
            metric=metric,
            observed=now,
            limit=gained,
            parameters=RegressionShift(
                **KNOWN | {"ratio": now / gained, "low": now / gained - 0.03, "high": now / gained + 0.03},
                gain=GainLost(
                    first_run=EARLIER_RUN,
                    first_run_started_at=datetime(2026, 10, 12, 2, 0, tzinfo=UTC),
                    before=before,
                    ratio=now / before,
                ),
            ),
        )
        for metric, before, gained, now in (
            ("p50_s", 0.008, 0.0074, 0.0084),
            ("p50_s", 0.008, 0.0074, 0.00801),
            ("p50_s", 0.008, 0.0060, 0.0070),
            ("throughput_per_s", 100.0, 120.0, 95.0),
            ("throughput_per_s", 100.0, 140.0, 120.0),
        )
    ),
    errors(C.REGRESSION, 0, 900_000, 50, 10_000, low=0.0038, high=0.00659),
    errors(C.REGRESSION, 13, 900_000, 12, 50_000, low=0.000137, high=0.00042),
    errors(C.IMPROVEMENT, 9_000, 900_000, 0, 20_000, low=0.0, high=0.000192),
    Finding(code=C.SUSPECTED, parameters=Suspected(metrics=("p50_s", "p95_s", "throughput_per_s"))),
    environment_changed("p95_s", control="static.get", control_ratio=0.8, ratio=0.86, relative_to_median=True),
    environment_changed("connect_mean_s", control="null_connect", first_run_started_at=None),
    Finding(code=C.BASELINE_TOO_SHORT, parameters=BaselineTooShort(missing_runs=1)),
    Finding(code=C.BASELINE_TOO_SHORT, parameters=BaselineTooShort(missing_runs=9, detectable=1.82)),
    not_comparable(FingerprintField.SERVICE, "shop", "shop-staging", new_baseline=False),
    not_comparable(FingerprintField.SCENARIO, "5eed", "feed"),
    not_comparable(FingerprintField.GENERATOR, "b-host", "a-host"),
    not_comparable(FingerprintField.PAIRED, now=False, before=True, new_baseline=False),
    not_comparable(FingerprintField.PROCESSES, 2, 1),
    not_comparable(FingerprintField.MEASUREMENT_VERSION, 2, 1),
    confirmation(0.0235, 0.0056, reported=2, confirmed=False),
    confirmation(1.02, 0.98, 0.97, reported=2),
    confirmation(None, None, reported=1),
    confirmation(
        reported=2,
        repetitions=(
            ConfirmationRepetition(p50_s=0.0235, p95_s=0.04, success_rate=0.99, trusted=False),
            ConfirmationRepetition(p50_s=0.0233, p95_s=0.04, success_rate=0.98),
        ),
    ),
)
"""The same codes with parameters that read otherwise."""
