import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from app.cache.local import LocalCache, NoCache
from tests.app.service import STATS, Service

ASKING = 100


class Source:
    """Makes 1, 2, 3 ... and can be held up."""

    def __init__(self) -> None:
        self.made = 0
        self.begun = threading.Event()
        self.go = threading.Event()

    def __call__(self) -> bytes:
        self.made += 1
        value = b"%d" % self.made
        self.begun.set()
        assert self.go.wait(20)
        return value


@pytest.fixture
def source() -> Source:
    return Source()


def test_many_requests_cause_one_computation(source: Source):
    cache = LocalCache()
    with ThreadPoolExecutor(ASKING) as pool:
        responses = [pool.submit(cache.get, "key", 60, source) for _ in range(ASKING)]
        assert source.begun.wait(20)
        source.go.set()
        assert {response.result(20) for response in responses} == {b"1"}
    assert source.made == 1


def test_a_failure_is_for_all_who_waited_and_is_not_kept():
    cache, begun, go = LocalCache(), threading.Event(), threading.Event()

    def fail() -> bytes:
        begun.set()
        assert go.wait(20)
        raise OSError("the database is unreachable")

    def get() -> bytes:
        return cache.get("key", 60, lambda: pytest.fail("computed although another request did"))

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, "key", 60, fail)
        assert begun.wait(20)
        flight = cache._flights["key"]
        second = pool.submit(get)
        while not flight._condition._waiters:
            assert not second.done()
        go.set()
        for response in (first, second):
            with pytest.raises(OSError, match="unreachable"):
                response.result(20)
    assert cache.get("key", 60, lambda: b"better") == b"better"


def test_after_an_invalidation_no_earlier_computation_is_served(source: Source):
    cache = LocalCache()
    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(cache.get, "key", 60, source)
        assert source.begun.wait(20)
        cache.invalidate("key")
        assert cache.get("key", 60, lambda: b"new") == b"new"
        source.go.set()
        assert early.result(20) == b"1"
    assert cache.get("key", 60, source) == b"new"


def test_an_response_ends_with_its_time_to_live(source: Source, monkeypatch: pytest.MonkeyPatch):
    now = 1000.0
    monkeypatch.setattr("app.cache.local.time.monotonic", lambda: now)
    source.go.set()
    cache = LocalCache()
    assert cache.get("key", 30, source) == b"1"
    now = 1029.9
    assert cache.get("key", 30, source) == b"1"
    now = 1030.0
    assert cache.get("key", 30, source) == b"2"


def test_keys_are_apart(source: Source):
    source.go.set()
    cache = LocalCache()
    assert (cache.get("a", 60, source), cache.get("b", 60, source), cache.get("a", 60, source)) == (b"1", b"2", b"1")


def test_no_cache_keeps_nothing(source: Source):
    source.go.set()
    assert [NoCache().get("key", 60, source) for _ in range(2)] == [b"1", b"2"]


def outcome(server_timing: str) -> str:
    return server_timing.split("cache;desc=")[1].split(";", maxsplit=1)[0]


def test_a_hundred_requests_to_a_cold_cache_cause_one_computation(service: Service):
    address = urlsplit(service.url)
    service.start_session()  # makes it cold
    clients = [HTTPConnection(address.hostname, address.port, timeout=20) for _ in range(ASKING)]
    for client in clients:
        client.connect()
    for client in clients:
        client.request("GET", STATS, headers={"Authorization": f"Bearer {service.token}"})
    responses = [client.getresponse() for client in clients]
    bodies = {response.read() for response in responses}
    for client in clients:
        client.close()
    assert {response.status for response in responses} == {200}
    outcomes = Counter(outcome(response.headers["Server-Timing"]) for response in responses)
    assert outcomes["miss"] == 1, outcomes
    assert len(bodies) == 1


def test_the_first_request_finds_the_dashboard_warm(start):
    assert outcome(start().get(STATS).headers["Server-Timing"]) == "hit"


def test_switched_off_every_response_is_computed(start):
    service = start(APP_CACHE="off")
    responses = [service.get(STATS) for _ in range(3)]
    assert {outcome(response.headers["Server-Timing"]) for response in responses} == {"miss"}
    assert len({response.json()["generated_at"] for response in responses}) == 3


def test_the_dashboard_is_computed_anew_after_its_time_to_live(start):
    service = start(APP_DASHBOARD_TTL_S="0.001")
    first, second = (service.get(STATS).json()["generated_at"] for _ in range(2))
    assert first != second
