import pytest

from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.causes.slowness import AwaitedComputation, CacheHits
from loadtasks.results.findings.codes import FindingCode
from tests.loadtasks.verdict.causes.cases import causes, codes, completed, likely, parameters


def cached(mean_s: float, hits: int, db_s: float, cache_s: float = 0.0001, **outcomes: int) -> Measurement:
    """100 requests, so many of them cache hits; the database's seconds of one request on average."""
    return completed(
        mean_s,
        server={"cache": cache_s, "db": db_s, "total": mean_s * 0.88},
        outcomes={"cache": {"hit": hits, "miss": 100 - hits - sum(outcomes.values()), **outcomes}},
    )


def test_a_cache_with_fewer_hits_is_blamed_and_not_the_database() -> None:
    (cause,) = causes(cached(0.2, 0, 0.16), cached(0.05, 90, 0.016))
    assert cause.code is FindingCode.CACHE_HITS_FELL
    assert likely(cause)
    hits = parameters(cause, CacheHits)
    assert (hits.hit_ratio, hits.hit_ratio_before, hits.grown) == (0, pytest.approx(0.9), True)
    assert hits.computing_share > 0.8
    assert hits.computation is not None
    assert not hits.computation_slower


def test_computations_that_take_longer_too_are_reported() -> None:
    (cause,) = causes(cached(0.9, 0, 0.75), cached(0.05, 90, 0.016))
    assert cause.code is FindingCode.CACHE_HITS_FELL
    hits = parameters(cause, CacheHits)
    assert hits.computation_slower
    assert hits.computation is not None
    assert hits.computation.before_s is not None
    assert hits.computation.now_s > 1.5 * hits.computation.before_s


def test_with_too_few_computations_in_the_baseline_they_are_not_compared() -> None:
    (cause,) = causes(cached(0.2, 0, 0.16), cached(0.01, 100, 0.0))
    hits = parameters(cause, CacheHits)
    assert (hits.hit_ratio, hits.hit_ratio_before) == (0, 1)
    assert hits.computation is None
    assert not hits.computation_slower


def test_a_cache_that_does_as_in_the_baseline_is_not_blamed() -> None:
    assert codes(causes(cached(0.9, 88, 0.75), cached(0.05, 90, 0.016))) == [FindingCode.DATABASE_SLOW]


def test_without_a_baseline_a_low_hit_ratio_is_only_suspected() -> None:
    (cause,) = causes(cached(0.2, 10, 0.16))
    assert cause.code is FindingCode.CACHE_HITS_FEW
    hits = parameters(cause, CacheHits)
    assert (hits.hit_ratio, hits.hit_ratio_before, hits.grown) == (pytest.approx(0.1), None, False)
    assert not likely(cause)


def test_waiting_for_another_requests_computation_is_found() -> None:
    (cause,) = causes(cached(1.0, 20, 0.01, cache_s=0.85, wait=78), cached(0.05, 98, 0.001))
    assert cause.code is FindingCode.CACHE_COMPUTATION_AWAITED
    awaited = parameters(cause, AwaitedComputation)
    assert awaited.step.phase == "cache"
    assert awaited.step.share == pytest.approx(0.874, abs=0.001)
    assert awaited.waiting_share == pytest.approx(0.78)


def test_a_slow_cache_with_many_hits_is_no_computation() -> None:
    assert codes(causes(cached(1.0, 98, 0.01, cache_s=0.85), cached(0.05, 98, 0.001))) == [FindingCode.CACHE_SLOW]
