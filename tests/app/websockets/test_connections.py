import json
import random
import re
import resource
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import websocket
from websockets.sync.client import connect

from app.websockets.client import MAX_MESSAGE_BYTES
from tests.app.peer import BINARY, CLOSE, CONTINUATION, DEFLATE, PING, PONG, TEXT, Peer, deflated
from tests.app.service import Service, prepare, running

PAGE = "https://dashboard.example.com"
BOTH = "server_no_context_takeover"
NONE = "client_no_context_takeover; server_no_context_takeover"


@pytest.fixture(scope="module")
def watched(processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with frequent heartbeats."""
    folder = tmp_path_factory.mktemp("watched")
    settings = {"APP_HEARTBEAT_S": "0.5", "APP_CORS_ORIGINS": PAGE, "APP_SESSION_DURATION_S": "1000"}
    with running(prepare(folder, 10), folder, **settings) as service:
        yield service
        service.database.dispose()


def receives_events(client: Peer, service: Service) -> bool:
    """Whether a client receives the event of a new session."""
    session_id = service.start_session().json()["id"]
    while json.loads(client.message())["session"]["id"] != session_id:
        pass
    return True


def test_clients_receive_the_same_with_and_without_compression(watched: Service):
    url = watched.url.replace("http://", "ws://") + "/api/v1/events"
    headers = {"Authorization": f"Bearer {watched.token}"}
    plain, raw = watched.listen(), Peer.open(watched, DEFLATE)
    assert f"\r\nSec-WebSocket-Extensions: permessage-deflate; {NONE}\r\n" in raw.head
    with connect(url, additional_headers=headers) as browser:
        assert BOTH in browser.response.headers["Sec-WebSocket-Extensions"]
        for _ in range(3):
            watched.start_session()
        frames: list[tuple[str, bool]] = []
        while len(frames) < 3:
            opcode, payload, compressed = raw.frame()
            frames += [(payload.decode(), compressed)] if opcode == TEXT else []
        expected = [plain.recv() for _ in range(3)]
        assert [browser.recv(timeout=10) for _ in range(3)] == expected
    assert frames == [(text, True) for text in expected]
    plain.close()
    raw.close()


def test_a_client_that_answers_no_ping_is_counted_and_cut(watched: Service):
    silent = Peer.open(watched)
    assert silent.end() == (0, "")
    answering = Peer.open(watched)
    assert receives_events(answering, watched)
    figures = watched.http.get(watched.url + "/metrics", timeout=10).text
    assert float(re.search(r"^websocket_silent_clients_total (.*)$", figures, re.MULTILINE)[1]) >= 1
    answering.close()
    silent.close()


@pytest.mark.parametrize(
    ("origin", "status"),
    [(None, 101), (PAGE, 101), ("own", 101), ("https://example.org", 403), ("null", 403), (PAGE + ".example.org", 403)],
)
def test_only_allowed_origins_open_websockets(watched: Service, origin: str | None, status: int):
    header = [f"Origin: {watched.url if origin == 'own' else origin}"] if origin else []
    for token in (watched.token, ""):
        peer = Peer.open(watched, *header, token=token)
        assert peer.status == status
        peer.close()


def test_the_first_message_brings_a_token(watched: Service):
    client = Peer.open(watched, DEFLATE, token="")
    client.send(TEXT, deflated(json.dumps({"token": watched.new_token("read")}).encode()), compressed=True)
    assert client.message() == '{"type":"ready"}'
    assert receives_events(client, watched)
    client.close()
    assert watched.token not in watched.log.read_text()


@pytest.mark.parametrize("scopes", [(), ("write",)])
def test_a_first_message_with_a_bad_token_is_the_last(watched: Service, scopes: tuple[str, ...]):
    client = Peer.open(watched, token="")
    client.send(TEXT, json.dumps({"token": watched.new_token(*scopes) if scopes else "guessed"}).encode())
    code, reason = client.end()
    assert (code, "read" in reason) == (1008, bool(scopes))
    client.close()


def test_a_token_that_expires_ends_its_websocket(watched: Service):
    client = Peer.open(watched, token=watched.new_token("read", ttl=timedelta(seconds=1)))
    assert client.status == 101
    opcode, payload = PING, b""
    while opcode == PING:
        client.send(PONG)
        opcode, payload, _ = client.frame()
    assert (opcode, payload[:2]) == (CLOSE, (1008).to_bytes(2, "big"))
    client.close()


BOMB = deflated(b"\0" * 4_000_000)


@pytest.mark.parametrize(
    "frames",
    [
        [(BINARY, bytes(MAX_MESSAGE_BYTES + 1), True, False)],
        [(TEXT, bytes(100_000), True, False)],
        [(TEXT, bytes(4000), False, False), (CONTINUATION, bytes(97), True, False)],
        [(BINARY, BOMB, True, True)],
        [(TEXT, BOMB[:2000], False, True), (CONTINUATION, BOMB[2000:], True, False)],
        [(TEXT, deflated(bytes(MAX_MESSAGE_BYTES + 1)), True, True)],
    ],
    ids=["large", "larger", "in parts", "bomb", "bomb in parts", "one more"],
)
@pytest.mark.parametrize("known", [True, False])
def test_too_large_a_message_ends_its_websocket(service: Service, frames: list, known: bool):
    client = Peer.open(service, DEFLATE, token=None if known else "")
    for opcode, payload, fin, compressed in frames:
        client.send(opcode, payload, fin=fin, compressed=compressed)
    assert client.end() == (1009, "the message is too large")
    client.close()


def test_the_largest_messages_are_ignored_like_others(service: Service):
    client = Peer.open(service, DEFLATE)
    client.send(BINARY, bytes(MAX_MESSAGE_BYTES))
    client.send(TEXT, deflated(b"x" * MAX_MESSAGE_BYTES), compressed=True)
    text = deflated(random.Random(3).randbytes(1000).hex().encode())
    client.send(TEXT, text[:500], fin=False, compressed=True)
    client.send(PING, b"in between")
    client.send(CONTINUATION, text[500:])
    while client.frame()[:2] != (PONG, b"in between"):
        pass
    assert receives_events(client, service)
    client.close()


def test_there_are_no_more_websockets_than_allowed(start):
    service = start(APP_WEBSOCKETS_MAX="2")
    first, second = Peer.open(service), Peer.open(service, token="")
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        service.listen()
    assert refused.value.status_code == 503
    assert int(refused.value.resp_headers["retry-after"]) > 0
    second.send(CLOSE, (1000).to_bytes(2, "big"))
    assert second.end() == (1000, "")
    with pytest.raises(EOFError):
        second.frame()
    third = service.listen()
    third.close()
    for peer in (first, second):
        peer.close()


def test_the_service_takes_all_descriptors_that_it_may(start):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard // 2, hard))
    service = start()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    (worker,) = re.findall(r"Booting worker with pid: (\d+)", service.log.read_text())
    limits = re.search(r"^Max open files +(\d+) +(\d+)", Path(f"/proc/{worker}/limits").read_text(), re.MULTILINE)
    assert limits[1] == limits[2] == str(hard)


def invalid_data(chance: random.Random) -> bytes:
    """Random bytes, or random ones in a frame that looks right."""
    if chance.random() < 0.3:
        return chance.randbytes(chance.randrange(1, 3000))
    head = chance.choice([0, 1, 2, 3, 8, 9, 10, 0x40, 0x41, 0x42, 0x48]) | 0x80 * (chance.random() < 0.7)
    payload = chance.randbytes(chance.randrange(126))
    return bytes([head, 0x80 | len(payload)]) + chance.randbytes(4) + payload


def test_invalid_data_of_some_clients_does_not_affect_the_others(service: Service):
    chance = random.Random(7)
    other = Peer.open(service, DEFLATE)
    for number in range(150):
        client = Peer.open(service, *([DEFLATE] if number % 2 else []), token=None if number % 3 else "")
        with suppress(ConnectionError):
            for _ in range(chance.randrange(1, 4)):
                client.socket.sendall(invalid_data(chance))
        client.close()
    assert receives_events(other, service)
    other.close()
    assert "unexpected error" not in service.log.read_text()
