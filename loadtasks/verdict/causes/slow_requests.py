"""High response times of HTTP requests: which step carries them, and which cause that step stands for."""

from collections.abc import Iterator
from dataclasses import replace

from loadtasks.measurement.model import SERVER, Measurement
from loadtasks.results.findings.causes.slowness import (
    BodyTransfer,
    BusyConnections,
    DatabasePool,
    HeldConnections,
    LargestSteps,
    MeanTime,
    NetworkOrTarget,
    PartShare,
    RequestStep,
    SlowConnecting,
    SlowStep,
    SlowTail,
)
from loadtasks.results.findings.codes import FindingCode, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes import caching, phase_names, queueing
from loadtasks.verdict.causes.attribution import BODY, FIRST_BYTE, OUTSIDE, TOTAL, WAITING, Attribution, attribute
from loadtasks.verdict.causes.case import Case, likely_if

# Rules of thumb, all of them.
_MIN_SHARE = 0.5
"""A step, or a part of a mixed scenario, that carries at least this share is the cause."""
_TAIL = 5.0
"""From this multiple of the median upwards, the 95th percentile is a matter of a few requests."""
_LONGER = 1.5
"""A phase takes longer, and a body is larger, from this multiple of the baseline's upwards."""
_MAX_CONNECT_SHARE = 0.1
"""The network is excluded as the cause of a step when connecting takes less than this share of the step."""
_POOL_MAX = "database_connections_max"


def slow(case: Case) -> Iterator[Finding]:
    """Where the response time of completed requests is spent."""
    if not case.slow or case.websocket:
        return
    yield from _tail(case)
    if case.parts:
        yield from _of_parts(case)
        return
    attribution = attribute(case.measurement, case.baseline, case.min_growth)
    if attribution is None:
        yield case.cause(FindingCode.NO_PHASES, likelihood=Likelihood.POSSIBLE)
        return
    attribution = queueing.charge_queue(case, attribution)
    yield from _of_waiting(case, attribution)
    if attribution.steps[0].name == WAITING:
        rest = attribution.without(WAITING)
        if rest is None:
            return
        attribution = rest
    by_cache = list(caching.explain_by_cache(case, attribution))
    yield from by_cache or [_of_steps(case, attribution)]


def connecting(case: Case) -> Iterator[Finding]:
    """Connections that open slowly, for which the target and the network can both be the reason."""
    now_s = case.measurement.connect_mean_s
    if "connect_mean_s" not in case.metrics or case.websocket or now_s is None:
        return
    before_s = case.baseline.connect_mean_s if case.baseline is not None else None
    yield case.cause(
        FindingCode.CONNECTING_SLOW,
        SlowConnecting(connect=MeanTime(now_s=now_s, before_s=before_s)),
        Likelihood.POSSIBLE,
    )


def _tail(case: Case) -> Iterator[Finding]:
    p50_s, p95_s = case.measurement.p50_s, case.measurement.p95_s
    if "p50_s" in case.metrics or p50_s is None or p95_s is None or p95_s < _TAIL * p50_s:
        return
    longest = _longest_phase(case.measurement)
    yield case.cause(
        FindingCode.SLOW_TAIL,
        SlowTail(
            p50_s=p50_s,
            p95_s=p95_s,
            phase=longest.removeprefix(SERVER),
            phase_max_s=case.measurement.phases[longest].max_s if longest else None,
        ),
    )


def _longest_phase(measurement: Measurement) -> str:
    """The phase of the target that explains the slowest request; empty where none does."""
    longest = {
        name: phase.max_s for name, phase in measurement.phases.items() if name.startswith(SERVER) and name != TOTAL
    }
    name = max(longest, key=lambda phase: longest[phase], default="")
    return name if name and longest[name] >= _MIN_SHARE * (measurement.max_s or 0.0) else ""


def _of_parts(case: Case) -> Iterator[Finding]:
    """Which part of a mixed scenario carries the time, or its increase; then what explains that part."""
    mean_s, before_s = case.measurement.mean_s, case.baseline.mean_s if case.baseline is not None else None
    comparable = all(part.baseline is not None for part in case.parts)
    grown = comparable and mean_s is not None and before_s is not None and mean_s > case.min_growth * before_s
    amounts = {part.measurement.part: max(0.0, _total_s(part, grown=grown)) for part in case.parts}
    whole = sum(amounts.values())
    if whole <= 0:
        return
    name = max(amounts, key=lambda part: amounts[part])
    share = PartShare(dominant_part=name, share=amounts[name] / whole, grown=grown)
    if share.share < _MIN_SHARE:
        yield case.cause(FindingCode.NO_PART_DOMINATES, share, Likelihood.POSSIBLE)
        return
    yield case.cause(FindingCode.PART_DOMINATES, share)
    (dominant,) = (part for part in case.parts if part.measurement.part == name)
    if not dominant.slow:  # else its own diagnosis explains it
        yield from slow(replace(dominant, metrics=frozenset({"mean_s", "p50_s"})))


def _total_s(case: Case, *, grown: bool) -> float:
    """Seconds of all its requests; with `grown`, beyond those that as many requests took in the baseline."""
    before_s = (case.baseline.mean_s or 0.0) if case.baseline is not None and grown else 0.0
    return ((case.measurement.mean_s or 0.0) - before_s) * case.measurement.response.count


def _of_waiting(case: Case, attribution: Attribution) -> Iterator[Finding]:
    step = attribution.steps[0]
    if step.name != WAITING or step.share < _MIN_SHARE:
        return
    yield case.cause(
        FindingCode.CONNECTIONS_BUSY,
        BusyConnections(
            step=step,
            doubts=attribution.doubts,
            waited=case.measurement.health.waited_for_connection,
            scheduled=case.scheduled,
        ),
        likely_if(not attribution.doubts),
    )


def _of_steps(case: Case, attribution: Attribution) -> Finding:
    first = attribution.steps[0]
    if first.share < _MIN_SHARE:
        return case.cause(
            FindingCode.NO_STEP_DOMINATES, LargestSteps(steps=tuple(attribution.steps[:2])), Likelihood.POSSIBLE
        )
    if first.phase.lower() in phase_names.POOL:
        return _of_pool(case, attribution, first)
    if first.name in (FIRST_BYTE, OUTSIDE):
        return _of_network_or_target(case, attribution, first)
    if first.name == BODY:
        return _of_body(case, attribution, first)
    return case.cause(
        phase_names.code_of(first),
        SlowStep(step=first, doubts=attribution.doubts),
        likely_if(not attribution.doubts),
    )


def _of_pool(case: Case, attribution: Attribution, step: RequestStep) -> Finding:
    """Waiting for a database connection: there are too few, or each request holds its own for longer."""
    size = case.target_metrics.gauge(_POOL_MAX)
    size_before = case.baseline_target_metrics.gauge(_POOL_MAX) if attribution.grown else None
    pool = DatabasePool(
        step=step,
        doubts=attribution.doubts,
        size=int(size[1]) if size is not None else None,
        size_before=int(size_before[1]) if size is not None and size_before is not None else None,
    )
    shrunk = pool.size is not None and pool.size_before is not None and pool.size < pool.size_before
    held = next((other for other in attribution.steps if other.phase.lower() in phase_names.DATABASE), None)
    likelihood = likely_if(not attribution.doubts)
    if not shrunk and held is not None and held.before_s is not None and held.now_s >= _LONGER * held.before_s:
        holding = HeldConnections(**dict(pool), held=held)
        return case.cause(FindingCode.DATABASE_CONNECTIONS_HELD, holding, likelihood)
    return case.cause(FindingCode.DATABASE_POOL_EXHAUSTED, pool, likelihood)


def _of_network_or_target(case: Case, attribution: Attribution, step: RequestStep) -> Finding:
    """Time that the target doesn't account for: the time to connect shows whether the network can be the reason."""
    connect_s = case.measurement.connect_mean_s
    excluded = connect_s is not None and connect_s < _MAX_CONNECT_SHARE * step.now_s
    return case.cause(
        phase_names.code_of(step),
        NetworkOrTarget(step=step, doubts=attribution.doubts, connect_s=connect_s, network_excluded=excluded),
        likely_if(excluded and not attribution.doubts),
    )


def _of_body(case: Case, attribution: Attribution, step: RequestStep) -> Finding:
    """Larger bodies, or a slower way for them."""
    size = _mean_body_bytes(case.measurement)
    before = _mean_body_bytes(case.baseline) if case.baseline is not None else None
    transfer = BodyTransfer(step=step, doubts=attribution.doubts, body_bytes=size, body_bytes_before=before)
    if size is not None and before is not None and size >= _LONGER * before:
        return case.cause(FindingCode.RESPONSES_LARGER, transfer, likely_if(not attribution.doubts))
    return case.cause(FindingCode.TRANSFER_SLOW, transfer, Likelihood.POSSIBLE)


def _mean_body_bytes(measurement: Measurement) -> float | None:
    return measurement.body_bytes / measurement.counts.completed if measurement.body_bytes else None
