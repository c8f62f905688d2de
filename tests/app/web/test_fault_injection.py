import re
import time

import psutil
import pytest
import requests
import websocket

from app.faults import Fault, Faults, parse_faults
from tests.app.service import CRITERIA, SESSIONS, STATS, environ_for, launch


def test_written_faults_are_read():
    assert parse_faults(" dashboard:slow=1.5s ; sessions:fail@0.5;config:cut;events:fail=401;") == [
        Fault("dashboard:slow=1.5s", "dashboard", "slow", delay_s=1.5),
        Fault("sessions:fail@0.5", "sessions", "fail", status=503, share=0.5),
        Fault("config:cut", "config", "cut"),
        Fault("events:fail=401", "events", "fail", status=401),
    ]
    assert parse_faults("config:slow=250ms")[0].delay_s == 0.25
    assert parse_faults("sessions:cpu=0.05ms@0.1") == [
        Fault("sessions:cpu=0.05ms@0.1", "sessions", "cpu", delay_s=0.00005, share=0.1)
    ]
    assert parse_faults("config:query=50ms") == [Fault("config:query=50ms", "config", "query", delay_s=0.05)]
    assert parse_faults("") == []


@pytest.mark.parametrize(("share", "hits"), [("1", 30), ("0.5", 15), ("0.1", 3), ("0.3", 9), ("0.01", 0)])
def test_shares_are_exact(share: str, hits: int):
    faults = Faults(parse_faults(f"config:cut@{share}"))
    assert sum(bool(faults.due("config")) for _ in range(30)) == hits
    assert not faults.due("dashboard")


@pytest.mark.parametrize(
    "text",
    [
        "dashboard", "nowhere:cut", "dashboard:explode", "dashboard:slow", "dashboard:slow=3", "dashboard:slow=-1s",
        "dashboard:query", "dashboard:cpu", "dashboard:cpu=1", "dashboard:fail=200", "dashboard:fail=x",
        "dashboard:cut=1", "dashboard:cut@0", "dashboard:cut@1.1", "dashboard:cut@x",
    ],
)  # fmt: skip
def test_a_bad_fault_ends_the_start_with_one_sentence(text: str, tmp_path, database):
    with pytest.raises(ValueError, match=text.replace("=", ".")):
        parse_faults(text)
    if text != "nowhere:cut":
        return
    process = launch(environ_for(tmp_path, APP_FAULTS=text), tmp_path / "log")
    assert process.wait(20) == 1
    sentence = "APP_FAULTS=nowhere:cut: 'nowhere:cut' names no route out of dashboard, sessions, config, events.\n"
    assert (tmp_path / "log").read_text() == sentence


def test_each_kind(start):
    text = "dashboard:slow=300ms;sessions:fail=502@0.5;config:cut;events:cut@0.5;events:fail@0.5"
    service = start(APP_FAULTS=text)
    warnings = [line for line in service.log.read_text().splitlines() if '"level": "warning"' in line]
    assert len(warnings) == 1
    assert text.replace(";", "; ") in warnings[0]

    began = time.monotonic()
    assert service.get(STATS).status_code == 200
    assert time.monotonic() - began >= 0.3

    answers = [service.get(SESSIONS) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200, 502] * 3
    assert answers[1].headers["Content-Type"] == "application/problem+json"

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)) as broken:
        service.get(CRITERIA)
    assert "IncompleteRead" in str(broken.value)
    assert service.get("/healthz").status_code == 200


def test_a_slow_query_takes_its_time_in_the_database_phase(start):
    service = start(APP_FAULTS="sessions:query=200ms")
    header = service.get(SESSIONS).headers["Server-Timing"]
    assert float(re.findall(r" db;dur=([\d.]+)", header)[0]) >= 200


def test_a_computation_takes_the_processor_its_time_outside_of_the_named_phases(start):
    service = start(APP_FAULTS="sessions:cpu=100ms")
    process = psutil.Process(service.process.pid)
    (worker,) = process.children()
    before = worker.cpu_times().user
    header = service.get(SESSIONS).headers["Server-Timing"]
    assert worker.cpu_times().user - before >= 0.05
    total_ms, *named_ms = sorted((float(each) for each in re.findall(r"dur=([\d.]+)", header)), reverse=True)
    assert total_ms - sum(named_ms) >= 50


def test_events_fail_and_are_cut(start):
    service = start(APP_FAULTS="events:cut@0.5;events:fail=503@0.2")
    clients = [service.listen() for _ in range(4)]
    service.start_session()
    for whole in clients[::2]:
        assert "session.created" in whole.recv()
        whole.close()
    for cut in clients[1::2]:
        with pytest.raises(websocket.WebSocketConnectionClosedException):
            cut.recv()
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        service.listen()
    assert refused.value.status_code == 503


def test_no_faults_no_word(service):
    assert '"level": "warning"' not in service.log.read_text()
