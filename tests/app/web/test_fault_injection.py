import re
import time

import psutil
import pytest
import requests
import websocket

from app.faults import parse_faults
from app.web.fault_injection import FaultInjector
from tests.app.service import CRITERIA, SESSIONS, STATS


@pytest.mark.parametrize(("share", "hits"), [("1", 30), ("0.5", 15), ("0.1", 3), ("0.3", 9), ("0.01", 0)])
def test_shares_are_exact(share: str, hits: int):
    faults = FaultInjector(parse_faults(f"config:cut@{share}"))
    assert sum(bool(faults.due("config")) for _ in range(30)) == hits
    assert not faults.due("dashboard")


def test_every_kind_of_fault(start):
    text = "dashboard:slow=300ms;sessions:fail=502@0.5;config:cut;events:cut@0.5;events:fail@0.5"
    service = start(APP_FAULTS=text)
    warnings = [line for line in service.log.read_text().splitlines() if '"level": "warning"' in line]
    assert len(warnings) == 1
    assert text.replace(";", "; ") in warnings[0]

    began = time.monotonic()
    assert service.get(STATS).status_code == 200
    assert time.monotonic() - began >= 0.3

    responses = [service.get(SESSIONS) for _ in range(6)]
    assert [response.status_code for response in responses] == [200, 502] * 3
    assert responses[1].headers["Content-Type"] == "application/problem+json"

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
    total_ms, *named_ms = sorted((float(duration) for duration in re.findall(r"dur=([\d.]+)", header)), reverse=True)
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


def test_without_faults_there_is_no_warning(service):
    assert '"level": "warning"' not in service.log.read_text()
