"""The client's own headers: fixed, sent, and part of every scenario's hash."""

import pytest

from loadtasks.engine.http.request_encoder import RequestEncoder
from loadtasks.engine.net.target import Target
from loadtasks.engine.websocket.handshake import Handshake, Upgrade
from loadtasks.results.migrations import old_hashes
from loadtasks.scenarios import client_headers
from loadtasks.scenarios.canonical import scenario_hash
from loadtasks.scenarios.client_headers import CLIENT_HEADERS, hash_with_client_headers
from loadtasks.scenarios.files import read_scenarios
from loadtasks.scenarios.model import Request
from tests.workspaces import SHIPPED_SCENARIOS

TARGET = Target("http://127.0.0.1:8000")


def test_requests_and_handshakes_carry_them() -> None:
    request = RequestEncoder(TARGET).encode(Request(path="/")).before.decode()
    for name, value in CLIENT_HEADERS.items():
        assert f"\r\n{name}: {value}\r\n" in request
    handshake = Handshake(Upgrade("/ws", TARGET)).request.decode()
    assert "\r\nUser-Agent: loadtasks\r\nAccept-Encoding: gzip, deflate\r\n" in handshake
    assert "\r\nConnection: Upgrade\r\n" in handshake


def test_a_scenarios_own_replace_them() -> None:
    own = RequestEncoder(TARGET).encode(Request(path="/", headers={"user-agent": "mine"})).before.decode().lower()
    assert own.count("user-agent: ") == own.count("user-agent: mine\r\n") == 1


def test_a_change_of_them_is_another_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    (scenario, *_) = read_scenarios(SHIPPED_SCENARIOS).values()
    before = scenario_hash(scenario)
    monkeypatch.setattr(client_headers, "CLIENT_HEADERS", {**CLIENT_HEADERS, "User-Agent": "another"})
    assert scenario_hash(scenario) != before


@pytest.mark.parametrize("old", ["9b3d539aef31", "5eed"])
def test_old_hashes_become_those_of_today(old: str) -> None:
    assert old_hashes.with_client_headers(old) == hash_with_client_headers(old)


def test_they_depend_on_no_package() -> None:
    assert dict(CLIENT_HEADERS) == {
        "User-Agent": "loadtasks",
        "Accept-Encoding": "gzip, deflate",
        "Accept": "*/*",
        "Connection": "keep-alive",
    }
