"""Sentences of the causes of slow HTTP requests."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from loadtasks import units
from loadtasks.report.sentences.causes.phrases import always, percent, time
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
    NetworkOrTarget,
    PartShare,
    RequestStep,
    SlowConnecting,
    SlowStep,
    SlowTail,
)
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding

_GROWING_QUEUE = "the queue before the target, which grows with the time of each request"
_STEP_NAMES = {
    "waiting": "waiting for a free connection",
    "first_byte": "the time to the first byte",
    "outside": "the time before the target begins its work",
    "unnamed": "the target's own code",
    "body": "the transfer of the body",
}


def _amount(step: RequestStep) -> str:
    """`96 % of the increase`, or of the time."""
    return f"{percent(step.share)} of the {_increase(step.before_s is not None)}"


def _increase(grown: bool) -> str:
    return "increase" if grown else "time"


def _times(step: RequestStep) -> str:
    """`0.80 ms → 52.9 ms per request`, or the time alone."""
    before = f"{units.duration(step.before_s)} → " if step.before_s is not None else ""
    return f"{before}{units.duration(step.now_s)} per request"


def _detail(step: RequestStep) -> str:
    """The phase, where the step is one, with its times."""
    return f"phase {step.phase}: {_times(step)}" if step.phase else _times(step)


def _queued(queue_share: float) -> str:
    """How much of the increase is the queue that a slower step lengthens, to be added; empty where none is."""
    if not queue_share:
        return ""
    return f"; this includes {_GROWING_QUEUE} ({percent(queue_share)} of the increase)"


def _doubted(sentence: str, doubts: Sequence[Doubt]) -> str:
    """A sentence with what makes it uncertain."""
    if not doubts:
        return sentence
    return f"{sentence}; uncertain: {'; '.join(_DOUBTS[doubt.code](doubt) for doubt in doubts)}"


_DOUBTS: Mapping[DoubtCode, Callable[[Doubt], str]] = {
    DoubtCode.FEW_REQUESTS: lambda doubt: (
        f"the mean of only {units.plural(doubt.requests or 0, 'request')} is a matter of chance"
    ),
    DoubtCode.SERVER_TIMING_INCOMPLETE: lambda doubt: (
        f"only {units.share(doubt.share)} of the responses have a Server-Timing header"
    ),
    DoubtCode.PHASES_OVERLAP: lambda _doubt: "the target's phases overlap: they add up to more than their total",
    DoubtCode.MEAN_UNCHANGED: lambda _doubt: "the mean hardly rose, so the means don't show where the increase is",
}


def _step_in(where: str) -> Callable[[Finding, SlowStep], str]:
    """`96 % of the increase is in the database (phase db: 0.80 ms → 52.9 ms per request)`."""
    return lambda _finding, parameters: _doubted(
        f"{_amount(parameters.step)} is in {where} ({_detail(parameters.step)}){_queued(parameters.step.queue_share)}",
        parameters.doubts,
    )


def _phase(_finding: Finding, parameters: SlowStep) -> str:
    step = parameters.step
    where = f"the target's phase {step.phase}"
    return _doubted(f"{_amount(step)} is in {where} ({_times(step)}){_queued(step.queue_share)}", parameters.doubts)


def _target_code(_finding: Finding, parameters: SlowStep) -> str:
    step = parameters.step
    where = "the target's own code (outside the phases it reports in Server-Timing"
    return _doubted(f"{_amount(step)} is in {where}; {_times(step)}){_queued(step.queue_share)}", parameters.doubts)


def _pool(_finding: Finding, parameters: DatabasePool) -> str:
    return _doubted(
        f"{_amount(parameters.step)} is waiting for a database connection ({_detail(parameters.step)})"
        f"{_pool_size(parameters)}{_queued(parameters.step.queue_share)}",
        parameters.doubts,
    )


def _held(_finding: Finding, parameters: HeldConnections) -> str:
    return _doubted(
        f"the database holds each connection longer ({_detail(parameters.held)}), so other requests wait for one: "
        f"{_amount(parameters.step)} is that wait ({_detail(parameters.step)}){_pool_size(parameters)}"
        f"{_queued(parameters.step.queue_share)}",
        parameters.doubts,
    )


def _pool_size(parameters: DatabasePool) -> str:
    if parameters.size is None:
        return ""
    before = f", {parameters.size_before} in the baseline" if parameters.size_before is not None else ""
    return f"; the target's pool has at most {parameters.size}{before}"


def _before_target(_finding: Finding, parameters: NetworkOrTarget) -> str:
    if parameters.network_excluded:
        reason = f"requests queue for a free worker, since connecting takes only {units.duration(parameters.connect_s)}"
    else:
        reason = "requests queue for a free worker, or the network is slow"
    return _doubted(
        f"{_amount(parameters.step)} passes before the target begins its work ({_times(parameters.step)}); {reason}",
        parameters.doubts,
    )


def _first_byte(_finding: Finding, parameters: NetworkOrTarget) -> str:
    if parameters.network_excluded:
        connecting = units.duration(parameters.connect_s)
        reason = f"connecting takes only {connecting}, so the target is slow and not the network"
    else:
        reason = "either the target or the network is slow, since the target sends no Server-Timing"
    return _doubted(
        f"{_amount(parameters.step)} passes between the request and the first byte of its response "
        f"({_times(parameters.step)}); {reason}",
        parameters.doubts,
    )


def _transfer(_finding: Finding, parameters: BodyTransfer) -> str:
    size, before = parameters.body_bytes, parameters.body_bytes_before
    if size is None or before is None:
        reason = "the responses are large, the network is slow, or the target writes slowly"
    else:
        reason = (
            f"the responses are no larger ({units.count(size)} bytes, {units.count(before)} in the baseline), so the "
            "network is slow, or the target writes slowly"
        )
    return _doubted(
        f"{_amount(parameters.step)} is the transfer of the response body ({_times(parameters.step)}); {reason}",
        parameters.doubts,
    )


def _larger(_finding: Finding, parameters: BodyTransfer) -> str:
    return _doubted(
        f"the responses are larger ({units.count(parameters.body_bytes)} bytes, "
        f"{units.count(parameters.body_bytes_before)} in the baseline): {_amount(parameters.step)} is the transfer of "
        f"the response body ({_times(parameters.step)})",
        parameters.doubts,
    )


def _busy(_finding: Finding, parameters: BusyConnections) -> str:
    waited = (
        f"{units.count(parameters.waited)} of {units.plural(parameters.scheduled, 'request')} "
        f"({units.share(parameters.waited / parameters.scheduled)})"
    )
    return _doubted(
        f"too few connections for this load: {_amount(parameters.step)} is waiting for a free one "
        f"({_times(parameters.step)}); {waited} found all of them busy, since the target takes too long over each "
        "request",
        parameters.doubts,
    )


def _tail(_finding: Finding, parameters: SlowTail) -> str:
    sentence = (
        f"a few requests are slow, not all: half took at most {units.duration(parameters.p50_s)}, but one in twenty "
        f"{units.duration(parameters.p95_s)} or more"
    )
    if not parameters.phase:
        return sentence
    return (
        f"{sentence}; the longest time in the target's phase {parameters.phase} was "
        f"{units.duration(parameters.phase_max_s)}"
    )


def _part(_finding: Finding, parameters: PartShare) -> str:
    amount = f"{percent(parameters.share)} of the {_increase(parameters.grown)}"
    return f"{amount} is in the requests of one part, {parameters.dominant_part}"


def _look_at_part(_finding: Finding, parameters: PartShare) -> str:
    return f"look at the part {parameters.dominant_part} alone"


def _no_part(_finding: Finding, parameters: PartShare) -> str:
    amount = f"{percent(parameters.share)} of the {_increase(parameters.grown)}"
    return f"no single part is the cause: the largest share, {amount}, is in the requests of {parameters.dominant_part}"


def _no_step(_finding: Finding, parameters: LargestSteps) -> str:
    largest = " and ".join(f"{_step_name(step)} with {percent(step.share)}" for step in parameters.steps)
    grown = any(step.before_s is not None for step in parameters.steps)
    queued = f"; both include {_GROWING_QUEUE}" if all(step.queue_share for step in parameters.steps) else ""
    return f"no single step of the requests has most of the {_increase(grown)}: the largest are {largest}{queued}"


def _step_name(step: RequestStep) -> str:
    return f"the target's phase {step.phase}" if step.phase else _STEP_NAMES.get(step.name, step.name)


def _hits_fell(_finding: Finding, parameters: CacheHits) -> str:
    sentence = (
        f"fewer responses come from the cache: {percent(parameters.hit_ratio)} now, "
        f"{percent(parameters.hit_ratio_before or 0.0)} in the baseline; computing the others is "
        f"{percent(parameters.computing_share)} of the {_increase(parameters.grown)}{_queued(parameters.queue_share)}"
    )
    computation = parameters.computation
    if computation is None:
        sentence += "; too few were computed before to compare the time of one computation"
    elif parameters.computation_slower:
        sentence += f"; one computation takes longer as well, {time(computation)}, so the cache is not the only cause"
    else:
        sentence += f", while one computation takes no longer: {time(computation)}"
    return _doubted(sentence, parameters.doubts)


def _hits_few(_finding: Finding, parameters: CacheHits) -> str:
    return _doubted(
        f"few responses come from the cache: {percent(parameters.hit_ratio)}; computing the others is "
        f"{percent(parameters.computing_share)} of the time; without a baseline it is unknown whether that is usual",
        parameters.doubts,
    )


def _awaited(_finding: Finding, parameters: AwaitedComputation) -> str:
    return _doubted(
        f"requests wait in the cache for a response that another request computes: {_amount(parameters.step)} is that "
        f"wait ({_detail(parameters.step)}), and {percent(parameters.waiting_share)} of the requests waited; the "
        f"computation itself has become slow{_queued(parameters.step.queue_share)}",
        parameters.doubts,
    )


def _connecting(_finding: Finding, parameters: SlowConnecting) -> str:
    return (
        f"opening a connection takes {time(parameters.connect)}: the target accepts connections late, or the network "
        "or TLS is slow"
    )


_LOOK_AT_STATEMENTS = (
    "look for this endpoint's slow statements (PostgreSQL: pg_stat_statements, EXPLAIN ANALYZE) and for what changed: "
    "a query, an index, the size of a table, locks"
)
_LOOK_AT_THE_CACHE = (
    "check that the cache is enabled and reachable (of the shipped API: APP_CACHE, APP_REDIS_URL), how long it keeps "
    "responses, and what invalidates them"
)
_LOOK_AT_SIZES = (
    "compare the size of the responses with before, check that they are compressed, and measure the network"
)
SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.NO_PHASES: always("unknown, since no phase was measured that shows where the time is spent"),
    FindingCode.SLOW_TAIL: _tail,
    FindingCode.PART_DOMINATES: _part,
    FindingCode.NO_PART_DOMINATES: _no_part,
    FindingCode.NO_STEP_DOMINATES: _no_step,
    FindingCode.CONNECTIONS_BUSY: _busy,
    FindingCode.DATABASE_SLOW: _step_in("the database"),
    FindingCode.DATABASE_POOL_EXHAUSTED: _pool,
    FindingCode.DATABASE_CONNECTIONS_HELD: _held,
    FindingCode.CACHE_SLOW: _step_in("the cache itself"),
    FindingCode.CACHE_HITS_FELL: _hits_fell,
    FindingCode.CACHE_HITS_FEW: _hits_few,
    FindingCode.CACHE_COMPUTATION_AWAITED: _awaited,
    FindingCode.SERIALISATION_SLOW: _step_in("writing the response"),
    FindingCode.PHASE_SLOW: _phase,
    FindingCode.TARGET_CODE_SLOW: _target_code,
    FindingCode.QUEUE_BEFORE_TARGET: _before_target,
    FindingCode.FIRST_BYTE_SLOW: _first_byte,
    FindingCode.RESPONSES_LARGER: _larger,
    FindingCode.TRANSFER_SLOW: _transfer,
    FindingCode.CONNECTING_SLOW: _connecting,
}
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.NO_PHASES: always("look for the slowest requests in the target's own logs"),
    FindingCode.SLOW_TAIL: always(
        "find the slowest requests, listed in the report, in the target's logs by their request ids: what do they have "
        "in common (a lock, a cache that has to be filled, a pause of the runtime, other data)"
    ),
    FindingCode.PART_DOMINATES: _look_at_part,
    FindingCode.NO_PART_DOMINATES: always(
        "look for what all parts share: the target's CPU, its workers, its database, or the network"
    ),
    FindingCode.NO_STEP_DOMINATES: always(
        "look for what slows everything at once: the target's CPU, memory or disk, a neighbour on its machine, another "
        "version of its runtime"
    ),
    FindingCode.CONNECTIONS_BUSY: always(
        "find out why the target takes so long over each request; only if it doesn't, raise max_connections of the "
        "scenario"
    ),
    FindingCode.DATABASE_SLOW: always(_LOOK_AT_STATEMENTS),
    FindingCode.DATABASE_POOL_EXHAUSTED: always(
        "allow more connections (of the shipped API: APP_DATABASE_CONNECTIONS_MAX) if the database can take them, or "
        "hold each for a shorter time"
    ),
    FindingCode.DATABASE_CONNECTIONS_HELD: always(_LOOK_AT_STATEMENTS),
    FindingCode.CACHE_SLOW: always(
        "measure the response time of the cache's server and the network to it, and its load"
    ),
    FindingCode.CACHE_HITS_FELL: always(_LOOK_AT_THE_CACHE),
    FindingCode.CACHE_HITS_FEW: always(_LOOK_AT_THE_CACHE),
    FindingCode.CACHE_COMPUTATION_AWAITED: always(
        "look at what the computation does, first of all its statements in the database; to serve the old response "
        "while the new one is computed would spare users the wait"
    ),
    FindingCode.SERIALISATION_SLOW: always(
        "compare the size of the responses with before, and profile how they are written"
    ),
    FindingCode.PHASE_SLOW: lambda _finding, parameters: (
        f"profile what the target does in its phase {parameters.step.phase}"
    ),
    FindingCode.TARGET_CODE_SLOW: always(
        "profile the target under this load: CPU, locks, calls to other services; or let it report more phases"
    ),
    FindingCode.QUEUE_BEFORE_TARGET: always(
        "check whether requests queue for a free worker (of the shipped API: APP_THREADS; more instances), and how "
        "busy the CPU of the target and of the proxy before it is"
    ),
    FindingCode.FIRST_BYTE_SLOW: always(
        "let the target send a Server-Timing header, which shows the phase that takes the time"
    ),
    FindingCode.RESPONSES_LARGER: always(_LOOK_AT_SIZES),
    FindingCode.TRANSFER_SLOW: always(_LOOK_AT_SIZES),
    FindingCode.CONNECTING_SLOW: always(
        "check the target's listen backlog and CPU, measure the network, and keep connections open"
    ),
}
