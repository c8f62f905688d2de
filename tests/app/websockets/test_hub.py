import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from app.security.tokens import Grant
from app.websockets.client import AcceptedConnection
from app.websockets.hub import MAX_RECEIVED_BYTES, WebSocketHub, WebSocketLimits
from app.websockets.token_checker import Verify
from tests.app.peer import BINARY, CLOSE, PING, PONG, TEXT, Peer

NewHub = Callable[..., WebSocketHub]


@pytest.fixture
def new_hub() -> Iterator[NewHub]:
    """Makes hubs; the token `good` may read, `narrow` may only write."""
    hubs: list[WebSocketHub] = []

    def make(custom: Verify | None = None, **limits: float) -> WebSocketHub:
        hubs.append(WebSocketHub(custom or verify, WebSocketLimits(**limits)))
        return hubs[-1]

    yield make
    for hub in hubs:
        hub.close()


def verify(token: str) -> Grant | None:
    scopes = {"good": {"read"}, "narrow": {"write"}}.get(token)
    return Grant("test", frozenset(scopes), math.inf) if scopes else None


@pytest.mark.parametrize("deflates", [False, True])
def test_a_slow_client_is_closed_and_the_others_miss_nothing(new_hub: NewHub, deflates: bool):
    hub = new_hub(queue=4, close_s=60)
    slow, quick = (Peer.attach(hub, deflates=deflates) for _ in range(2))
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    sent = [str(number) + os.urandom(100_000).hex() for number in range(30)]
    for message in sent:
        hub.broadcast(message)
        assert quick.message() == message
    received = []
    while (frame := slow.frame())[0] == TEXT:
        assert frame[2] == deflates
        received.append(frame[1].decode())
    assert frame[:2] == (CLOSE, (1013).to_bytes(2, "big") + b"too slow")
    assert 0 < len(received) < len(sent)
    assert received == sent[: len(received)]
    quick.close()
    slow.close()


def test_a_closed_hub_has_no_thread(new_hub: NewHub):
    hub = new_hub(close_s=0.1)
    client, pending = Peer.attach(hub), Peer.attach(hub, token="")
    before = {thread for thread in threading.enumerate() if thread.name in ("websockets", "token-checker")}
    hub.close()
    assert [peer.end()[0] for peer in (client, pending)] == [1001, 1001]
    assert not [thread for thread in before if thread.is_alive()]


def test_events_come_in_the_order_of_their_broadcasts_to_clients_of_either_kind(new_hub: NewHub):
    hub = new_hub()
    clients = [Peer.attach(hub, deflates=number % 2 == 0) for number in range(20)]
    sent = [f'{{"number":{number},"text":"{"all the same " * 40}"}}' for number in range(30)]
    for message in sent:
        hub.broadcast(message)
    for number, client in enumerate(clients):
        frames = [client.frame() for _ in sent]
        assert [payload.decode() for _, payload, _ in frames] == sent
        assert {compressed for *_, compressed in frames} == {number % 2 == 0}
        client.close()


def test_a_message_that_can_not_be_sent_is_none_to_the_others(new_hub: NewHub):
    hub = new_hub()
    client = Peer.attach(hub)
    for message in ("before", "\ud800", "after"):
        hub.broadcast(message)
    assert [client.message(), client.message()] == ["before", "after"]
    client.close()


def test_a_client_stays_that_answers_pings_and_one_that_does_not_is_cut(new_hub: NewHub):
    hub = new_hub(heartbeat_s=0.4)
    answering, talking, silent = (Peer.attach(hub) for _ in range(3))
    for _ in range(4):
        opcode, payload, _ = answering.frame()
        assert opcode == PING
        answering.send(PONG, payload)
        assert talking.frame()[0] == PING
        talking.send(TEXT, b"here")
    assert [silent.frame()[0] for _ in range(2)] == [PING, PING]
    with pytest.raises((EOFError, ConnectionResetError)):
        silent.frame()
    hub.broadcast("still there")
    for peer in (answering, talking):
        assert peer.message() == "still there"
        peer.close()


def test_heartbeats_of_clients_that_come_together_are_spread():
    hub = WebSocketHub(verify, WebSocketLimits(heartbeat_s=1000, close_s=0))
    clients = [Peer.attach(hub) for _ in range(100)]
    hub.broadcast("all are attached")
    assert {client.message() for client in clients} == {"all are attached"}
    due = sorted(client.due for client in hub._clients)
    assert due[-1] - due[0] > 900
    assert max(later - earlier for earlier, later in pairwise(due)) < 50
    for client in clients:
        client.close()
    hub.close()


def test_the_first_message_brings_a_token(new_hub: NewHub):
    hub = new_hub()
    known, late = Peer.attach(hub), Peer.attach(hub, token="")
    hub.broadcast("before")
    assert known.message() == "before"
    late.send(TEXT, b'{"tok', fin=False)
    late.send(0, b'en": "good"}')
    assert late.message() == '{"type":"ready"}'
    late.send(TEXT, b"whatever else")
    hub.broadcast("after")
    assert [known.message(), late.message()] == ["after", "after"]
    known.close()
    late.close()


@pytest.mark.parametrize(
    ("opcode", "message", "reason"),
    [
        (TEXT, b'{"token": "bad"}', "the token is invalid, expired or revoked"),
        (TEXT, b'{"token": "narrow"}', "the token lacks the scope read"),
        (TEXT, b"good", 'the first message must be {"token": "..."}'),
        (TEXT, b'{"token": ""}', 'the first message must be {"token": "..."}'),
        (TEXT, b'{"token": ["good"]}', 'the first message must be {"token": "..."}'),
        (TEXT, b'["token"]', 'the first message must be {"token": "..."}'),
        (TEXT, b"[" * 4000, 'the first message must be {"token": "..."}'),
        (BINARY, b'{"token": "good"}', 'the first message must be {"token": "..."}'),
        (PING, b"", "no token within the time limit"),
    ],
)
def test_a_first_message_without_a_good_token_is_the_last(new_hub: NewHub, opcode: int, message: bytes, reason: str):
    hub = new_hub(token_s=0.2 if opcode == PING else 60)
    client = Peer.attach(hub, token="")
    client.send(opcode, message)
    hub.broadcast("not for it")
    frames = [client.frame() for _ in range(2 if opcode == PING else 1)]
    assert frames[-1][:2] == (CLOSE, (1008).to_bytes(2, "big") + reason.encode())
    client.close()


def test_a_check_that_takes_long_or_fails_holds_up_nobody(new_hub: NewHub):
    may_response = threading.Event()

    def check(token: str) -> Grant | None:
        may_response.wait()
        raise ConnectionError("no database")

    hub = new_hub(check, token_s=0.5, heartbeat_s=0.3)
    known, pending = Peer.attach(hub), Peer.attach(hub, token="")
    pending.send(TEXT, b'{"token": "good"}')
    for _ in range(3):  # its own token is to be checked with each of them
        opcode, payload, _ = known.frame()
        assert opcode == PING
        known.send(PONG, payload)
    may_response.set()
    assert pending.end() == (1013, "the token can't be verified now")
    hub.broadcast("go on")
    assert known.message() == "go on"
    known.close()
    pending.close()


def test_a_token_that_ends_ends_its_websocket(new_hub: NewHub):
    grants: dict[str, Grant] = {"mine": Grant("test", frozenset({"read"}), math.inf)}
    hub = new_hub(grants.get, heartbeat_s=0.4)
    client = Peer.attach(hub, token="mine")
    assert client.frame()[0] == PING
    client.send(PONG)
    grants.clear()
    assert client.end() == (1008, "the token is invalid, expired or revoked")
    client.close()


def test_a_client_that_sends_too_much_is_closed(new_hub: NewHub):
    hub = new_hub()
    client = Peer.attach(hub)
    client.socket.sendall((bytes([0x82, 0xFE]) + (4096).to_bytes(2, "big") + bytes(4 + 4096)) * 17)
    assert MAX_RECEIVED_BYTES < 17 * 4096
    assert client.end() == (1008, "too much data between two heartbeats")
    client.close()


def test_slots_are_released(new_hub: NewHub):
    hub = new_hub(clients=2, pending=1)
    for number in range(5):
        pending = Peer.attach(hub, token="")
        assert not hub.slots.acquire(pending=True)
        if number % 2:
            pending.send(TEXT, b'{"token": "good"}')
            pending.message()
        pending.send(CLOSE, (1000).to_bytes(2, "big"))
        assert pending.end() == (1000, "")
        with pytest.raises(EOFError):  # it is closed once its slot is free
            pending.frame()
        pending.close()
    assert hub.slots.acquire(pending=False)
    assert hub.slots.acquire(pending=True)


def test_a_lost_connection_releases_its_slot(new_hub: NewHub):
    hub = new_hub(clients=1)
    ours, theirs = socket.socketpair()
    theirs.close()
    ours.close()
    assert hub.slots.acquire(pending=False)
    hub.attach(AcceptedConnection(ours, b"", token="good"))
    deadline = time.monotonic() + 10
    while not hub.slots.acquire(pending=False):
        assert time.monotonic() < deadline
