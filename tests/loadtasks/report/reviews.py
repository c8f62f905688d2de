"""Runs as a pull request shows them: paired with the base's build, of fourteen scenarios, and hostile ones."""

from collections.abc import Mapping
from typing import Any

from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.causes.failures import WrongStatus
from loadtasks.results.findings.causes.slowness import RequestStep, SlowStep
from loadtasks.results.findings.codes import FindingCode, FindingKind, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.reference import Inconclusive, MetricRatio, ReferenceShift
from loadtasks.results.findings.targets import ErrorSummary
from loadtasks.results.findings.validity import FailureDetail
from loadtasks.results.judgement import MetricComparison, Verdict
from tests.findings import text_finding
from tests.loadtasks.report import samples
from tests.measurements import measurement, run

BUILD = "9f8e7d6"
"""The version of the base's build."""
ROUNDS = 60


def compared(
    scenario: str, verdict: Verdict = Verdict.PASS, *findings: Finding, rounds: int = ROUNDS, **ratios: MetricRatio
) -> ScenarioResult:
    """A scenario against its base: `p50_s` and `p95_s` as they were, unless ratios are given."""
    measured = measurement(scenario, times_s=[0.00358] * 90 + [0.006] * 10)
    known = {name: MetricRatio(metric=name, ratio=1.004, low=0.991, high=1.017) for name in ("p50_s", "p95_s")}
    before = {"p50_s": 0.00357, "p95_s": 0.00598, "success_rate": 1.0}
    return ScenarioResult(
        scenario=scenario,
        endpoint=scenario.partition(".")[0],
        verdict=verdict,
        findings=list(findings),
        comparisons=[
            MetricComparison(
                metric=name,
                observed=before[name] * ratio.ratio,
                baseline=before[name],
                ratio=ratio.ratio,
                low=ratio.low,
                high=ratio.high,
            )
            for name, ratio in (known | ratios).items()
        ],
        measurements=[measured],
        round_ratios=[RoundRatios(candidate_first=[True] * rounds, saturated=[False] * rounds, requests=[20] * rounds)],
    )


def shifted(code: FindingCode, metric: str, now: float, before: float, **changes: Any) -> Finding:
    ratio = now / before
    given = {"ratio": ratio, "low": ratio * 0.985, "high": ratio * 1.015, "rounds": ROUNDS, "reference_version": BUILD}
    return Finding(
        code=code, metric=metric, observed=now, limit=before, parameters=ReferenceShift.model_validate(given | changes)
    )


def own_code(now_s: float, before_s: float) -> Finding:
    step = RequestStep(name="unnamed", now_s=now_s, before_s=before_s, share=0.93)
    return Finding(code=FindingCode.TARGET_CODE_SLOW, likelihood=Likelihood.LIKELY, parameters=SlowStep(step=step))


def regressed(scenario: str = "dashboard.sustained") -> ScenarioResult:
    """The example of the comment: p50 +11.5 %, by its own code."""
    return compared(
        scenario,
        Verdict.REGRESSED,
        shifted(FindingCode.REFERENCE_REGRESSION, "p50_s", 0.00358, 0.00321),
        own_code(0.00098, 0.00062),
    )


def undecided(scenario: str, more_s: float | None = 118.0) -> ScenarioResult:
    open_ratio = MetricRatio(metric="p95_s", ratio=1.021, low=0.955, high=1.092, inconclusive=True)
    finding = Finding(
        code=FindingCode.INCONCLUSIVE, parameters=Inconclusive(metrics=(open_ratio,), rounds=480, more_s=more_s)
    )
    return compared(scenario, Verdict.PASS, finding, rounds=480, p95_s=open_ratio)


def broken() -> ScenarioResult:
    """An endpoint that responds with nothing but errors."""
    sample = 'GET /api/v1/sessions?user=42: 500 Internal Server Error, {"detail": "KeyError: \'user\'"}'
    return compared(
        "sessions.filtered",
        Verdict.FAIL,
        Finding(
            code=FindingCode.NOTHING_SUCCEEDED,
            metric="success_rate",
            observed=0.0,
            parameters=ErrorSummary(
                admitted=400, not_completed=400, errors=400, code=ErrorCode.STATUS, count=400, sample=sample
            ),
        ),
        Finding(
            code=FindingCode.SERVER_ERROR,
            likelihood=Likelihood.LIKELY,
            parameters=WrongStatus(count=400, scheduled=400, sample=sample, status=500),
        ),
        success_rate=MetricRatio(metric="success_rate", ratio=0.0, low=0.0, high=0.0),
    ).model_copy(
        update={
            "measurements": [
                measurement(
                    "sessions.filtered",
                    times_s=[],
                    failed=400,
                    errors=[ErrorCount(code=ErrorCode.STATUS, count=400, sample=sample)],
                )
            ]
        }
    )


def paired(*special: ScenarioResult, number: int = 14, **changes: Any) -> ResultsDocument:
    """A run of these scenarios and of others that are unchanged, so many in all."""
    names = (f"endpoint_{count}.concurrent" for count in range(1, number - len(special) + 1))
    results = [*special, *map(compared, names)]
    took = run().started_at.replace(minute=2, second=10)
    reference = {"reference_url": "http://127.0.0.1:41001", "reference_version": BUILD}
    return samples.document(*results, **({"trigger": "command line", "ended_at": took} | reference | changes))


HOSTILE = (
    "@octocat #1 GH-2 a/b#3 !4 <img src=x onerror=alert(1)> [x](http://evil.test) ![y](//e) `z` | **b** :tada: $m$ -->"
)
"""Everything that GitHub or GitLab would make something of."""


def hostile() -> ResultsDocument:
    """Hostile strings wherever a results file has a text."""
    evil = f"{HOSTILE}\n/close\n\n# heading https://evil.test www.evil.test deadbeefdeadbeef [[wiki]] {{+x+}} ~label %9"
    bad = shifted(FindingCode.REFERENCE_REGRESSION, "p50_s", 0.004, 0.003, reference_version=evil)
    worse = compared(evil, Verdict.REGRESSED, bad, text_finding(FindingKind.DIAGNOSIS, evil, next_step=evil))
    doubt = Finding(code=FindingCode.MEASUREMENT_FAILED, parameters=FailureDetail(detail=evil))
    invalid = samples.result(f"{evil}.x", Verdict.INVALID, doubt, measurements=[])
    unknown = Finding(
        code=FindingCode.INCONCLUSIVE,
        parameters=Inconclusive(metrics=(MetricRatio(metric=evil, ratio=1.1, low=0.9, high=1.2),), rounds=480),
    )
    return paired(
        worse,
        invalid,
        compared("dashboard.x", Verdict.PASS, unknown),
        number=4,
        service=evil.replace("\n", " ")[:200],
        id="x",
        target_version=evil,
        reference_version=evil,
    )


DOCUMENTS: Mapping[str, ResultsDocument] = {
    "good": paired(),
    "regressed": paired(regressed(), undecided("sessions.concurrent"), undecided("config_get.concurrent")),
    "inconclusive": paired(undecided("sessions.concurrent"), undecided("config_get.concurrent", more_s=None)),
    "missed": paired(
        compared(
            "dashboard.sustained",
            Verdict.FAIL,
            samples.missed("p95_s", 0.006, 0.005),
            shifted(FindingCode.REFERENCE_REGRESSION, "p95_s", 0.006, 0.0042),
            own_code(0.0022, 0.0008),
        )
    ),
    "invalid": paired(samples.saturated(), samples.not_measured()),
    "improved": paired(
        compared(
            "dashboard.sustained",
            Verdict.IMPROVED,
            shifted(FindingCode.REFERENCE_IMPROVEMENT, "p50_s", 0.00358, 0.0045),
        )
    ),
    "broken": paired(broken()),
    "hostile": hostile(),
    "nightly": samples.bad_run(),
    "young": samples.document(samples.result("dashboard.concurrent", baseline=False)),
}
"""Every kind of run that a comment words."""
