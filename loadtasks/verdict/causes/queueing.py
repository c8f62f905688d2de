"""The queue for the target, which grows with each request's time in it: a consequence, and no cause of its own.

Where N requests are under way at once and the target works on c of them, a request waits for about N / c - 1 others to
be served. So one whose service takes longer makes all of them wait longer, in proportion (the utilisation law and the
interactive response time law: Lazowska et al., Quantitative System Performance, 1984, chapter 3). The target's own time
may have grown by 0.05 ms then and the time outside its account by 0.5 ms, and still its slower step is the cause.

What the slower steps explain of the time outside is bounded twice, since c is unknown:

- the target works on at least as many requests as are in its own account at once, so that the queue grows by no larger
  factor than its own time does. What a request spends outside because of the network is no queue: connecting takes at
  least as long as a round trip of a request;
- it works on at least one, so that a request waits for the growth of at most N - 1 others.

A request queues before the target works on it, which is in the time outside its account, and may queue once more before
its body is written: a process with one interpreter lock sends the head, and then the other requests have their turn.
The time of the body is part of the queue as long as bodies are no larger than before.

The same within the target's account, where it works on several requests at once that share a processor or an
interpreter lock: one that waits for its database, its cache or a connection goes on when the code of another has
finished, so those phases grow where only the code does. They are charged to the code as far as they grew by no larger
factor than it did, and by no more than the growth of the code of all others that are in the account at once: of M, a
request meets M (N - 1) / N others (the arrival theorem: Reiser and Lavenberg, "Mean-value analysis of closed multichain
queuing networks", 1980).

N is the sum of all response times over the elapsed time, and the number in the target's own account the sum of its own
times over the elapsed time (Little's law). With a single worker nothing queues, and the second bound is 0.
"""

from collections.abc import Sequence

from loadtasks.measurement.model import SERVER, Measurement
from loadtasks.results.findings.causes.slowness import RequestStep
from loadtasks.verdict.causes import phase_names
from loadtasks.verdict.causes.attribution import BODY, OUTSIDE, TOTAL, UNNAMED, Attribution, steps_s
from loadtasks.verdict.causes.case import Case

_MIN_IN_TARGET = 0.1
"""Requests in the target's own account at once below which it is idle, so that nothing queues for it. A rule of thumb:
a busy process is in its own account for less than all of its time, since it also reads requests and writes responses.
For 0.17 of it where the shipped API serves its cheapest endpoint."""
_LARGER = 1.01
"""The growth of the mean body above which its transfer takes longer by itself. A rule of thumb: times of day and
counters in a body make it longer or shorter by a few bytes."""


def charge_queue(case: Case, attribution: Attribution) -> Attribution:
    """Charge the growth of the queues to the steps that cause them, as far as these explain it.

    The waits within the target's account are charged to its code, then the queue before it to the steps of its account
    that grew, in proportion of their own growth. What they don't explain stays where it is: a slow query, fewer
    processes, or a slow proxy. Nothing changes where the time is attributed and not its increase, or where the target
    doesn't report its total in both measurements.
    """
    if not attribution.grown or not _has_totals(case):
        return attribution
    waits = [step for step in attribution.steps if _is_wait(step)]
    code = [step for step in attribution.steps if _is_own(step.name) and not _is_wait(step)]
    attribution = _charge(attribution, waits, code, _explained_waits_s(case, waits, code))
    queued = [step for step in attribution.steps if step.name in _queue_steps(case)]
    own = [step for step in attribution.steps if _is_own(step.name)]
    return _charge(attribution, queued, own, _explained_queue_s(case))


def _charge(
    attribution: Attribution, queued: Sequence[RequestStep], causing: Sequence[RequestStep], explained_s: float
) -> Attribution:
    """Charge so many seconds per request of the growth of the first steps to that of the others."""
    growth_s = sum(_growth_s(step) for step in attribution.steps)
    queue, cause = (sum(step.share for step in steps) for steps in (queued, causing))
    if growth_s <= 0 or queue <= 0 or cause <= 0 or explained_s <= 0:
        return attribution
    charged = min(queue, explained_s / growth_s)
    steps = [
        _charged(step, charged * step.share / cause)
        if step in causing
        else step.model_copy(update={"share": step.share * (1 - charged / queue)})
        if step in queued
        else step
        for step in attribution.steps
    ]
    return Attribution(sorted(steps, key=lambda step: -step.share), attribution.grown, attribution.doubts)


def _queue_steps(case: Case) -> tuple[str, ...]:
    """The steps of a request in which it waits for the target to serve others."""
    before = case.baseline
    if before is None or _body_bytes(case.measurement) > _LARGER * _body_bytes(before):
        return (OUTSIDE,)
    return (OUTSIDE, BODY)


def _body_bytes(measurement: Measurement) -> float:
    """Bytes of the mean body."""
    return measurement.body_bytes / max(1, measurement.counts.completed)


def _charged(step: RequestStep, share: float) -> RequestStep:
    return step.model_copy(
        update={"share": min(1.0, step.share + share), "queue_share": min(1.0, step.queue_share + share)}
    )


def _growth_s(step: RequestStep) -> float:
    return max(0.0, step.now_s - (step.before_s or 0.0))


def _has_totals(case: Case) -> bool:
    both = case.measurement, case.baseline
    return all(measurement is not None and TOTAL in measurement.phases for measurement in both)


def _explained_waits_s(case: Case, waits: Sequence[RequestStep], code: Sequence[RequestStep]) -> float:
    """The most seconds per request by which the growth of the code can have lengthened the waits in the account."""
    whole = case.baseline_whole
    if whole is None or whole.elapsed_s <= 0:
        return 0.0
    at_once, in_account = _at_once(whole), _own_at_once(whole)
    # Work that moves from one step of the code to another makes nobody wait longer.
    code_before_s = sum(step.before_s or 0.0 for step in code)
    code_growth_s = sum(step.now_s for step in code) - code_before_s
    if at_once <= 1 or in_account <= 1 or code_before_s <= 0 or code_growth_s <= 0:
        return 0.0
    factor = code_growth_s / code_before_s
    in_proportion_s = sum(min(_growth_s(step), factor * (step.before_s or 0.0)) for step in waits)
    return min(in_proportion_s, code_growth_s * in_account * (at_once - 1) / at_once)


def _explained_queue_s(case: Case) -> float:
    """The most seconds per request by which the target's own growth can have lengthened the queue before it."""
    before, whole = case.baseline, case.baseline_whole
    if before is None or whole is None:
        return 0.0
    connect_s = before.connect_mean_s
    if connect_s is None or whole.elapsed_s <= 0 or _own_at_once(whole) < _MIN_IN_TARGET:
        return 0.0
    own_before_s = _own_s(before)
    own_growth_s = _own_s(case.measurement) - own_before_s
    if own_before_s <= 0 or own_growth_s <= 0:
        return 0.0
    queue_before_s = max(0.0, sum(steps_s(before).get(step, 0.0) for step in _queue_steps(case)) - connect_s)
    return own_growth_s * min(queue_before_s / own_before_s, max(0.0, _at_once(whole) - 1))


def _is_own(step: str) -> bool:
    return step == UNNAMED or step.startswith(SERVER)


def _is_wait(step: RequestStep) -> bool:
    """Whether the target waits for something else in this step, so that others go on meanwhile."""
    return step.phase.lower() in phase_names.WAITS


def _own_s(measurement: Measurement) -> float:
    """Seconds per completed request in the target's own account."""
    return sum(seconds for name, seconds in steps_s(measurement).items() if _is_own(name))


def _at_once(measurement: Measurement) -> float:
    """How many requests are under way at once, on average."""
    return (measurement.response.mean_s or 0.0) * measurement.response.count / measurement.elapsed_s


def _own_at_once(measurement: Measurement) -> float:
    """How many requests the target works on at once by its own account, on average."""
    total = measurement.phases.get(TOTAL)
    return total.total_s / measurement.elapsed_s if total is not None else 0.0
