import json
import threading

import pytest
import requests
import websocket

from tests.app.service import SESSIONS, STATS, Service

ENDS = ("session.completed", "session.failed")


def events_of(client: websocket.WebSocket, *session_ids: int) -> list[list[dict]]:
    """All events of each of these sessions, up to its end."""
    found: dict[int, list[dict]] = {session_id: [] for session_id in session_ids}
    while not all(events and events[-1]["type"] in ENDS for events in found.values()):
        event = json.loads(client.recv())
        if event["session"]["id"] in found:
            found[event["session"]["id"]].append(event)
    return list(found.values())


def test_every_client_hears_everything_of_all_sessions_that_anyone_starts(service: Service):
    clients = [service.listen(), service.listen(service.new_token("read"))]
    ids = [service.start_session().json()["id"] for _ in range(2)]
    stories = [events_of(client, *ids) for client in clients]
    assert stories[0] == stories[1]
    for session_id, events in zip(ids, stories[0], strict=True):
        end = "failed" if session_id % 2 == 0 else "completed"
        assert [event["type"] for event in events] == [
            "session.created",
            *["session.progress"] * 3,
            f"session.{end}",
        ]
        assert [event["session"]["progress"] for event in events[:-1]] == [0, 0.25, 0.5, 0.75]
        assert events[0]["session"]["model"] == "bert-base"
        assert events[-1]["session"]["status"] == end
        assert sorted(event["at"] for event in events) == [event["at"] for event in events]
    for client in clients:
        client.close()


@pytest.mark.parametrize("header", [["Authorization: Bearer wrong"], ["Authorization: Basic dXNlcjpwYXNz"]])
def test_no_valid_token_no_upgrade(service: Service, header: list[str]):
    url = service.url.replace("http://", "ws://") + "/api/v1/events"
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(url, header=header, timeout=10)
    assert refused.value.status_code == 401
    assert json.loads(refused.value.resp_body)["status"] == 401


@pytest.mark.parametrize("headers", [{"Sec-WebSocket-Key": ""}, {"Sec-WebSocket-Version": "8"}])
def test_a_bad_handshake_is_a_problem(service: Service, headers: dict[str, str]):
    usual = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "x", "Sec-WebSocket-Version": "13"}
    response = service.get("/api/v1/events", headers=usual | headers)
    assert response.status_code == 400
    assert response.headers["Sec-WebSocket-Version"] == "13"


def test_other_addresses_are_no_websockets(service: Service):
    url = service.url.replace("http://", "ws://") + STATS
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(url, header=[f"Authorization: Bearer {service.token}"], timeout=10)
    assert refused.value.status_code == 400


def test_pings_are_answered_and_messages_ignored(service: Service):
    client = service.listen()
    client.send("hello?")
    client.send_binary(b"\0" * 4096)
    client.ping("there?")
    while (frame := client.recv_frame()).opcode != websocket.ABNF.OPCODE_PONG:
        pass
    assert frame.data == b"there?"
    client.close()


def test_a_close_is_answered(service: Service):
    client = service.listen()
    client.send_close(1000)
    while (frame := client.recv_frame()).opcode != websocket.ABNF.OPCODE_CLOSE:
        pass
    assert frame.data[:2] == (1000).to_bytes(2, "big")
    assert client.sock.recv(1) == b""


def test_invalid_data_costs_only_its_sender_the_connection(service: Service):
    other, client = service.listen(), service.listen()
    client.sock.sendall(b"\xff" * 100)
    while client.recv_frame().opcode != websocket.ABNF.OPCODE_CLOSE:
        pass
    assert events_of(other, service.start_session().json()["id"])
    client.shutdown()
    other.close()


def test_many_websockets_and_many_requests_at_the_same_time(service: Service):
    clients = [service.listen() for _ in range(60)]
    statuses: list[int] = []

    def work() -> None:
        with requests.Session() as http:
            headers = {"Authorization": f"Bearer {service.token}"}
            statuses.extend(http.get(service.url + path, headers=headers).status_code for path in [STATS, SESSIONS] * 5)

    workers = [threading.Thread(target=work) for _ in range(20)]
    for worker in workers:
        worker.start()
    session_id = service.start_session().json()["id"]
    for worker in workers:
        worker.join()
    assert statuses == [200] * 200
    for client in clients:
        assert events_of(client, session_id)
        client.close()


def test_open_websockets_hold_no_thread_that_requests_need(start):
    service = start(APP_THREADS="1")
    clients = [service.listen() for _ in range(3)]
    assert service.get(STATS).status_code == 200
    assert events_of(clients[0], service.start_session().json()["id"])
    for client in clients:
        client.close()


def test_a_stopping_service_closes_its_websockets(start):
    service = start()
    client = service.listen()
    stopper = threading.Thread(target=service.stop)
    stopper.start()
    opcode, data = client.recv_data()
    assert opcode == websocket.ABNF.OPCODE_CLOSE
    assert data[:2] == (1001).to_bytes(2, "big")
    stopper.join()
    assert service.process.returncode == 0


def test_a_client_that_never_closes_does_not_keep_it_from_stopping(start):
    service = start()
    client = service.listen()
    assert service.stop() == 0
    client.shutdown()
