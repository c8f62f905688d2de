"""The sign of life after a run."""

import logging
import socket

import pytest

from loadtasks.settings import read_settings
from loadtasks.steps import heartbeat, send_heartbeat
from tests.servers import ok, scripted

TOKEN = "3f0a6f6c-aaaa-bbbb-cccc-0123456789ab"


def test_the_monitor_is_requested_once() -> None:
    with scripted(lambda connection, _: connection.sendall(ok()) is None) as server:
        assert send_heartbeat(read_settings(heartbeat_url=f"{server.url}/{TOKEN}?from=airflow"))
    (request,) = server.requests
    assert request.startswith(f"GET /{TOKEN}?from=airflow HTTP/1.1".encode())


@pytest.mark.parametrize("status", ["404 Not Found", "302 Found\r\nLocation: http://127.0.0.1:1/"])
def test_a_monitor_that_refuses_is_a_warning_without_its_path(status: str, caplog: pytest.LogCaptureFixture) -> None:
    with scripted(lambda connection, _: connection.sendall(ok(status=status)) is None) as server:
        settings = read_settings(heartbeat_url=f"{server.url}/{TOKEN}")
        with caplog.at_level(logging.WARNING, "loadtasks"):
            assert not send_heartbeat(settings)
    assert f"responded {status[:3]}" in caplog.text
    assert TOKEN not in caplog.text


def test_a_monitor_that_is_gone_is_a_warning_without_its_path(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        settings = read_settings(heartbeat_url=f"http://127.0.0.1:{bound.getsockname()[1]}/{TOKEN}")
        assert not send_heartbeat(settings)
    assert "can't be reached (ConnectionError)" in caplog.text
    assert TOKEN not in caplog.text


def test_a_response_that_has_no_end_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(heartbeat, "_MAX_S", 0.05)
    with scripted(lambda _connection, _request: True) as server:  # silence
        assert not send_heartbeat(read_settings(heartbeat_url=f"{server.url}/{TOKEN}"))
    assert "took too long" in caplog.text


def test_without_a_monitor_nothing_is_sent() -> None:
    assert not send_heartbeat(read_settings())


def test_the_url_and_its_token_are_secrets() -> None:
    settings = read_settings(heartbeat_url=f"https://monitor.example/ping/{TOKEN}?key=0123456789")
    assert {TOKEN, "0123456789"} < set(settings.monitor_secrets) < set(settings.secrets) | {""}
    assert "ping" not in settings.monitor_secrets
