"""Diagnosis: the likely causes of a missed target or a regression, named from what was measured.

Each rule names what its data supports; docs/verdict.md has them in a table. A cause with more than one explanation is a
possible one.
"""

from collections.abc import Sequence
from dataclasses import replace

from loadtasks.measurement.model import Measurement
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.results.findings.codes import FindingCode, FindingKind, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes import (
    failed_requests,
    failed_websockets,
    outages,
    rate_limits,
    slow_requests,
    slow_websockets,
    target_metrics,
)
from loadtasks.verdict.causes.case import MIN_GROWTH, Case, Rule
from loadtasks.verdict.targets import throttling

FAILURES: tuple[Rule, ...] = (rate_limits.throttled, outages.down, failed_requests.failing, failed_websockets.failing)
RULES: tuple[Rule, ...] = (
    target_metrics.dependencies,
    *FAILURES,
    slow_requests.slow,
    slow_websockets.slow,
    slow_requests.connecting,
)
"""In the order in which people should look."""
_NO_METRICS = TargetMetrics()


def diagnose(
    measurements: Sequence[Measurement],
    baseline: Sequence[Measurement],
    findings: Sequence[Finding],
    min_growth: float = MIN_GROWTH,
) -> list[Finding]:
    """The likely causes of what the findings say is wrong, for the whole and for each part that is concerned.

    `min_growth`: the increase is attributed when the mean exceeds this multiple of the baseline's.
    """
    before_by_part = {measurement.part: measurement for measurement in baseline}
    now, before = _target_metrics(measurements), _target_metrics(baseline)
    expected = throttling.is_expected(findings)
    whole = next((measurement for measurement in measurements if not measurement.part), None)
    whole_before = _comparable(whole, before_by_part.get("")) if whole is not None else None
    cases = [
        Case(
            measurement,
            _comparable(measurement, before_by_part.get(measurement.part)),
            _wrong_metrics(findings, measurement.part),
            now or _NO_METRICS,
            before or _NO_METRICS,
            throttling_expected=expected,
            baseline_whole=whole_before,
            min_growth=min_growth,
        )
        for measurement in measurements
    ]
    parts = tuple(case for case in cases if case.measurement.part)
    causes = [
        cause
        for case in cases
        if case.metrics
        for cause in _causes(case if case.measurement.part else replace(case, parts=parts))
    ]
    return [*causes, *target_metrics.notes(now, before)]


def _comparable(measurement: Measurement, other: Measurement | None) -> Measurement | None:
    return other if other is not None and other.scenario_hash == measurement.scenario_hash else None


def _wrong_metrics(findings: Sequence[Finding], part: str) -> frozenset[str]:
    """The metrics that are bad, but for targets that could not be evaluated, of which the API is no cause."""
    return frozenset(
        finding.metric
        for finding in findings
        if finding.part == part
        and (finding.misses_target or finding.kind is FindingKind.REGRESSION)
        and finding.code is not FindingCode.TARGET_NOT_EVALUATED
    )


def _causes(case: Case) -> list[Finding]:
    """What the rules find; of a mixed scenario how its parts failed, unless a part has a diagnosis of its own."""
    if not case.parts:
        return [cause for rule in RULES for cause in rule(case)] or [_unknown(case)]
    undiagnosed = [part for part in case.parts if not part.metrics]
    causes = [
        *target_metrics.dependencies(case),
        *(cause for part in undiagnosed for rule in FAILURES for cause in rule(part)),
        *slow_requests.slow(case),
    ]
    return causes or ([_unknown(case)] if len(undiagnosed) == len(case.parts) else [])


def _unknown(case: Case) -> Finding:
    return case.cause(FindingCode.CAUSE_UNKNOWN, likelihood=Likelihood.POSSIBLE)


def _target_metrics(measurements: Sequence[Measurement]) -> TargetMetrics | None:
    """The target's own metrics of a scenario, which are kept with the whole."""
    return next((measurement.target_metrics for measurement in measurements if not measurement.part), None)
