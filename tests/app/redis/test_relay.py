"""Two instances' relays over one real Redis, in one process."""

import queue
import threading
import time
from collections.abc import Iterator

import pytest

from app import circuit_breaker
from app.redis import relay
from app.redis.client import RedisClient
from app.redis.relay import Relay
from tests.redis_server import RedisServer

END = "end"


class Instance:
    """A relay and the messages that it delivered."""

    def __init__(self, url: str) -> None:
        self.received: queue.Queue[str] = queue.Queue()
        self.link = RedisClient(url)
        self.relay = Relay("test", self.link, self.received.put)

    def next(self, count: int) -> list[str]:
        return [self.received.get(timeout=20) for _ in range(count)]

    def close(self) -> None:
        self.relay.close()
        self.link.close()


@pytest.fixture
def instances(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Instance]]:
    """Two, which retry Redis with every command."""
    monkeypatch.setattr(circuit_breaker, "RETRY_S", 0)
    made = [Instance(redis_server.url) for _ in range(2)]
    yield made
    for instance in made:
        instance.close()


def wait_until(instance: Instance, *, subscribed: bool) -> None:
    deadline = time.monotonic() + 20
    while instance.relay._subscribed != subscribed:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_all_receive_everything_once_in_the_order_of_its_publisher(instances: list[Instance]):
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


def test_without_redis_an_instance_receives_its_own_messages(instances: list[Instance], redis_server: RedisServer):
    redis_server.stop()
    for number in range(3):
        instances[0].relay.publish(str(number))
    assert instances[0].next(3) == ["0", "1", "2"]
    assert instances[1].received.empty()


def test_instances_receive_from_one_another_again_after_an_outage(instances: list[Instance], redis_server: RedisServer):
    redis_server.stop()
    instances[0].relay.publish("only for the own clients")
    assert instances[0].next(1) == ["only for the own clients"]
    for instance in instances:
        wait_until(instance, subscribed=False)
    redis_server.start()
    for instance in instances:
        wait_until(instance, subscribed=True)
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
    wait_until(instances[0], subscribed=True)
    instances[0].relay.publish(END)
    assert instances[0].next(401) == [*sent, END]


def test_a_message_that_was_published_although_redis_seemed_unreachable_comes_once(
    instances: list[Instance], monkeypatch: pytest.MonkeyPatch
):
    link = instances[0].link
    with monkeypatch.context() as patch:
        patch.setattr(link, "call", lambda question, otherwise: (question(link.raw), otherwise())[1])
        for number in range(100):
            instances[0].relay.publish(str(number))
    instances[0].relay.publish(END)
    assert instances[0].next(101) == instances[1].next(101) == [*map(str, range(100)), END]


def test_a_message_that_never_comes_back_is_handed_out_when_the_subscription_ends(
    instances: list[Instance], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(instances[0].link, "call", lambda _question, _otherwise: True)
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
    wait_until(instances[0], subscribed=False)
    wait_until(instances[0], subscribed=True)
    instances[0].relay.publish("there")
    assert instances[0].next(1) == ["there"]


def test_other_messages_on_the_channel_do_no_harm(instances: list[Instance], redis_server: RedisServer):
    with redis_server.client() as redis:
        for envelope in (b"", b"nonsense", b"\xff \xff \xff"):
            assert redis.publish("test:0", envelope) == 2
    instances[0].relay.publish("there")
    assert [instance.next(1) for instance in instances] == [["there"], ["there"]]


def test_an_instance_that_started_without_redis_subscribes_later(redis_server: RedisServer):
    redis_server.stop()
    instance = Instance(redis_server.url)
    redis_server.start()
    wait_until(instance, subscribed=True)
    instance.close()
    assert not instance.relay._thread.is_alive()
