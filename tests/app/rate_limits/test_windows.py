"""Moving windows in the process and in a real Redis."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.rate_limits.windows import LocalWindows, RedisWindows, SlidingWindows
from app.redis.client import RedisClient
from tests.redis_server import RedisServer

THREADS = 20
LONG_S, SHORT_S = 60.0, 0.3
TIMEOUT_S = 20


class Clock:
    now = 1000

    def __call__(self) -> int:
        return self.now * 10**9


@pytest.fixture
def link(redis_server: RedisServer) -> Iterator[RedisClient]:
    made = RedisClient(redis_server.url)
    yield made
    made.close()


@pytest.fixture(params=["process", "redis"])
def make(request: pytest.FixtureRequest) -> Callable[[float], SlidingWindows]:
    if request.param == "process":
        return LocalWindows
    link: RedisClient = request.getfixturevalue("link")
    return lambda window_s: RedisWindows(link, window_s)


def admitted(windows: list[SlidingWindows], requests: int, limit: int) -> int:
    """How many of one user's requests are let through, made by many threads at once over all of the windows."""
    together = threading.Barrier(THREADS)

    def admit(number: int) -> bool:
        if number < THREADS:
            together.wait()
        return windows[number % len(windows)].admit("me", limit).admitted

    with ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(admit, range(requests)))


def test_exactly_the_limit_is_let_through(make: Callable[[float], SlidingWindows]):
    assert admitted([make(LONG_S)], 300, 120) == 120


class Slow(int):
    """A limit whose comparison lets other threads run."""

    def __gt__(self, other: int) -> bool:
        time.sleep(0.001)
        return int(self) > other


def test_threads_of_a_process_count_one_after_another():
    assert admitted([LocalWindows(LONG_S)], 40, Slow(10)) == 10


def test_instances_count_together(redis_server: RedisServer):
    links = [RedisClient(redis_server.url) for _ in range(2)]
    assert admitted([RedisWindows(link, LONG_S) for link in links], 300, 120) == 120
    for link in links:
        link.close()


def test_admissions(make: Callable[[float], SlidingWindows]):
    windows = make(LONG_S)
    taken = [windows.admit("me", 3) for _ in range(5)]
    assert [one.admitted for one in taken] == [True, True, True, False, False]
    assert [one.remaining for one in taken] == [2, 1, 0, 0, 0]
    assert all(0 < one.reset_s <= LONG_S for one in taken)
    assert windows.admit("you", 3).remaining == 2


def test_after_the_reset_time_one_more_request_is_admitted(make: Callable[[float], SlidingWindows]):
    windows = make(SHORT_S)
    assert windows.admit("me", 1).admitted
    refused = windows.admit("me", 1)
    assert not refused.admitted
    time.sleep(refused.reset_s + 0.001)
    assert windows.admit("me", 1).admitted


def test_as_soon_as_the_oldest_no_longer_counts_one_more_does(make: Callable[[float], SlidingWindows]):
    windows = make(SHORT_S)
    windows.admit("me", 2)
    time.sleep(SHORT_S / 2)
    windows.admit("me", 2)
    time.sleep(windows.admit("me", 2).reset_s + 0.001)
    assert windows.admit("me", 2).admitted


def test_the_window_moves():
    clock = Clock()
    windows = LocalWindows(60, clock)

    def admitted_at(moment: int) -> bool:
        clock.now = moment
        return windows.admit("me", 2).admitted

    # 60 s begin with every request, not with the minute, and refused ones don't count.
    moments = [1000, 1050, 1059, 1060, 1061, 1109, 1110, 1119, 1120]
    assert [admitted_at(one) for one in moments] == [True, True, False, True, False, False, True, False, True]
    clock.now = 1121
    assert windows.admit("me", 2).reset_s == 1110 + 60 - 1121


def test_in_no_span_are_there_more_than_the_limit(make: Callable[[float], SlidingWindows]):
    windows, moments = make(SHORT_S), list[tuple[float, float]]()
    deadline = time.monotonic() + TIMEOUT_S
    while len(moments) < 10:
        before = time.monotonic()
        assert before < deadline
        if windows.admit("me", 3).admitted:
            moments.append((before, time.monotonic()))
        time.sleep(0.005)
    # The fourth is let through a whole window after the first: as seen from here, between its two moments.
    assert all(fourth[1] - first[0] >= SHORT_S for first, fourth in zip(moments, moments[3:], strict=False))


def test_a_process_forgets_users_whose_window_is_over():
    clock = Clock()
    windows = LocalWindows(60, clock)
    windows.admit("one who stays", 5)
    for number in range(50):
        clock.now += 1
        windows.admit(f"made up {number}", 5)
    windows.admit("one who stays", 5)
    assert len(windows._admitted) == 51
    clock.now += 20
    windows.admit("me", 5)
    assert set(windows._admitted) == {"one who stays", "me"} | {f"made up {number}" for number in range(10, 50)}


def test_redis_forgets_users_whose_window_is_over(redis_server: RedisServer, link: RedisClient):
    windows = RedisWindows(link, SHORT_S)
    for number in range(20):
        windows.admit(f"made up {number}", 5)
    deadline = time.monotonic() + TIMEOUT_S
    with redis_server.client() as client:
        assert client.dbsize() > 0
        while client.dbsize():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_without_redis_an_instance_counts_on_its_own_and_afterwards_together_again(
    redis_server: RedisServer, link: RedisClient
):
    windows = RedisWindows(link, LONG_S)
    assert windows.admit("me", 2).remaining == 1
    redis_server.stop()
    assert [windows.admit("me", 2).admitted for _ in range(3)] == [True, True, False]
    redis_server.start()
    deadline = time.monotonic() + TIMEOUT_S
    while not link.available:
        windows.admit("you", 2)
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert [windows.admit("me", 2).admitted for _ in range(3)] == [True, True, False]
