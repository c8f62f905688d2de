"""High response times: which step of a request carries them, and what that step means."""

from collections.abc import Iterator
from dataclasses import replace

from loadtasks import units
from loadtasks.measurement.model import SERVER
from loadtasks.verdict.causes import caching, meanings
from loadtasks.verdict.causes.attribution import (
    BODY,
    FIRST_BYTE,
    OUTSIDE,
    TOTAL,
    WAITING,
    Attribution,
    Step,
    attribute,
)
from loadtasks.verdict.causes.case import Case, Cause

_MOST = 0.5
"""A step that carries at least this share is named as the cause."""
_TAIL = 5.0
"""So many times the median makes the 95th percentile a matter of a few requests."""
_LONGER = 1.5
"""So many times as long as before is longer."""
_POOL_MAX = "database_connections_max"


def slow(case: Case) -> Iterator[Cause]:
    """Where the time of answered requests goes."""
    if not case.slow or case.websocket:
        return
    yield from _tail(case)
    if case.parts:
        yield from _of_parts(case)
        return
    attribution = attribute(case.measurement, case.baseline, case.growth)
    if attribution is None:
        yield Cause(
            "no phase was measured that could tell where the time goes",
            "look at the slowest requests in the target's own logs",
            sure=False,
        )
        return
    yield from _of_waiting(case, attribution)
    if attribution.steps[0].name == WAITING:
        rest = attribution.without(WAITING)
        if rest is None:
            return
        attribution = rest
    of_cache = list(caching.explanation(case, attribution))
    yield from of_cache or _of_steps(case, attribution)


def _tail(case: Case) -> Iterator[Cause]:
    p50_s, p95_s = case.measurement.p50_s, case.measurement.p95_s
    if "p50_s" in case.metrics or p50_s is None or p95_s is None or p95_s < _TAIL * p50_s:
        return
    yield Cause(
        f"few requests are slow, not all: half took at most {units.duration(p50_s)}, but one in twenty "
        f"{units.duration(p95_s)} or more{_longest_phase(case)}",
        "find the slowest requests, listed in the report, in the target's logs by their request ids: what do they have "
        "in common (a lock, a cache that has to be filled, a pause of the runtime, other data)",
    )


def _longest_phase(case: Case) -> str:
    """Which phase of the target the slowest request spent its time in, to be added to a sentence."""
    longest = {
        name: phase.max_s
        for name, phase in case.measurement.phases.items()
        if name.startswith(SERVER) and name != TOTAL
    }
    name = max(longest, key=lambda each: longest[each], default="")
    if not name or longest[name] < _MOST * (case.measurement.max_s or 0.0):
        return ""
    return f"; the longest stay in the target's phase {name.removeprefix(SERVER)} was {units.duration(longest[name])}"


def _of_parts(case: Case) -> Iterator[Cause]:
    """Which kind of request of a mixed scenario carries the time, or its growth."""
    mean_s, before_s = case.measurement.mean_s, case.baseline.mean_s if case.baseline is not None else None
    compared = all(each.baseline is not None for each in case.parts) and mean_s is not None and before_s is not None
    grown = compared and mean_s > case.growth * before_s  # type: ignore[operator]
    amounts = {each.measurement.part: max(0.0, _total_s(each, grown=grown)) for each in case.parts}
    whole = sum(amounts.values())
    part = max(amounts, key=lambda amount: amounts[amount])
    if whole <= 0:
        return
    share, what = amounts[part] / whole, "growth" if grown else "time"
    said = f"{part} carries {units.share(share)} of the {what}"
    if share < _MOST:
        yield Cause(
            f"no single kind of request is the cause: {said}, and no other more",
            "look for what all kinds share: the target's CPU, its workers, its database, or the network",
            sure=False,
        )
        return
    (dominant,) = (each for each in case.parts if each.measurement.part == part)
    causes = [] if dominant.slow else list(slow(replace(dominant, metrics=frozenset({"mean_s", "p50_s"}))))
    for cause in causes:
        yield replace(cause, sentence=f"{said}, and of that: {cause.sentence}")
    if not causes:
        yield Cause(f"one kind of request: {said}", f"look at what is told of {part} alone")


def _total_s(case: Case, *, grown: bool) -> float:
    """Seconds of all its requests; with `grown`, beyond those that as many took in the baseline."""
    before_s = (case.baseline.mean_s or 0.0) if case.baseline is not None and grown else 0.0
    return ((case.measurement.mean_s or 0.0) - before_s) * case.measurement.response.count


def _of_waiting(case: Case, attribution: Attribution) -> Iterator[Cause]:
    step = attribution.steps[0]
    if step.name != WAITING or step.share < _MOST:
        return
    meaning = meanings.OF_STEP[WAITING]
    yield Cause(
        f"{meaning.cause}: waiting for a free one carries {step.amount}; "
        f"{case.of_all(case.measurement.health.waited_for_connection)} found all busy, since the target holds them "
        "longer than the load asks",
        meaning.next_step,
        sure=not attribution.doubts,
    )


def _of_steps(case: Case, attribution: Attribution) -> Iterator[Cause]:
    first = attribution.steps[0]
    if first.share < _MOST:
        yield _spread(attribution)
        return
    if first.phase.lower() in meanings.POOL:
        cause = _of_pool(case, attribution, first)
    elif first.name == FIRST_BYTE:
        cause = _of_first_byte(case, attribution, first)
    elif first.name == OUTSIDE:
        cause = _of_outside(case, attribution, first)
    elif first.name == BODY:
        cause = _of_body(case, attribution, first)
    else:
        cause = _plain(attribution, first)
    yield _doubted(cause, attribution)


def _plain(attribution: Attribution, step: Step) -> Cause:
    """What a step means without more being known."""
    meaning = meanings.of_phase(step.phase) if step.phase else meanings.OF_STEP[step.name]
    carrier = f"the target's phase {step.phase}" if step.phase else "it"
    return Cause(f"{meaning.cause}: {carrier} carries {step.amount}", meaning.next_step)


def _spread(attribution: Attribution) -> Cause:
    """No step carries most of it."""
    told = " and ".join(f"{_name(step)} {units.share(step.share)}" for step in attribution.steps[:2])
    what = "growth" if attribution.grown else "time"
    return Cause(
        f"no single phase carries most of the {what}: the largest are {told}; what they have in common can't be told",
        "look for what slows everything at once: the target's CPU, memory or disk, a neighbour on its machine, another "
        "version of its runtime",
        sure=False,
    )


def _of_pool(case: Case, attribution: Attribution, step: Step) -> Cause:
    """Waiting for a connection: too few, or each held for longer."""
    cause = _plain(attribution, step)
    size, size_before = case.told.gauge(_POOL_MAX), case.told_before.gauge(_POOL_MAX)
    if size is not None:
        before = f", {size_before[1]:g} in the baseline" if size_before is not None and attribution.grown else ""
        cause = _more(cause, f"; the target may have {size[1]:g} of them{before}")
        if size_before is not None and size_before[1] > size[1]:
            return cause
    held = next((each for each in attribution.steps if each.phase.lower() in meanings.DATABASE), None)
    if held is not None and held.before_s is not None and held.now_s >= _LONGER * held.before_s:
        return Cause(
            f"the database, which holds each connection longer (from {units.duration(held.before_s)} to "
            f"{units.duration(held.now_s)} a request), so that others wait for one: {cause.sentence}",
            meanings.of_phase(held.phase).next_step,
        )
    return cause


def _of_first_byte(case: Case, attribution: Attribution, step: Step) -> Cause:
    """The target doesn't tell; the time to connect tells the network from it."""
    cause = _plain(attribution, step)
    connect_s = case.measurement.connect_mean_s
    if connect_s is not None and connect_s < 0.1 * step.now_s:
        return _more(
            cause,
            f"; the target itself, since connecting takes only {units.duration(connect_s)}, so the network is not it",
        )
    return replace(
        _more(cause, "; the target can't be told from the network, since it sends no Server-Timing"), sure=False
    )


def _of_outside(case: Case, attribution: Attribution, step: Step) -> Cause:
    """A queue before the application, or the network: the time to connect tells which where it stayed."""
    cause = _plain(attribution, step)
    connect_s = case.measurement.connect_mean_s
    if connect_s is not None and connect_s < 0.1 * step.now_s:
        return _more(
            cause,
            f"; requests queue for a free worker, since connecting takes only {units.duration(connect_s)}, so the "
            "network is not it",
        )
    return replace(_more(cause, "; a queue for a free worker can't be told from a slow network"), sure=False)


def _of_body(case: Case, attribution: Attribution, step: Step) -> Cause:
    """Larger answers, or a slower way for them."""
    cause = _plain(attribution, step)
    size, before = _mean_size(case), _mean_size(replace(case, measurement=case.baseline)) if case.baseline else None
    if size is None or before is None:
        return replace(
            _more(cause, "; large answers can't be told from a slow network or a target that writes slowly"), sure=False
        )
    if size >= _LONGER * before:
        return _more(cause, f"; the answers are larger: {size:,.0f} bytes, {before:,.0f} in the baseline")
    return replace(
        _more(
            cause,
            f"; the answers are no larger ({size:,.0f} bytes), so the network is slower, or the target writes slowly",
        ),
        sure=False,
    )


def _mean_size(case: Case) -> float | None:
    measurement = case.measurement
    return measurement.body_bytes / measurement.counts.completed if measurement.body_bytes else None


def _more(cause: Cause, clause: str) -> Cause:
    return replace(cause, sentence=cause.sentence + clause)


def _doubted(cause: Cause, attribution: Attribution) -> Cause:
    """A cause with what makes it uncertain."""
    if not attribution.doubts:
        return cause
    return replace(_more(cause, f" (not certain: {'; '.join(attribution.doubts)})"), sure=False)


def _name(step: Step) -> str:
    return f"the target's phase {step.phase}" if step.phase else meanings.OF_STEP[step.name].cause
