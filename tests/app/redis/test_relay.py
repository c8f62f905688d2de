"""Two instances' relays over one real Redis, in one process."""

import queue
import threading
import time
from collections.abc import Iterator

import pytest

from app import circuit_breaker
from app.redis import relay
from app.redis.client import RedisLink
from app.redis.relay import Relay
from tests.redis_server import RedisServer

END = "end"


class Instance:
    """A relay and what it hands out."""

    def __init__(self, url: str) -> None:
        self.heard: queue.Queue[str] = queue.Queue()
        self.link = RedisLink(url)
        self.relay = Relay("test", self.link, self.heard.put)

    def next(self, count: int) -> list[str]:
        return [self.heard.get(timeout=20) for _ in range(count)]

    def close(self) -> None:
        self.relay.close()
        self.link.close()


@pytest.fixture
def instances(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Instance]]:
    """Two, which look for a lost Redis at every question."""
    monkeypatch.setattr(circuit_breaker, "RETRY_S", 0)
    made = [Instance(redis_server.url) for _ in range(2)]
    yield made
    for instance in made:
        instance.close()


def wait_until(instance: Instance, *, listening: bool) -> None:
    deadline = time.monotonic() + 20
    while instance.relay._listening != listening:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_all_hear_everything_once_in_the_order_of_each_publisher(instances: list[Instance]):
    def publish(instance: Instance, name: str) -> None:
        for number in range(100):
            instance.relay.publish(f"{name}{number} with spaces é")

    threads = [threading.Thread(target=publish, args=pair) for pair in zip(instances, ("a", "b"), strict=True)]
    for thread in threads:
        thread.start()
    stories = [instance.next(200) for instance in instances]
    for thread in threads:
        thread.join()
    assert stories[0] == stories[1]
    for name in ("a", "b"):
        assert [text for text in stories[0] if text[0] == name] == [f"{name}{n} with spaces é" for n in range(100)]
    instances[0].relay.publish(END)
    assert [instance.next(1) for instance in instances] == [[END], [END]]


def test_without_redis_each_hears_itself(instances: list[Instance], redis_server: RedisServer):
    redis_server.stop()
    for number in range(3):
        instances[0].relay.publish(str(number))
    assert instances[0].next(3) == ["0", "1", "2"]
    assert instances[1].heard.empty()


def test_they_hear_each_other_again_after_an_outage(instances: list[Instance], redis_server: RedisServer):
    redis_server.stop()
    instances[0].relay.publish("lost to the other")
    assert instances[0].next(1) == ["lost to the other"]
    for instance in instances:
        wait_until(instance, listening=False)
    redis_server.start()
    for instance in instances:
        wait_until(instance, listening=True)
    instances[0].relay.publish("there")
    assert [instance.next(1) for instance in instances] == [["there"], ["there"]]


def test_no_own_message_is_lost_or_comes_twice_while_redis_goes_and_comes(
    instances: list[Instance], redis_server: RedisServer
):
    sent = [str(number) for number in range(400)]
    for number, text in enumerate(sent):
        if number % 200 == 100:
            redis_server.stop()
        if number % 200 == 150:
            redis_server.start()
        instances[0].relay.publish(text)
    wait_until(instances[0], listening=True)
    instances[0].relay.publish(END)
    assert instances[0].next(401) == [*sent, END]


def test_a_message_that_is_told_although_redis_seems_gone_comes_once(
    instances: list[Instance], monkeypatch: pytest.MonkeyPatch
):
    link = instances[0].link
    with monkeypatch.context() as patch:
        patch.setattr(link, "ask", lambda question, otherwise: (question(link.client), otherwise())[1])
        for number in range(100):
            instances[0].relay.publish(str(number))
    instances[0].relay.publish(END)
    assert instances[0].next(101) == instances[1].next(101) == [*map(str, range(100)), END]


def test_a_message_that_never_comes_back_is_handed_out_when_the_subscription_ends(
    instances: list[Instance], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(instances[0].link, "ask", lambda _question, _otherwise: True)
        instances[0].relay.publish("swallowed")
    with redis_server.client() as redis:
        redis.client_kill_filter(_type="pubsub")
    assert instances[0].next(1) == ["swallowed"]


def test_a_subscription_that_fell_silent_is_made_anew(
    instances: list[Instance], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(relay, "SILENCE_S", 0.1)
    with redis_server.client() as redis:
        redis.client_pause(1500)
    wait_until(instances[0], listening=False)
    wait_until(instances[0], listening=True)
    instances[0].relay.publish("there")
    assert instances[0].next(1) == ["there"]


def test_what_others_say_on_the_channel_does_no_harm(instances: list[Instance], redis_server: RedisServer):
    with redis_server.client() as redis:
        for nonsense in (b"", b"nonsense", b"\xff \xff \xff"):
            assert redis.publish("test:0", nonsense) == 2
    instances[0].relay.publish("there")
    assert [instance.next(1) for instance in instances] == [["there"], ["there"]]


def test_a_start_without_redis_is_made_up_for(redis_server: RedisServer):
    redis_server.stop()
    instance = Instance(redis_server.url)
    redis_server.start()
    wait_until(instance, listening=True)
    instance.close()
    assert not instance.relay._thread.is_alive()
