"""Two instances' caches over one real Redis, in one process."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app import circuit_breaker
from app.cache import shared
from app.cache.local import MISS, WAIT
from app.cache.shared import PREFIX, RedisCache
from app.redis.client import RedisClient
from tests.app.cache.test_local import ASKING, Source
from tests.redis_server import RedisServer

KEY = "key"
VALUE, FLIGHT = f"{PREFIX}:value:{KEY}", f"{PREFIX}:flight:{KEY}"


def value(text: bytes) -> Callable[[], bytes]:
    return lambda: text


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def caches(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[RedisCache]]:
    """Of two instances, which retry Redis with every command."""
    monkeypatch.setattr(circuit_breaker, "RETRY_S", 0)
    links = [RedisClient(redis_server.url) for _ in range(2)]
    yield [RedisCache(link) for link in links]
    for link in links:
        link.close()


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The recorded outcomes."""
    found: list[str] = []
    monkeypatch.setattr(shared, "record_outcome", lambda _, outcome: found.append(outcome))
    return found


def test_many_requests_to_all_instances_cause_one_computation(
    caches: list[RedisCache], source: Source, noted: list[str]
):
    with ThreadPoolExecutor(ASKING) as pool:
        responses = [pool.submit(caches[number % 2].get, KEY, 60, source) for number in range(ASKING)]
        assert source.begun.wait(20)
        while not (caches[0]._flights and caches[1]._flights):
            assert not responses[0].done()
        source.go.set()
        assert {response.result(20) for response in responses} == {b"1"}
    assert source.made == 1
    assert noted.count(MISS) == 1
    assert caches[0]._flights == caches[1]._flights == {}


def test_the_other_instance_gets_a_cached_document_until_it_expires(
    caches: list[RedisCache], redis_server: RedisServer
):
    assert caches[0].get(KEY, 60, value(b"1")) == b"1"
    assert caches[1].get(KEY, 60, value(b"2")) == b"1"
    with redis_server.client() as redis:
        assert 59_000 < redis.pttl(VALUE) <= 60_000
        redis.pexpire(VALUE, 0)
    assert caches[1].get(KEY, 60, value(b"2")) == b"2"


def test_after_an_invalidation_no_instance_serves_an_earlier_computation(caches: list[RedisCache], source: Source):
    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(caches[0].get, KEY, 60, source)
        assert source.begun.wait(20)
        caches[1].invalidate(KEY)
        # The instance that computes has a flight of its own, which must not be joined any more.
        assert caches[0].get(KEY, 60, value(b"new")) == b"new"
        source.go.set()
        assert early.result(20) == b"1"
    assert [cache.get(KEY, 60, source) for cache in caches] == [b"new", b"new"]


def test_a_failure_is_not_kept_and_the_other_instance_tries_too(caches: list[RedisCache], noted: list[str]):
    begun, go = threading.Event(), threading.Event()

    def fail() -> bytes:
        begun.set()
        assert go.wait(20)
        raise OSError("the database is unreachable")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(caches[0].get, KEY, 60, fail)
        assert begun.wait(20)
        second = pool.submit(caches[1].get, KEY, 60, value(b"better"))
        while not caches[1]._flights:
            assert not second.done()
        go.set()
        with pytest.raises(OSError, match="unreachable"):
            first.result(20)
        assert second.result(20) == b"better"
    assert noted == [MISS, MISS]
    assert caches[0].get(KEY, 60, fail) == b"better"


def test_others_do_not_wait_long_for_an_instance_that_died_while_it_computed(
    caches: list[RedisCache], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, noted: list[str]
):
    monkeypatch.setattr(shared, "MAX_WAIT_S", 0.1)
    with redis_server.client() as redis:
        redis.set(FLIGHT, "of a dead one")
        assert caches[0].get(KEY, 60, value(b"1")) == b"1"
        assert not redis.exists(FLIGHT)
    assert caches[1].get(KEY, 60, value(b"2")) == b"1"
    assert noted[0] == MISS


def test_a_watcher_gets_what_the_other_instance_computes(
    caches: list[RedisCache], redis_server: RedisServer, noted: list[str]
):
    with redis_server.client() as redis, ThreadPoolExecutor(1) as pool:
        redis.set(FLIGHT, "of another one")
        watching = pool.submit(caches[0].get, KEY, 60, value(b"mine"))
        while b"of another one" not in caches[0]._flights:
            assert not watching.done()
        redis.pipeline().set(VALUE, "theirs").delete(FLIGHT).execute()
        assert watching.result(20) == b"theirs"
    assert noted == [WAIT]


def test_without_redis_an_instance_works_on_its_own_and_computes_once(
    caches: list[RedisCache], redis_server: RedisServer, source: Source
):
    redis_server.stop()
    with ThreadPoolExecutor(10) as pool:
        responses = [pool.submit(caches[0].get, KEY, 60, source) for _ in range(10)]
        assert source.begun.wait(20)
        source.go.set()
        assert {response.result(20) for response in responses} == {b"1"}
    caches[0].invalidate(KEY)
    assert caches[0].get(KEY, 60, source) == b"2"


def test_without_redis_documents_expire_soon(
    caches: list[RedisCache], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shared, "MAX_AGE_WITHOUT_REDIS_S", 0)
    redis_server.stop()
    assert [caches[0].get(KEY, 60, value(text)) for text in (b"1", b"2")] == [b"1", b"2"]


def test_redis_stopping_during_a_computation_does_not_matter(caches: list[RedisCache], redis_server: RedisServer):
    def compute() -> bytes:
        redis_server.stop()
        return b"1"

    assert caches[0].get(KEY, 60, compute) == b"1"


def test_a_deferred_invalidation_is_sent_first(caches: list[RedisCache], redis_server: RedisServer):
    caches[0].get(KEY, 60, value(b"old"))
    with redis_server.client() as redis:
        redis.execute_command("ACL", "SETUSER", "default", "-del")
        caches[0].invalidate(KEY)
        assert redis.get(VALUE) == b"old"
        redis.execute_command("ACL", "SETUSER", "default", "+del")
    assert caches[0].get(KEY, 60, value(b"new")) == b"new"
    assert caches[1].get(KEY, 60, value(b"other")) == b"new"


def test_any_command_sends_a_deferred_invalidation_first(caches: list[RedisCache], redis_server: RedisServer):
    caches[0].get(KEY, 60, value(b"old"))
    with redis_server.client() as redis:
        redis.execute_command("ACL", "SETUSER", "default", "-del")
        caches[0].invalidate(KEY)
        redis.execute_command("ACL", "SETUSER", "default", "+del")
    caches[0]._redis.call(lambda redis: redis.ping(), lambda: None)
    assert caches[1].get(KEY, 60, value(b"new")) == b"new"


def test_what_redis_restored_from_its_disk_is_not_served(caches: list[RedisCache], redis_server: RedisServer):
    caches[0].get(KEY, 60, value(b"old"))
    with redis_server.client() as redis:
        kept = {name: redis.get(name) for name in redis.scan_iter()}
    redis_server.stop()
    redis_server.start()
    with redis_server.client() as redis:
        redis.mset(kept)
    assert caches[1].get(KEY, 60, value(b"new")) == b"new"
    assert caches[0].get(KEY, 60, value(b"newer")) == b"new"
