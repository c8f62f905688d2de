"""The cache: responses that it no longer has must be computed, however fast each computation is."""

from collections.abc import Iterator
from dataclasses import dataclass

from loadtasks.measurement.model import SERVER, Measurement, Phase
from loadtasks.results.findings.causes.slowness import AwaitedComputation, CacheHits, MeanTime
from loadtasks.results.findings.codes import FindingCode, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes.attribution import TOTAL, UNNAMED, Attribution, steps_s
from loadtasks.verdict.causes.case import Case, likely_if

# Rules of thumb, all of them.
_MIN_FALL = 0.1
"""The smallest fall of the hit ratio that is a cause."""
_MIN_RATIO = 0.5
"""Below this hit ratio a cache is suspected where there is no baseline."""
_SLOWER = 1.5
"""A computation is slower when its time exceeds this multiple of the baseline's."""
_MIN_COMPUTATIONS = 5
"""With fewer computations their mean isn't compared."""
_MIN_SHARE = 0.5
"""Computing has to carry this share of the time, or of its increase."""
_MIN_WAITING = 0.1
"""The smallest share of requests that wait for another request's computation which is a cause."""
_WAIT, _MISS = "wait", "miss"


@dataclass(frozen=True)
class CacheUse:
    """How a cache was used in one measurement."""

    name: str
    """The name of the cache's Server-Timing phase."""
    phase: Phase
    computing_s: float
    """Seconds that all requests together spent in the target, outside the cache."""

    @property
    def hit_ratio(self) -> float:
        """Share of the responses that came from the cache, 0 to 1."""
        return self.phase.hit_ratio or 0.0

    @property
    def misses(self) -> int:
        """How many responses were computed."""
        return self.phase.outcomes.get(_MISS, 0)

    @property
    def lookups(self) -> int:
        """How often a response was looked up."""
        return sum(self.phase.outcomes.values())

    @property
    def waiting_share(self) -> float:
        """Share of the lookups that waited for another request's computation, 0 to 1."""
        return self.phase.outcomes.get(_WAIT, 0) / max(1, self.lookups)

    @property
    def computation_s(self) -> float | None:
        """Seconds of one computation; None where there were too few."""
        return self.computing_s / self.misses if self.misses >= _MIN_COMPUTATIONS else None


def cache_use(measurement: Measurement | None) -> CacheUse | None:
    """The use of the cache with the most lookups; None where the target reports none in Server-Timing."""
    if measurement is None:
        return None
    caches = {name: phase for name, phase in measurement.phases.items() if phase.hit_ratio is not None}
    if not caches:
        return None
    name = max(caches, key=lambda cache: sum(caches[cache].outcomes.values()))
    steps = steps_s(measurement)
    computing_s = sum(steps[step] for step in steps if _computes(step, name)) * measurement.counts.completed
    return CacheUse(name.removeprefix(SERVER), caches[name], computing_s)


def explain_by_cache(case: Case, attribution: Attribution) -> Iterator[Finding]:
    """The part of the cache in slowness: it has fewer responses, or many requests wait for one that computes."""
    now, before = cache_use(case.measurement), cache_use(case.baseline)
    if now is None:
        return
    computing = [step for step in attribution.steps if _computes(step.name, SERVER + now.name)]
    share = min(1.0, sum(step.share for step in computing))
    own = attribution.step(SERVER + now.name)
    hits = CacheHits(
        hit_ratio=now.hit_ratio,
        computing_share=share,
        queue_share=min(1.0, sum(step.queue_share for step in computing)),
        grown=attribution.grown,
        doubts=attribution.doubts,
    )
    if before is not None and before.hit_ratio - now.hit_ratio >= _MIN_FALL and share >= _MIN_SHARE:
        yield case.cause(FindingCode.CACHE_HITS_FELL, _compared(hits, now, before), likely_if(not attribution.doubts))
    elif before is None and now.hit_ratio < _MIN_RATIO and share >= _MIN_SHARE:
        yield case.cause(FindingCode.CACHE_HITS_FEW, hits, Likelihood.POSSIBLE)
    elif own is not None and own.share >= _MIN_SHARE and now.waiting_share >= _MIN_WAITING:
        yield case.cause(
            FindingCode.CACHE_COMPUTATION_AWAITED,
            AwaitedComputation(step=own, doubts=attribution.doubts, waiting_share=now.waiting_share),
            likely_if(not attribution.doubts),
        )


def _compared(hits: CacheHits, now: CacheUse, before: CacheUse) -> CacheHits:
    """With the baseline's hit ratio, and whether one computation takes longer than in it."""
    now_s, before_s = now.computation_s, before.computation_s
    known = now_s is not None and before_s is not None
    return hits.model_copy(
        update={
            "hit_ratio_before": before.hit_ratio,
            "computation": MeanTime(now_s=now_s, before_s=before_s) if now_s is not None and known else None,
            "computation_slower": now_s is not None and before_s is not None and now_s > _SLOWER * before_s,
        }
    )


def _computes(step: str, cache: str) -> bool:
    return (step.startswith(SERVER) or step == UNNAMED) and step not in (cache, TOTAL)
