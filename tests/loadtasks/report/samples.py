"""Whole nights for the report's tests: nine scenarios as a real night shows them, or the fault that matters."""

from collections.abc import Iterator, Sequence

import numpy as np

from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.measurement.health import Calibration, Saturation, SaturationCode
from loadtasks.measurement.model import METRICS, Exemplar, Measurement, metric
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.validity import SaturationParameters
from loadtasks.results.judgement import MetricComparison, Verdict, overall
from tests.measurements import exemplar, health, measurement, run

CALIBRATION = Calibration(ceiling_per_s=58_000, jitter_p99_s=0.0009)
BASELINE = "20261123T020000Z-b0b0"
SCENARIOS = {
    # median, spread, requests, seconds, load
    "dashboard.concurrent": (0.0119, 0.30, 100, 0.13, "100 requests, 10 workers"),
    "dashboard.sustained": (0.0078, 0.35, 5210, 10.0, "10 s, 5 workers"),
    "sessions.concurrent": (0.0163, 0.25, 100, 0.18, "100 requests, 10 workers"),
    "sessions.filtered": (0.0212, 0.60, 100, 0.31, "100 requests, 10 workers"),
    "config_get.concurrent": (0.0019, 0.40, 100, 0.024, "100 requests, 10 workers"),
    "config_put.sequential": (0.0034, 0.30, 20, 0.09, "20 requests, one after another"),
    "websocket.connections": (0.0312, 0.25, 50, 0.07, "50 connections at once, held until all are open"),
    "websocket.broadcast": (0.00092, 0.50, 1000, 2.0, "50 events at 25/s to 20 listeners"),
}
PARTS = {
    "dashboard": 0.024,
    "sessions": 0.031,
    "config_get": 0.0061,
    "config_put": 0.0094,
    "websocket": 0.041,
}


def _times(median_s: float, spread: float, number: int, seed: int) -> Sequence[float]:
    times: Sequence[float] = np.random.default_rng(seed).lognormal(np.log(median_s), spread, number).tolist()
    return times


def _exemplars(times_s: Sequence[float], seed: int) -> list[Exemplar]:
    """The ten slowest, as a target shows them that answers with request ids."""
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
    """What a scenario of a night showed: the whole, then its parts."""
    if scenario == "mixed.concurrent":
        parts = [
            measurement(
                scenario,
                part=part,
                times_s=_times(median_s * slower, 0.35, 30, seed + place),
                elapsed_s=0.9,
                load="30 requests, 5 workers",
            )
            for place, (part, median_s) in enumerate(PARTS.items())
        ]
        times = [
            time for place, median_s in enumerate(PARTS.values()) for time in _times(median_s * slower, 0.35, 30, place)
        ]
        whole = measurement(
            scenario,
            times_s=times,
            elapsed_s=0.9,
            load="30 requests of each kind, all at once",
            exemplars=_exemplars(times, seed),
        )
        return [whole, *parts]
    median_s, spread, number, seconds, load = SCENARIOS[scenario]
    times_s: Sequence[float] = changes.get("times_s", _times(median_s * slower, spread, number, seed))  # type: ignore[assignment]
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
    """One scenario of a night; its baseline was a little faster."""
    tonight = measured(scenario) if measurements is None else measurements
    baseline = baseline and verdict is not Verdict.INVALID
    before = measured(scenario, seed=7, slower=0.97) if baseline else []
    return ScenarioResult(
        scenario=scenario,
        endpoint=scenario.partition(".")[0],
        verdict=verdict,
        findings=list(findings),
        comparisons=list(_comparisons(tonight, before)),
        baseline_run=BASELINE if baseline else None,
        measurements=tonight,
        baseline=before,
    )


def document(*results: ScenarioResult, **changes: object) -> ResultsDocument:
    """A run of these scenarios; all nine, all passing, unless some are given."""
    scenarios = list(results) or [result(scenario) for scenario in (*SCENARIOS, "mixed.concurrent")]
    planned = [each.scenario for each in scenarios]
    ended = run().started_at.replace(second=42)
    return ResultsDocument(
        run=run(**({"scenarios": planned, "ended_at": ended, "trigger": "scheduled"} | changes)),
        verdict=overall([each.verdict for each in scenarios]),
        scenarios=scenarios,
    )


def missed_target() -> ScenarioResult:
    """`dashboard.sustained` at 3 s and above, with errors; its p95 target of 2 s missed."""
    slow = _times(2.9, 0.02, 17, 3)
    tonight = measured(
        "dashboard.sustained",
        times_s=slow,
        failed=3,
        error="timeout",
        elapsed_s=10.4,
        server={"db": 2.7, "serialize": 0.004},
        statuses={"200": 17, "503": 2},
        errors=[
            ErrorCount(
                code=ErrorCode.STATUS,
                count=2,
                sample='GET /api/v1/dashboard/stats: 503 Service Unavailable, {"detail": "busy"}',
            ),
            ErrorCount(code=ErrorCode.TIMEOUT, count=1, sample="GET /api/v1/dashboard/stats: no answer within 10 s"),
        ],
    )
    observed = tonight[0].p95_s
    assert observed is not None
    return result(
        "dashboard.sustained",
        Verdict.FAIL,
        Finding(
            kind=FindingKind.TARGET,
            metric="success_rate",
            observed=0.85,
            limit=0.95,
            sentence="success rate 85.0 %, target ≥ 95 %",
        ),
        Finding(
            kind=FindingKind.TARGET,
            metric="p95_s",
            observed=observed,
            limit=2.0,
            sentence=f"p95 {observed:.2f} s, target < 2.00 s",
        ),
        Finding(
            kind=FindingKind.DIAGNOSIS,
            sentence="the database: the target's phase db carries 93.0 % of the growth (to 2.70 s a request)",
            next_step="look for this endpoint's slow statements and for what changed",
        ),
        measurements=tonight,
    )


def regressed() -> ScenarioResult:
    """`sessions.filtered` within its targets and 1.6 times as slow as its baseline."""
    tonight = measured("sessions.filtered", slower=1.6)
    now, before = tonight[0].p95_s, measured("sessions.filtered", seed=7, slower=0.97)[0].p95_s
    assert now is not None
    assert before is not None
    return result(
        "sessions.filtered",
        Verdict.REGRESSED,
        Finding(
            kind=FindingKind.REGRESSION,
            metric="p95_s",
            observed=now,
            limit=before,
            sentence=f"p95 {now * 1e3:.1f} ms, baseline {before * 1e3:.1f} ms (+{now / before - 1:.0%})".replace(
                "%", " %"
            ),
        ),
        measurements=tonight,
    )


def not_measured() -> ScenarioResult:
    """`websocket.broadcast`, for which the target no longer answered."""
    return result(
        "websocket.broadcast",
        Verdict.INVALID,
        Finding(
            kind=FindingKind.VALIDITY,
            sentence="not measured: http://127.0.0.1:8000 refuses connections; start the API, then run it again.",
        ),
        measurements=[],
    )


def saturated() -> ScenarioResult:
    """`config_get.concurrent`, measured by a generator that was saturated."""
    reason = Saturation(code=SaturationCode.CPU, observed=0.98, limit=0.9)
    tonight = measured("config_get.concurrent", health=health(cpu_share=0.98, loop_lag_p99_s=0.13, saturation=[reason]))
    return result(
        "config_get.concurrent",
        Verdict.INVALID,
        Finding(code=FindingCode.GENERATOR_SATURATED, parameters=SaturationParameters(saturation=reason)),
        measurements=tonight,
    )


def bad_run() -> ResultsDocument:
    """Everything at once: a missed target, a regression, one saturated and one missing measurement, one improvement."""
    faults = {
        each.scenario: each
        for each in (missed_target(), regressed(), not_measured(), saturated(), improved(), part_missed())
    }
    return document(*(faults.get(name) or result(name) for name in (*SCENARIOS, "mixed.concurrent")))


def improved() -> ScenarioResult:
    """`sessions.concurrent`, a third faster than its baseline."""
    tonight = measured("sessions.concurrent", slower=0.66)
    return result(
        "sessions.concurrent",
        Verdict.IMPROVED,
        Finding(
            kind=FindingKind.IMPROVEMENT,
            metric="p50_s",
            observed=0.0108,
            limit=0.0158,
            sentence="p50 10.8 ms, baseline 15.8 ms (-32 %)",
        ),
        measurements=tonight,
    )


def throttled() -> ScenarioResult:
    """`sessions.filtered`, of which a limit of the target admitted 60 of 100 requests."""
    times_s = _times(0.0212, 0.6, 60, 5)
    told = (
        "40 of 100 requests were throttled (429 with Retry-After): the times are those of the 60 admitted ones; ask "
        "for a higher limit or send less"
    )
    return result(
        "sessions.filtered",
        Verdict.FAIL,
        Finding(
            kind=FindingKind.TARGET,
            metric="throttled",
            observed=40,
            limit=0,
            sentence="40 requests throttled, target 0",
        ),
        Finding(kind=FindingKind.NOTE, metric="throttled", observed=40, sentence=told),
        Finding(
            kind=FindingKind.NOTE,
            metric="p95_s",
            sentence="not known: 60 requests can't tell a p95; it takes 72, so its target judges these requests alone",
        ),
        Finding(
            kind=FindingKind.DIAGNOSIS,
            sentence=f"throttling, not slowness: {told.rpartition('; ')[0]}",
            next_step="raise the limit for the load tests' user",
        ),
        measurements=measured("sessions.filtered", times_s=times_s, throttled=40, statuses={"200": 60, "429": 40}),
    )


def part_missed() -> ScenarioResult:
    """`mixed.concurrent`, of which the sessions part missed its target."""
    return result(
        "mixed.concurrent",
        Verdict.FAIL,
        Finding(
            kind=FindingKind.TARGET,
            part="sessions",
            metric="mean_s",
            observed=1.62,
            limit=1.5,
            sentence="mean 1.62 s, target < 1.50 s",
        ),
    )


def _comparisons(tonight: list[Measurement], before: list[Measurement]) -> Iterator[MetricComparison]:
    for now, then in zip(tonight, before, strict=False):
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
                )
