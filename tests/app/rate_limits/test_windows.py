"""Moving windows in the process and in a real Redis."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.rate_limits.windows import LocalWindows, RedisWindows, Windows
from app.redis.client import RedisLink
from tests.redis_server import RedisServer

THREADS = 20
LONG_S, SHORT_S = 60.0, 0.3
PATIENCE_S = 20


class Clock:
    now = 1000

    def __call__(self) -> int:
        return self.now * 10**9


@pytest.fixture
def link(redis_server: RedisServer) -> Iterator[RedisLink]:
    made = RedisLink(redis_server.url)
    yield made
    made.close()


@pytest.fixture(params=["process", "redis"])
def make(request: pytest.FixtureRequest) -> Callable[[float], Windows]:
    if request.param == "process":
        return LocalWindows
    link: RedisLink = request.getfixturevalue("link")
    return lambda window_s: RedisWindows(link, window_s)


def admitted(windows: list[Windows], requests: int, limit: int) -> int:
    """How many of one user's requests are let through, made by many threads at once over all of the windows."""
    together = threading.Barrier(THREADS)

    def take(number: int) -> bool:
        if number < THREADS:
            together.wait()
        return windows[number % len(windows)].take("me", limit).admitted

    with ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(take, range(requests)))


def test_exactly_the_limit_is_let_through(make: Callable[[float], Windows]):
    assert admitted([make(LONG_S)], 300, 120) == 120


class Slow(int):
    """A limit that others get their turn beside while it is compared."""

    def __gt__(self, other: int) -> bool:
        time.sleep(0.001)
        return int(self) > other


def test_threads_of_a_process_count_one_after_another():
    assert admitted([LocalWindows(LONG_S)], 40, Slow(10)) == 10


def test_instances_count_together(redis_server: RedisServer):
    links = [RedisLink(redis_server.url) for _ in range(2)]
    assert admitted([RedisWindows(link, LONG_S) for link in links], 300, 120) == 120
    for link in links:
        link.close()


def test_what_is_told(make: Callable[[float], Windows]):
    windows = make(LONG_S)
    taken = [windows.take("me", 3) for _ in range(5)]
    assert [one.admitted for one in taken] == [True, True, True, False, False]
    assert [one.remaining for one in taken] == [2, 1, 0, 0, 0]
    assert all(0 < one.reset_s <= LONG_S for one in taken)
    assert windows.take("you", 3).remaining == 2


def test_who_waits_as_long_as_told_gets_in(make: Callable[[float], Windows]):
    windows = make(SHORT_S)
    assert windows.take("me", 1).admitted
    refused = windows.take("me", 1)
    assert not refused.admitted
    time.sleep(refused.reset_s + 0.001)
    assert windows.take("me", 1).admitted


def test_as_soon_as_the_oldest_no_longer_counts_one_more_does(make: Callable[[float], Windows]):
    windows = make(SHORT_S)
    windows.take("me", 2)
    time.sleep(SHORT_S / 2)
    windows.take("me", 2)
    time.sleep(windows.take("me", 2).reset_s + 0.001)
    assert windows.take("me", 2).admitted


def test_the_window_moves():
    clock = Clock()
    windows = LocalWindows(60, clock)

    def take_at(moment: int) -> bool:
        clock.now = moment
        return windows.take("me", 2).admitted

    # 60 s begin with every request, not with the minute, and refused ones don't count.
    moments = [1000, 1050, 1059, 1060, 1061, 1109, 1110, 1119, 1120]
    assert [take_at(one) for one in moments] == [True, True, False, True, False, False, True, False, True]
    clock.now = 1121
    assert windows.take("me", 2).reset_s == 1110 + 60 - 1121


def test_in_no_span_are_there_more_than_the_limit(make: Callable[[float], Windows]):
    windows, moments = make(SHORT_S), []
    deadline = time.monotonic() + PATIENCE_S
    while len(moments) < 10:
        before = time.monotonic()
        assert before < deadline
        if windows.take("me", 3).admitted:
            moments.append((before, time.monotonic()))
        time.sleep(0.005)
    # The fourth is let through a whole window after the first: as seen from here, between its two moments.
    assert all(fourth[1] - first[0] >= SHORT_S for first, fourth in zip(moments, moments[3:], strict=False))


def test_a_process_forgets_users_whose_window_is_over():
    clock = Clock()
    windows = LocalWindows(60, clock)
    windows.take("one who stays", 5)
    for number in range(50):
        clock.now += 1
        windows.take(f"made up {number}", 5)
    windows.take("one who stays", 5)
    assert len(windows._taken) == 51
    clock.now += 20
    windows.take("me", 5)
    assert set(windows._taken) == {"one who stays", "me"} | {f"made up {number}" for number in range(10, 50)}


def test_redis_forgets_users_whose_window_is_over(redis_server: RedisServer, link: RedisLink):
    windows = RedisWindows(link, SHORT_S)
    for number in range(20):
        windows.take(f"made up {number}", 5)
    deadline = time.monotonic() + PATIENCE_S
    with redis_server.client() as client:
        assert client.dbsize() > 0
        while client.dbsize():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_without_redis_each_counts_by_itself_and_together_again_when_it_is_back(
    redis_server: RedisServer, link: RedisLink
):
    windows = RedisWindows(link, LONG_S)
    assert windows.take("me", 2).remaining == 1
    redis_server.stop()
    assert [windows.take("me", 2).admitted for _ in range(3)] == [True, True, False]
    redis_server.start()
    deadline = time.monotonic() + PATIENCE_S
    while not link.works:
        windows.take("you", 2)
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert [windows.take("me", 2).admitted for _ in range(3)] == [True, True, False]
