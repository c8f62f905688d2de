from loadtasks.measurement.model import Measurement
from tests.loadtasks.verdict.causes.cases import answered, causes


def cached(mean_s: float, hits: int, db_s: float, cache_s: float = 0.0001, **went: int) -> Measurement:
    """100 requests, so many of them answered by the cache; the database's seconds of one request on average."""
    return answered(
        mean_s,
        server={"cache": cache_s, "db": db_s, "total": mean_s * 0.88},
        outcomes={"cache": {"hit": hits, "miss": 100 - hits - sum(went.values()), **went}},
    )


def test_a_cache_that_gives_fewer_answers_is_blamed_and_not_the_database() -> None:
    (told,) = causes(cached(0.2, 0, 0.16), cached(0.05, 90, 0.016))
    assert told.sentence.startswith(
        "the cache: it gave 0 % of the answers, 90.0 % in the baseline; computing the others"
    )
    assert "while one computation takes" in told.sentence
    assert "APP_CACHE" in told.next_step
    assert told.sure


def test_computations_that_take_longer_too_are_told() -> None:
    (told,) = causes(cached(0.9, 0, 0.75), cached(0.05, 90, 0.016))
    assert "one computation takes longer too" in told.sentence
    assert "the cache is not the whole cause" in told.sentence


def test_with_too_few_computations_before_it_says_what_it_cannot_tell() -> None:
    (told,) = causes(cached(0.2, 0, 0.16), cached(0.01, 100, 0.0))
    assert "the cache: it gave 0 % of the answers, 100 % in the baseline" in told.sentence
    assert "whether a computation takes longer too can't be told" in told.sentence


def test_a_cache_that_does_as_before_is_not_blamed() -> None:
    (told,) = causes(cached(0.9, 88, 0.75), cached(0.05, 90, 0.016))
    assert told.sentence.startswith("the database: ")


def test_without_a_baseline_a_low_ratio_is_only_suspected() -> None:
    (told,) = causes(cached(0.2, 10, 0.16))
    assert told.sentence.startswith("the cache: it gave only 10.0 % of the answers")
    assert not told.sure


def test_waiting_for_another_requests_computation_is_told() -> None:
    (told,) = causes(cached(1.0, 20, 0.01, cache_s=0.85, wait=78), cached(0.05, 98, 0.001))
    assert told.sentence.startswith(
        "waiting for an answer that another request computes: the phase cache carries 87.4 %"
    )
    assert "78.0 % of the requests waited there" in told.sentence
    assert "statements in the database" in told.next_step


def test_a_slow_cache_that_answers_is_no_computation() -> None:
    (told,) = causes(cached(1.0, 98, 0.01, cache_s=0.85), cached(0.05, 98, 0.001))
    assert told.sentence.startswith("the cache itself: ")
