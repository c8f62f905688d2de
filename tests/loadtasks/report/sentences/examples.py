"""Findings with made-up parameters: of every code of validity, targets and causes, and in every wording."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from loadtasks.measurement.errors import ErrorCode
from loadtasks.measurement.health import Saturation, SaturationCode, Statistic
from loadtasks.results.findings.availability import Outage, Stragglers
from loadtasks.results.findings.causes.failures import (
    ClosedWebSockets,
    CounterRise,
    CounterRises,
    FailedRequests,
    HangingRequests,
    ListenersLost,
    MetricsProblem,
    Occurrences,
    OpenFiles,
    PublishingFailed,
    RateLimited,
    RefusedUpgrades,
    SomeOpened,
    WithoutRetryAfter,
    WrongStatus,
)
from loadtasks.results.findings.causes.slowness import (
    AwaitedComputation,
    BodyTransfer,
    BusyConnections,
    CacheHits,
    DatabasePool,
    Doubt,
    DoubtCode,
    HeldConnections,
    LargestSteps,
    MeanTime,
    NetworkOrTarget,
    PartShare,
    RequestStep,
    SlowConnecting,
    SlowDelivery,
    SlowOpening,
    SlowPublishing,
    SlowStep,
    SlowTail,
)
from loadtasks.results.findings.codes import FindingCode, Likelihood, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.parameters import Parameters
from loadtasks.results.findings.targets import (
    Bound,
    Comparison,
    DataDocsMissing,
    ErrorSummary,
    InsufficientSample,
    MetTarget,
    NoTarget,
    Sample,
    TargetMissed,
    TargetNotEvaluated,
    TargetsMet,
    Throttled,
    ThrottlingExpected,
)
from loadtasks.results.findings.validity import (
    AccessRefused,
    Begun,
    FailureDetail,
    InternalErrors,
    InvalidRepeated,
    NotReached,
    RequestCounts,
    SaturationParameters,
)

C = FindingCode
BETWEEN = "expect_column_values_to_be_between"
SAMPLE = "GET /api/v1/stats: what came back"


def missed(metric: str, observed: float | None, *bounds: Bound, limit: float | None = None, **fields: Any) -> Finding:
    return Finding(
        code=C.TARGET_MISSED,
        metric=metric,
        observed=observed,
        limit=limit if limit is not None else bounds[-1].value if bounds else None,
        parameters=TargetMissed(expectation=fields.pop("expectation", BETWEEN), suite="dashboard.json", bounds=bounds),
        **fields,
    )


def below(value: float) -> Bound:
    return Bound(comparison=Comparison.BELOW, value=value)


def saturated(code: SaturationCode, observed: float, limit: float, **fields: Any) -> Finding:
    saturation = Saturation(code=code, observed=observed, limit=limit, **fields)
    return Finding(code=C.GENERATOR_SATURATED, parameters=SaturationParameters(saturation=saturation))


def measured_again(*, invalid: tuple[int, ...], reported: int, repetitions: int = 2) -> Finding:
    parameters = InvalidRepeated(
        repetitions=repetitions, invalid=invalid, reported=reported, reasons=(C.GENERATOR_SATURATED,)
    )
    return Finding(code=C.INVALID_REPEATED, parameters=parameters)


def cause(code: FindingCode, parameters: Parameters | None = None, **fields: Any) -> Finding:
    return Finding(code=code, likelihood=Likelihood.LIKELY, parameters=parameters or Parameters(), **fields)


def requests(**fields: Any) -> dict[str, Any]:
    return {"count": 50, "scheduled": 1200, "sample": SAMPLE} | fields


def step(
    name: str,
    share: float = 0.927,
    now_s: float = 0.0529,
    before_s: float | None = 0.0008,
    queue_share: float = 0.0,
) -> RequestStep:
    return RequestStep(name=name, share=share, now_s=now_s, before_s=before_s, queue_share=queue_share)


def mean(now_s: float, before_s: float | None = None) -> MeanTime:
    return MeanTime(now_s=now_s, before_s=before_s)


def refused(status: int, **sent: Any) -> Finding:
    return Finding(code=C.ACCESS_REFUSED, parameters=AccessRefused(method="GET", path="/orders", status=status, **sent))


DETAIL = FailureDetail(detail="http://127.0.0.1:8000 refuses connections; start the API, then run it again.")
DOUBTS = (
    Doubt(code=DoubtCode.FEW_REQUESTS, requests=10),
    Doubt(code=DoubtCode.SERVER_TIMING_INCOMPLETE, share=0.7),
    Doubt(code=DoubtCode.PHASES_OVERLAP),
    Doubt(code=DoubtCode.MEAN_UNCHANGED),
)
OUTAGE = Outage(share=0.631, longest_s=2.95, from_s=3.0, refused_s=2.9, sample=SAMPLE)
SERVED_NOTHING = OUTAGE.model_copy(update={"refused_s": 0.0})
THROTTLED = Throttled(throttled=40, scheduled=120, statuses=(429,))
EVENT_TIMES = {"publish": mean(0.9, 0.008), "first_delivery": mean(0.91, 0.009), "fan_out": mean(0.002, 0.002)}
BEGUN = Begun(begun_at=datetime(2026, 11, 29, 2, 11, 4, tzinfo=UTC), host="worker-2")
VALIDITY = (
    Finding(code=C.NOT_MEASURED),
    Finding(code=C.NOT_JUDGED),
    *(
        Finding(code=code, parameters=DETAIL)
        for code in (
            C.MEASUREMENT_FAILED,
            C.TARGET_NOT_RESPONDING,
            C.TARGET_STOPPED_RESPONDING,
            C.GENERATOR_PROCESS_DIED,
            C.MEASUREMENT_STOPPED,
            C.INTERRUPTED,
            C.ENGINE_FAILED,
        )
    ),
    Finding(code=C.MEASUREMENT_DIED, parameters=BEGUN),
    Finding(code=C.MEASURED_CONCURRENTLY, parameters=BEGUN),
    refused(401),
    Finding(
        code=C.INTERNAL_ERROR,
        parameters=InternalErrors(count=3, sample="GET /things: RecursionError: too deep (checks.py, line 97)"),
    ),
    Finding(
        code=C.CONSERVATION_VIOLATED,
        parameters=RequestCounts(scheduled=1000, completed=900, throttled=0, failed=40, dropped=30, in_flight=20),
    ),
    Finding(code=C.NOTHING_SCHEDULED),
    Finding(code=C.EVERYTHING_THROTTLED, parameters=Throttled(throttled=100, scheduled=120, statuses=(429, 503))),
    Finding(code=C.TARGET_NOT_REACHED, parameters=NotReached(scheduled=20, sample=SAMPLE)),
    saturated(SaturationCode.CPU, 0.98, 0.9, sent_per_s=4100.0, ceiling_per_s=5000.0),
    measured_again(invalid=(1,), reported=2),
)
TARGETS = (
    missed("p95_s", 3.02, below(2.0)),
    Finding(
        code=C.TARGET_NOT_EVALUATED,
        metric="p95_s",
        parameters=TargetNotEvaluated(
            expectation="expect_column_quantile_values_to_be_between",
            number=2,
            suite="dashboard.json",
            problem="Object of type bool is not JSON serializable",
        ),
    ),
    Finding(
        code=C.TARGETS_MET,
        parameters=TargetsMet(
            targets=(MetTarget(metric="p95_s", observed=0.182, suite="dashboard.json", bounds=(below(2.0),)),)
        ),
    ),
    Finding(
        code=C.NOTHING_SUCCEEDED,
        metric="success_rate",
        observed=0.0,
        parameters=ErrorSummary(
            admitted=20, not_completed=20, errors=20, code=ErrorCode.STATUS, count=20, sample=SAMPLE
        ),
    ),
    Finding(code=C.NO_TARGET, parameters=NoTarget(endpoint="search")),
    Finding(code=C.OUTAGE, metric="availability", observed=0.631, parameters=OUTAGE),
    Finding(code=C.STRAGGLERS, parameters=Stragglers(stragglers=2, completed=20, duration_s=10.0)),
    Finding(
        code=C.ERRORS,
        severity=Severity.WARNING,
        parameters=ErrorSummary(
            admitted=400, not_completed=3, errors=3, code=ErrorCode.TIMEOUT, count=2, sample=SAMPLE
        ),
    ),
    Finding(
        code=C.INSUFFICIENT_SAMPLE,
        metric="p99_s",
        parameters=InsufficientSample(needed=368, samples=(Sample(part="", requests=100),)),
    ),
    Finding(code=C.THROTTLED, metric="throttled", observed=40, parameters=THROTTLED),
    Finding(
        code=C.THROTTLING_EXPECTED,
        metric="throttled",
        observed=20,
        parameters=ThrottlingExpected(throttled=20, scheduled=80, statuses=(429,), held=True),
    ),
    Finding(
        code=C.DATA_DOCS_MISSING,
        severity=Severity.WARNING,
        parameters=DataDocsMissing(problem="var/reports/20261124T020000Z-3fa9/data_docs: No space left on device"),
    ),
)
CAUSES = (
    cause(C.CAUSE_UNKNOWN),
    cause(C.REDIS_DOWN),
    cause(C.TARGET_DOWN, OUTAGE),
    cause(C.TARGET_NOT_SERVING, SERVED_NOTHING),
    cause(C.RATE_LIMITED, RateLimited(**dict(THROTTLED), target_rejections=40)),
    cause(
        C.RATE_LIMIT_WITHOUT_RETRY_AFTER,
        WithoutRetryAfter(count=30, scheduled=50, expected=False, target_rejections=30),
    ),
    cause(C.RATE_LIMIT_DIFFERS, THROTTLED),
    *(
        cause(code, WrongStatus(**requests(status=status)))
        for code, status in (
            (C.TOKEN_REJECTED, 401),
            (C.PERMISSION_MISSING, 403),
            (C.PATH_NOT_FOUND, 404),
            (C.GATEWAY_ERROR, 502),
            (C.TARGET_UNAVAILABLE, 503),
            (C.REDIRECTED, 302),
            (C.REQUEST_REJECTED, 422),
            (C.SERVER_ERROR, 500),
        )
    ),
    *(
        cause(code, FailedRequests(**requests()))
        for code in (
            C.UNEXPECTED_STATUSES,
            C.CONNECTION_CUT,
            C.IDLE_CONNECTION_CLOSED,
            C.CONNECTION_REFUSED,
            C.TARGET_UNREACHABLE,
            C.CONNECT_TIMEOUT,
            C.TLS_FAILED,
            C.RESPONSE_MALFORMED,
            C.RESPONSE_TOO_LARGE,
            C.CHECK_FAILED,
        )
    ),
    cause(C.REQUESTS_HANG, HangingRequests(**requests(), p50_s=0.01)),
    cause(C.TARGET_OVERLOADED, FailedRequests(**requests())),
    cause(C.RATE_BEYOND_CAPACITY, FailedRequests(**requests(sample=""))),
    cause(C.NO_PHASES),
    cause(C.SLOW_TAIL, SlowTail(p50_s=0.1, p95_s=3.0, phase="db", phase_max_s=2.9)),
    cause(C.PART_DOMINATES, PartShare(dominant_part="list", share=0.98, grown=True)),
    cause(C.NO_PART_DOMINATES, PartShare(dominant_part="list", share=0.35, grown=False)),
    cause(C.NO_STEP_DOMINATES, LargestSteps(steps=(step("server:db", 0.35), step("unnamed", 0.3)))),
    cause(C.CONNECTIONS_BUSY, BusyConnections(step=step("waiting", 0.9, 2.7, None), waited=400, scheduled=1000)),
    cause(C.DATABASE_SLOW, SlowStep(step=step("server:db"))),
    cause(C.DATABASE_POOL_EXHAUSTED, DatabasePool(step=step("server:pool"), size=2, size_before=4)),
    cause(
        C.DATABASE_CONNECTIONS_HELD,
        HeldConnections(step=step("server:pool"), held=step("server:db", 0.07, 0.3, 0.05)),
    ),
    cause(C.CACHE_SLOW, SlowStep(step=step("server:redis"))),
    cause(
        C.CACHE_HITS_FELL,
        CacheHits(hit_ratio=0.0, hit_ratio_before=0.9, computing_share=0.96, grown=True, computation=mean(0.16, 0.15)),
    ),
    cause(C.CACHE_HITS_FEW, CacheHits(hit_ratio=0.1, computing_share=0.9, grown=False)),
    cause(C.CACHE_COMPUTATION_AWAITED, AwaitedComputation(step=step("server:cache", 0.874), waiting_share=0.78)),
    cause(C.SERIALISATION_SLOW, SlowStep(step=step("server:json"))),
    cause(C.PHASE_SLOW, SlowStep(step=step("server:pdf"))),
    cause(C.TARGET_CODE_SLOW, SlowStep(step=step("unnamed"))),
    cause(C.QUEUE_BEFORE_TARGET, NetworkOrTarget(step=step("outside"), connect_s=0.001, network_excluded=True)),
    cause(C.FIRST_BYTE_SLOW, NetworkOrTarget(step=step("first_byte"), connect_s=0.001, network_excluded=True)),
    cause(C.RESPONSES_LARGER, BodyTransfer(step=step("body"), body_bytes=10_000.0, body_bytes_before=1_000.0)),
    cause(C.TRANSFER_SLOW, BodyTransfer(step=step("body"))),
    cause(C.CONNECTING_SLOW, SlowConnecting(connect=mean(0.8, 0.001))),
    cause(C.FAN_OUT_SLOW, SlowDelivery(**EVENT_TIMES)),
    cause(C.PUBLISHING_SLOW, SlowPublishing(**EVENT_TIMES, phase="db")),
    cause(C.EVENT_TRANSPORT_SLOW, SlowDelivery(**EVENT_TIMES)),
    cause(C.UPGRADE_SLOW, SlowOpening(connect=mean(0.9, 0.03), upgrade=mean(0.88, 0.02))),
    cause(C.OPENING_SLOW, SlowOpening(connect=mean(0.9), upgrade=mean(0.02))),
    *(
        cause(code, RefusedUpgrades(count=50, status=status, sample=SAMPLE))
        for code, status in (
            (C.UPGRADE_TOKEN_REJECTED, 401),
            (C.UPGRADE_RATE_LIMITED, 429),
            (C.UPGRADE_UNAVAILABLE, 503),
            (C.UPGRADE_UNSUPPORTED, 404),
            (C.UPGRADE_FAILED, 500),
        )
    ),
    cause(C.WEBSOCKETS_NOT_ACCEPTED, FailedRequests(**requests())),
    cause(C.OPEN_FILE_LIMIT, OpenFiles(**requests(), open_files=1020, max_open_files=1024)),
    cause(C.CONNECTION_LIMIT, SomeOpened(**requests(), opened=1150)),
    *(
        cause(code, ClosedWebSockets(count=20, opened=50, close_code=close_code, sample=SAMPLE))
        for code, close_code in (
            (C.WEBSOCKET_GOING_AWAY, 1001),
            (C.WEBSOCKET_CUT, 1006),
            (C.WEBSOCKET_POLICY_VIOLATION, 1008),
            (C.WEBSOCKET_MESSAGE_TOO_BIG, 1009),
            (C.WEBSOCKET_INTERNAL_ERROR, 1011),
            (C.WEBSOCKET_SERVICE_RESTART, 1012),
            (C.WEBSOCKET_CLIENT_TOO_SLOW, 1013),
            (C.WEBSOCKET_PROTOCOL_ERROR, 1002),
            (C.WEBSOCKET_APPLICATION_CODE, 4321),
        )
    ),
    cause(C.WEBSOCKET_MALFORMED, Occurrences(count=20, sample=SAMPLE)),
    cause(C.PUBLISHING_FAILED, PublishingFailed(**requests(), error=ErrorCode.STATUS)),
    cause(C.LISTENERS_LOST, ListenersLost(**requests(), lost=4)),
    cause(C.EVENTS_NOT_SHARED, FailedRequests(**requests())),
    cause(C.EVENTS_NOT_DELIVERED, FailedRequests(**requests())),
    cause(C.EVENTS_DUPLICATED, Occurrences(count=100, sample=SAMPLE)),
    cause(C.EVENTS_OUT_OF_ORDER, Occurrences(count=50, sample=SAMPLE)),
    Finding(code=C.TARGET_METRICS_UNREADABLE, parameters=MetricsProblem(problem="GET /metrics: 404")),
    Finding(
        code=C.TARGET_METRICS_STAND_OUT,
        parameters=CounterRises(
            counters=(
                CounterRise(series="gc_total", now=300.0, before=0.0),
                CounterRise(series="queries_total", now=5000.0, before=100.0),
            )
        ),
    ),
)
EXAMPLES: Mapping[FindingCode, Finding] = {finding.code: finding for finding in (*VALIDITY, *TARGETS, *CAUSES)}
"""One of every code of these areas."""
VARIANTS: tuple[Finding, ...] = (
    refused(401, scheme="Bearer"),
    refused(403, scheme="Bearer"),
    refused(401, scheme="Basic"),
    refused(403, scheme="Basic"),
    refused(401, scheme="Basic", own_authorization=True),
    refused(403, scheme="other", own_authorization=True),
    refused(401, credentials=("X-API-Key",)),
    refused(403, credentials=("X-API-Key", "?api_key")),
    refused(403, scheme="Bearer", credentials=("X-API-Key",)),
    Finding(
        code=C.TARGET_MISSED,
        metric="success_rate",
        observed=0.5,
        limit=0.99,
        parameters=TargetMissed(built_in=True, bounds=(Bound(comparison=Comparison.AT_LEAST, value=0.99),)),
    ),
    Finding(
        code=C.TARGET_NOT_EVALUATED,
        severity=Severity.WARNING,
        parameters=TargetNotEvaluated(
            expectation="expect_table_row_count_to_equal", number=1, suite="x.json", problem="?"
        ),
    ),
    Finding(code=C.NOTHING_SUCCEEDED, parameters=ErrorSummary(admitted=1, not_completed=1)),
    Finding(code=C.NO_TARGET, parameters=NoTarget(endpoint="search", suite_exists=True)),
    Finding(
        code=C.ERRORS,
        parameters=ErrorSummary(
            admitted=400, not_completed=0, errors=2, code=ErrorCode.DUPLICATE, count=2, sample="event 7 came twice"
        ),
    ),
    Finding(code=C.ERRORS, parameters=ErrorSummary(admitted=400, not_completed=2)),
    Finding(code=C.MEASUREMENT_FAILED, parameters=FailureDetail()),
    Finding(code=C.TARGET_STOPPED_RESPONDING, parameters=FailureDetail()),
    Finding(code=C.MEASUREMENT_STOPPED, parameters=FailureDetail()),
    Finding(code=C.MEASUREMENT_DIED, parameters=BEGUN.model_copy(update={"repeatable": False})),
    Finding(code=C.TARGET_NOT_REACHED, parameters=NotReached(scheduled=1)),
    saturated(SaturationCode.DISPATCH_LAG, 0.031, 0.01, statistic=Statistic.P99, sent_per_s=412.0, process=2),
    saturated(SaturationCode.LOOP_LAG, 0.0031, 0.002, statistic=Statistic.MEDIAN),
    measured_again(invalid=(1, 2), reported=3, repetitions=3),
    measured_again(invalid=(1, 2, 3), reported=2, repetitions=3),
    missed("success_rate", 0.94995, Bound(comparison=Comparison.AT_LEAST, value=0.95)),
    missed("throttled", 40, Bound(comparison=Comparison.EQUAL, value=0)),
    missed("failed", 1, Bound(comparison=Comparison.EQUAL, value=0)),
    missed("connect_mean_s", None, below(1.0)),
    missed("p95_s", 3.0, Bound(comparison=Comparison.AT_LEAST, value=1.0), below(2.0), severity=Severity.WARNING),
    missed("p95_s", 3.0, expectation="expect_column_values_to_be_in_set", limit=None),
    Finding(
        code=C.INSUFFICIENT_SAMPLE,
        metric="p95_s",
        parameters=InsufficientSample(
            needed=72, samples=(Sample(part="sessions", requests=30), Sample(part="config_get", requests=29))
        ),
    ),
    Finding(
        code=C.THROTTLING_EXPECTED,
        metric="throttled",
        observed=0,
        parameters=ThrottlingExpected(throttled=0, scheduled=80, held=False),
    ),
    Finding(code=C.OUTAGE, parameters=Outage(share=0.99, longest_s=0.1, from_s=0.0, refused_s=0.0)),
    Finding(code=C.STRAGGLERS, parameters=Stragglers(stragglers=1, completed=1, duration_s=90.0)),
    cause(C.TARGET_DOWN, Outage(share=0.5, longest_s=5.0, from_s=0.01, refused_s=5.0)),
    cause(C.RATE_LIMITED, RateLimited(throttled=1, scheduled=2)),
    cause(C.RATE_LIMIT_WITHOUT_RETRY_AFTER, WithoutRetryAfter(count=30, scheduled=50, expected=True)),
    cause(C.SERVER_ERROR, WrongStatus(count=1, scheduled=1, status=599)),
    cause(C.SLOW_TAIL, SlowTail(p50_s=0.1, p95_s=3.0)),
    cause(C.DATABASE_SLOW, SlowStep(step=step("server:db", before_s=None), doubts=DOUBTS)),
    *(
        cause(code, SlowStep(step=step(name, 0.971, 0.00055, 0.0005, queue_share=0.882)))
        for code, name in (
            (C.DATABASE_SLOW, "server:db"),
            (C.PHASE_SLOW, "server:pdf"),
            (C.TARGET_CODE_SLOW, "unnamed"),
        )
    ),
    cause(
        C.NO_STEP_DOMINATES,
        LargestSteps(steps=(step("server:db", 0.45, queue_share=0.4), step("unnamed", 0.4, queue_share=0.35))),
    ),
    cause(C.DATABASE_POOL_EXHAUSTED, DatabasePool(step=step("server:pool"), size=2)),
    cause(
        C.DATABASE_CONNECTIONS_HELD,
        HeldConnections(
            step=step("server:pool", queue_share=0.5), held=step("server:db", 0.07, 0.3, 0.05), size=2, size_before=2
        ),
    ),
    cause(
        C.CACHE_HITS_FELL,
        CacheHits(hit_ratio=0.0, hit_ratio_before=0.9, computing_share=0.96, grown=True, queue_share=0.5),
    ),
    cause(
        C.CACHE_COMPUTATION_AWAITED,
        AwaitedComputation(step=step("server:cache", 0.874, queue_share=0.5), waiting_share=0.78),
    ),
    cause(
        C.CACHE_HITS_FELL,
        CacheHits(
            hit_ratio=0.0,
            hit_ratio_before=0.9,
            computing_share=0.96,
            grown=True,
            computation=mean(0.75, 0.15),
            computation_slower=True,
        ),
    ),
    cause(C.CACHE_HITS_FELL, CacheHits(hit_ratio=0.0, hit_ratio_before=1.0, computing_share=0.96, grown=True)),
    cause(C.QUEUE_BEFORE_TARGET, NetworkOrTarget(step=step("outside"), network_excluded=False)),
    cause(C.FIRST_BYTE_SLOW, NetworkOrTarget(step=step("first_byte"), network_excluded=False)),
    cause(C.TRANSFER_SLOW, BodyTransfer(step=step("body"), body_bytes=1_000.0, body_bytes_before=1_000.0)),
    cause(C.PUBLISHING_SLOW, SlowPublishing(**EVENT_TIMES, phase="pool", held_phase="db", held=mean(0.28, 0.03))),
    cause(
        C.WEBSOCKET_CLIENT_TOO_SLOW,
        ClosedWebSockets(count=20, opened=0, close_code=1013, slow_clients=20),
    ),
)
"""The same codes with parameters that read otherwise."""
