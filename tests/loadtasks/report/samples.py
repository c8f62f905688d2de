"""Runs made up for the tests of the report: nine scenarios as in a real run, with the faults that a test needs."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np

from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.measurement.health import Calibration, Saturation, SaturationCode
from loadtasks.measurement.metrics import METRICS
from loadtasks.measurement.model import Exemplar, Measurement, metric
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.causes.failures import RateLimited
from loadtasks.results.findings.causes.slowness import RequestStep, SlowStep
from loadtasks.results.findings.codes import FindingCode, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import BaselineShift, RegressionShift, Shape, Suspected
from loadtasks.results.findings.reference import Inconclusive, MetricRatio
from loadtasks.results.findings.targets import (
    Bound,
    Comparison,
    ErrorSummary,
    InsufficientSample,
    MetTarget,
    Sample,
    TargetMissed,
    TargetsMet,
    Throttled,
)
from loadtasks.results.findings.validity import FailureDetail, SaturationParameters
from loadtasks.results.judgement import MetricComparison, Verdict, overall
from tests.measurements import STARTED_AT, exemplar, health, measurement, run

CALIBRATION = Calibration(ceiling_per_s=58_000, jitter_p99_s=0.0009)
BASELINE = "20261123T020000Z-b0b0"
REGRESSION = 7
"""The id of the regression that a run finds."""
BROADCAST_LOAD = {"model": "broadcast", "listeners": 20, "events": 50, "rate": 25.0}
PART_LOAD = {"model": "closed", "workers": 5, "requests": 30}
SCENARIOS = {
    # median, sigma of the logarithm, requests, seconds, load
    "dashboard.concurrent": (0.0119, 0.30, 100, 0.13, {"model": "closed", "workers": 10, "requests": 100}),
    "dashboard.sustained": (0.0078, 0.35, 5210, 10.0, {"model": "closed", "workers": 5, "duration_s": 10.0}),
    "sessions.concurrent": (0.0163, 0.25, 100, 0.18, {"model": "closed", "workers": 10, "requests": 100}),
    "sessions.filtered": (0.0212, 0.60, 100, 0.31, {"model": "closed", "workers": 10, "requests": 100}),
    "config_get.concurrent": (0.0019, 0.40, 100, 0.024, {"model": "closed", "workers": 10, "requests": 100}),
    "config_put.sequential": (0.0034, 0.30, 20, 0.09, {"model": "closed", "workers": 1, "requests": 20}),
    "websocket.connections": (0.0312, 0.25, 50, 0.07, {"model": "connections", "connections": 50}),
    "websocket.broadcast": (0.00092, 0.50, 1000, 2.0, BROADCAST_LOAD),
}
PARTS = {
    "dashboard": 0.024,
    "sessions": 0.031,
    "config_get": 0.0061,
    "config_put": 0.0094,
    "websocket": 0.041,
}


def _times(median_s: float, sigma: float, number: int, seed: int) -> Sequence[float]:
    times: Sequence[float] = np.random.default_rng(seed).lognormal(np.log(median_s), sigma, number).tolist()
    return times


def _exemplars(times_s: Sequence[float], seed: int) -> list[Exemplar]:
    """The ten slowest, of a target that responds with request ids."""
    random = np.random.default_rng(seed)
    return [
        exemplar(
            time,
            request="GET /api/v1/dashboard/stats?window=24h",
            due_s=float(random.uniform(0, 2)),
            request_id=random.bytes(8).hex(),
            traceparent=f"00-{random.bytes(16).hex()}-{random.bytes(8).hex()}-01",
        )
        for time in sorted(times_s, reverse=True)[:10]
    ]


def measured(scenario: str, seed: int = 1, slower: float = 1.0, **changes: object) -> list[Measurement]:
    """The measurements of a scenario: the whole, then its parts."""
    if scenario == "mixed.concurrent":
        parts = [
            measurement(
                scenario,
                part=part,
                times_s=_times(median_s * slower, 0.35, 30, seed + number),
                elapsed_s=0.9,
                load=PART_LOAD,
            )
            for number, (part, median_s) in enumerate(PARTS.items())
        ]
        times = [
            time
            for number, median_s in enumerate(PARTS.values())
            for time in _times(median_s * slower, 0.35, 30, number)
        ]
        whole = measurement(
            scenario,
            times_s=times,
            elapsed_s=0.9,
            load={"model": "mixed", "parts": dict.fromkeys(PARTS, PART_LOAD)},
            exemplars=_exemplars(times, seed),
        )
        return [whole, *parts]
    median_s, sigma, number, seconds, load = SCENARIOS[scenario]
    times_s: Sequence[float] = changes.get("times_s", _times(median_s * slower, sigma, number, seed))  # type: ignore[assignment]
    plausible: dict[str, object] = {
        "times_s": times_s,
        "exemplars": _exemplars(times_s, seed),
        "health": health(sent_per_s=len(times_s) / seconds, calibration=CALIBRATION),
        "elapsed_s": seconds * slower,
        "load": load,
        "server": {"db": median_s * slower * 0.55, "serialize": median_s * 0.2} if "websocket" not in scenario else {},
    }
    return [measurement(scenario, **(plausible | changes))]  # type: ignore[arg-type]


def result(
    scenario: str,
    verdict: Verdict = Verdict.PASS,
    *findings: Finding,
    measurements: list[Measurement] | None = None,
    baseline: bool = True,
) -> ScenarioResult:
    """One scenario of a run; its baseline was a little faster."""
    measurements = measured(scenario) if measurements is None else measurements
    baseline = baseline and verdict is not Verdict.INVALID
    before = [
        earlier.model_copy(update={"started_at": earlier.started_at - timedelta(days=1)})
        for earlier in (measured(scenario, seed=7, slower=0.97) if baseline else ())
    ]
    return ScenarioResult(
        scenario=scenario,
        endpoint=scenario.partition(".")[0],
        verdict=verdict,
        findings=[*findings, *(_met(scenario, measurements[0], findings) if verdict is not Verdict.INVALID else ())],
        comparisons=list(_comparisons(measurements, before)),
        baseline_run=BASELINE if baseline else None,
        measurements=measurements,
        baseline=before,
    )


def _met(scenario: str, measured: Measurement, findings: Sequence[Finding]) -> Iterator[Finding]:
    """The targets of a scenario that it does not miss, of success and p95."""
    demands = {"success_rate": (Comparison.AT_LEAST, 0.95), "p95_s": (Comparison.BELOW, 2.0)}
    missed_ones = {finding.metric for finding in findings if finding.code is FindingCode.TARGET_MISSED}
    targets = [
        MetTarget(
            metric=name,
            observed=metric(measured, name),
            expectation="expect_column_values_to_be_between",
            suite=f"{scenario.partition('.')[0]}.json",
            bounds=(Bound(comparison=comparison, value=limit),),
        )
        for name, (comparison, limit) in demands.items()
        if name not in missed_ones
    ]
    if targets:
        yield Finding(code=FindingCode.TARGETS_MET, parameters=TargetsMet(targets=tuple(targets)))


def document(*results: ScenarioResult, **changes: object) -> ResultsDocument:
    """A run of these scenarios; all nine, all passing, unless some are given."""
    scenarios = list(results) or [result(scenario) for scenario in (*SCENARIOS, "mixed.concurrent")]
    planned = [scenario.scenario for scenario in scenarios]
    ended = run().started_at.replace(second=42)
    return ResultsDocument(
        run=run(**({"scenarios": planned, "ended_at": ended, "trigger": "scheduled"} | changes)),
        verdict=overall([scenario.verdict for scenario in scenarios]),
        scenarios=scenarios,
    )


def missed_target() -> ScenarioResult:
    """`dashboard.sustained` at 3 s and above, with errors; its p95 target of 2 s missed."""
    slow = _times(2.9, 0.02, 17, 3)
    measurements = measured(
        "dashboard.sustained",
        times_s=slow,
        failed=3,
        error=ErrorCode.TIMEOUT,
        elapsed_s=10.4,
        server={"db": 2.7, "serialize": 0.004},
        statuses={"200": 17, "503": 2},
        errors=[
            ErrorCount(
                code=ErrorCode.STATUS,
                count=2,
                sample='GET /api/v1/dashboard/stats: 503 Service Unavailable, {"detail": "busy"}',
            ),
            ErrorCount(code=ErrorCode.TIMEOUT, count=1, sample="GET /api/v1/dashboard/stats: no response within 10 s"),
        ],
    )
    observed = measurements[0].p95_s
    assert observed is not None
    return result(
        "dashboard.sustained",
        Verdict.FAIL,
        missed("success_rate", 0.85, 0.95, Comparison.AT_LEAST),
        missed("p95_s", observed, 2.0),
        Finding(
            code=FindingCode.DATABASE_SLOW,
            likelihood=Likelihood.LIKELY,
            parameters=SlowStep(step=RequestStep(name="server:db", now_s=2.7, before_s=0.0042, share=0.93)),
        ),
        measurements=measurements,
    )


def missed(
    metric: str, observed: float, limit: float, comparison: Comparison = Comparison.BELOW, part: str = ""
) -> Finding:
    """A missed target."""
    return Finding(
        code=FindingCode.TARGET_MISSED,
        part=part,
        metric=metric,
        observed=observed,
        limit=limit,
        parameters=TargetMissed(
            expectation="expect_column_values_to_be_between",
            suite="dashboard.json",
            bounds=(Bound(comparison=comparison, value=limit),),
        ),
    )


def worse(metric: str, observed: float, level: float, part: str = "") -> Finding:
    """A regression that the run itself found."""
    ratio = observed / level
    return Finding(
        code=FindingCode.REGRESSION,
        part=part,
        metric=metric,
        observed=observed,
        limit=level,
        parameters=RegressionShift(
            ratio=ratio,
            low=ratio * 0.95,
            high=ratio * 1.05,
            first_run=run().id,
            first_run_started_at=STARTED_AT,
            version_before="1.1.0",
            version_after="1.2.0",
            shape=Shape.WHOLE_DISTRIBUTION,
            regression=REGRESSION,
        ),
    )


def regressed() -> ScenarioResult:
    """`sessions.filtered` within its targets and 1.6 times as slow as its baseline."""
    measurements = measured("sessions.filtered", slower=1.6)
    now, before = measurements[0].p95_s, measured("sessions.filtered", seed=7, slower=0.97)[0].p95_s
    assert now is not None
    assert before is not None
    return result(
        "sessions.filtered",
        Verdict.REGRESSED,
        worse("p95_s", now, before),
        measurements=measurements,
    )


def not_measured() -> ScenarioResult:
    """`websocket.broadcast`, for which the target no longer responded."""
    return unreachable("websocket.broadcast")


def unreachable(scenario: str) -> ScenarioResult:
    """A scenario that could not be measured, since the target is down."""
    detail = "http://127.0.0.1:8000 refuses connections; start the API, then run it again."
    finding = Finding(code=FindingCode.MEASUREMENT_FAILED, parameters=FailureDetail(detail=detail))
    return result(scenario, Verdict.INVALID, finding, measurements=[])


def saturated() -> ScenarioResult:
    """`config_get.concurrent`, measured by a load generator that was saturated."""
    saturation = Saturation(code=SaturationCode.CPU, observed=0.98, limit=0.9)
    measurements = measured(
        "config_get.concurrent", health=health(cpu_share=0.98, loop_lag_p99_s=0.13, saturation=[saturation])
    )
    return result(
        "config_get.concurrent",
        Verdict.INVALID,
        Finding(code=FindingCode.GENERATOR_SATURATED, parameters=SaturationParameters(saturation=saturation)),
        measurements=measurements,
    )


def bad_run() -> ResultsDocument:
    """Everything at once: missed targets, a regression, an improvement, a saturated generator, nothing measured.

    A scenario is inconclusive, and another one suspected.
    """
    faults = {
        bad.scenario: bad
        for bad in (
            missed_target(),
            regressed(),
            not_measured(),
            saturated(),
            improved(),
            part_missed(),
            inconclusive(),
            suspected(),
        )
    }
    return document(*(faults.get(name) or result(name) for name in (*SCENARIOS, "mixed.concurrent")))


def improved() -> ScenarioResult:
    """`sessions.concurrent`, a third faster than its baseline."""
    return result(
        "sessions.concurrent",
        Verdict.IMPROVED,
        Finding(
            code=FindingCode.IMPROVEMENT,
            metric="p50_s",
            observed=0.0108,
            limit=0.0158,
            parameters=BaselineShift(
                ratio=0.68, low=0.63, high=0.74, first_run="20261123T020000Z-b0b0", first_run_started_at=STARTED_AT
            ),
        ),
        measurements=measured("sessions.concurrent", slower=0.66),
    )


def inconclusive() -> ScenarioResult:
    """`config_put.sequential`, whose rounds with a reference ended without a decision."""
    ratio = MetricRatio(metric="p50_s", ratio=1.03, low=0.97, high=1.09, inconclusive=True)
    finding = Finding(code=FindingCode.INCONCLUSIVE, parameters=Inconclusive(metrics=(ratio,), rounds=24, more_s=240.0))
    return result("config_put.sequential", Verdict.PASS, finding)


def suspected() -> ScenarioResult:
    """`dashboard.concurrent`, whose p95 looks worse than its baseline, for the first time."""
    finding = Finding(code=FindingCode.SUSPECTED, parameters=Suspected(metrics=("p95_s",)))
    return result(
        "dashboard.concurrent", Verdict.PASS, finding, measurements=measured("dashboard.concurrent", slower=1.12)
    )


def throttled() -> ScenarioResult:
    """`sessions.filtered`, of which a rate limit of the target admitted 60 of 100 requests."""
    times_s = _times(0.0212, 0.6, 60, 5)
    return result(
        "sessions.filtered",
        Verdict.FAIL,
        missed("throttled", 40, 0, Comparison.EQUAL),
        Finding(
            code=FindingCode.THROTTLED,
            metric="throttled",
            observed=40,
            parameters=Throttled(throttled=40, scheduled=100, statuses=(429,)),
        ),
        few_requests(),
        Finding(
            code=FindingCode.RATE_LIMITED,
            likelihood=Likelihood.LIKELY,
            parameters=RateLimited(throttled=40, scheduled=100, statuses=(429,)),
        ),
        measurements=measured("sessions.filtered", times_s=times_s, throttled=40, statuses={"200": 60, "429": 40}),
    )


def nothing_succeeded() -> ErrorSummary:
    """Twenty requests that all failed."""
    return ErrorSummary(admitted=20, not_completed=20)


def few_requests() -> Finding:
    """A p95 with a target and too few requests."""
    return Finding(
        code=FindingCode.INSUFFICIENT_SAMPLE,
        metric="p95_s",
        parameters=InsufficientSample(needed=72, samples=(Sample(part="", requests=60),)),
    )


def part_missed() -> ScenarioResult:
    """`mixed.concurrent`, of which the sessions part missed its target."""
    return result("mixed.concurrent", Verdict.FAIL, missed("mean_s", 1.62, 1.5, part="sessions"))


def _comparisons(measurements: list[Measurement], before: list[Measurement]) -> Iterator[MetricComparison]:
    for now, then in zip(measurements, before, strict=False):
        for name in ("success_rate", "throughput_per_s", "mean_s", "p50_s", "p95_s", "p99_s"):
            assert name in METRICS
            observed, earlier = metric(now, name), metric(then, name)
            if observed is not None and earlier is not None:
                yield MetricComparison(
                    part=now.part,
                    metric=name,
                    observed=observed,
                    baseline=earlier,
                    ratio=observed / earlier if earlier else None,
                    low=observed / earlier / 1.35 if earlier and name != "success_rate" else None,
                    high=observed / earlier * 1.35 if earlier and name != "success_rate" else None,
                )
