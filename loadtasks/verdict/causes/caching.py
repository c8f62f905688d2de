"""The cache: answers that it no longer gives have to be computed, however fast each computation is."""

from collections.abc import Iterator
from dataclasses import dataclass

from loadtasks import units
from loadtasks.measurement.model import SERVER, Measurement, Phase
from loadtasks.verdict.causes.attribution import TOTAL, UNNAMED, Attribution, steps_s
from loadtasks.verdict.causes.case import Case, Cause

_FELL = 0.1
"""The hit ratio has to fall by so much to be a cause."""
_LOW = 0.5
"""Below this ratio a cache is suspected where there is no baseline."""
_SAME = 1.5
"""A computation that takes at most so many times as long as before isn't slower."""
_ENOUGH = 5
"""Of fewer computations a mean says nothing."""
_CARRIES = 0.5
"""Computing has to carry this share of the time, or of its growth."""
_WAITED = 0.1
"""The share of requests that have to wait for another's computation for that to be worth naming."""
_WAIT, _MISS = "wait", "miss"
_NEXT = (
    "see that the cache is switched on and reachable (of the shipped API: APP_CACHE, APP_REDIS_URL), how long it keeps "
    "answers, and what makes it forget them"
)


@dataclass(frozen=True)
class Cached:
    """How a cache did in one measurement."""

    name: str
    phase: Phase
    computing_s: float
    """Seconds of all requests in the target, outside of the cache."""

    @property
    def ratio(self) -> float:
        """Share of the answers that it gave."""
        return self.phase.hit_ratio or 0.0

    @property
    def misses(self) -> int:
        """How many answers were computed."""
        return self.phase.outcomes.get(_MISS, 0)

    @property
    def asked(self) -> int:
        """How often it was asked."""
        return sum(self.phase.outcomes.values())

    @property
    def computation_s(self) -> float | None:
        """Seconds of one computation; None where there were too few."""
        return self.computing_s / self.misses if self.misses >= _ENOUGH else None


def cached(measurement: Measurement | None) -> Cached | None:
    """How the cache did of which the target told most; None where it told of none."""
    told = {} if measurement is None else {n: p for n, p in measurement.phases.items() if p.hit_ratio is not None}
    if measurement is None or not told:
        return None
    name = max(told, key=lambda each: sum(told[each].outcomes.values()))
    steps = steps_s(measurement)
    computing_s = sum(steps[step] for step in steps if _computes(step, name)) * measurement.counts.completed
    return Cached(name.removeprefix(SERVER), told[name], computing_s)


def explanation(case: Case, attribution: Attribution) -> Iterator[Cause]:
    """What the cache has to do with slowness: it gives fewer answers, or many wait for the one that computes."""
    now, before = cached(case.measurement), cached(case.baseline)
    if now is None:
        return
    share = sum(step.share for step in attribution.steps if _computes(step.name, SERVER + now.name))
    own = attribution.step(SERVER + now.name)
    if before is not None and before.ratio - now.ratio >= _FELL and share >= _CARRIES:
        yield Cause(_fewer(now, before, share, attribution), _NEXT, sure=not attribution.doubts)
    elif before is None and now.ratio < _LOW and share >= _CARRIES:
        yield Cause(
            f"the cache: it gave only {units.share(now.ratio)} of the answers, and computing the others takes "
            f"{units.share(share)} of the time; without a baseline it can't be told whether that is usual",
            _NEXT,
            sure=False,
        )
    elif own is not None and own.share >= _CARRIES and _waits(now):
        yield Cause(
            f"waiting for an answer that another request computes: the phase {now.name} carries {own.amount}, and "
            f"{units.share(now.phase.outcomes[_WAIT] / now.asked)} of the requests waited there; the computation "
            "itself has become slow",
            "see what the computation does, first of all its statements in the database; serving the old answer while "
            "the new one is computed would spare users the wait",
            sure=not attribution.doubts,
        )


def _fewer(now: Cached, before: Cached, share: float, attribution: Attribution) -> str:
    """That the cache gives fewer answers, and whether computing one takes longer too."""
    what = "growth" if attribution.grown else "time"
    told = (
        f"the cache: it gave {units.share(now.ratio)} of the answers, {units.share(before.ratio)} in the baseline; "
        f"computing the others carries {units.share(share)} of the {what}"
    )
    now_s, before_s = now.computation_s, before.computation_s
    if now_s is None or before_s is None:
        return f"{told}; whether a computation takes longer too can't be told, since too few were made before"
    if now_s <= _SAME * before_s:
        return f"{told}, while one computation takes {units.duration(now_s)}, {units.duration(before_s)} before"
    return (
        f"{told}, and one computation takes longer too: {units.duration(now_s)}, {units.duration(before_s)} before, so "
        "the cache is not the whole cause"
    )


def _waits(now: Cached) -> bool:
    return now.phase.outcomes.get(_WAIT, 0) >= _WAITED * now.asked


def _computes(step: str, cache: str) -> bool:
    return (step.startswith(SERVER) or step == UNNAMED) and step not in (cache, TOTAL)
