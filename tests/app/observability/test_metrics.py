import os
import signal
import threading
import time
from collections.abc import Callable

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from app.settings import Settings
from app.storage.database import SPARE_CONNECTIONS
from tests.app.service import CRITERIA, SESSIONS, STATS, Service, environ_for, launch

SECONDS = "http_request_duration_seconds"


def scrape(service: Service) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels, sorted by the labels' names."""
    response = requests.get(service.url + "/metrics", timeout=10)
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def settled_samples(service: Service) -> dict[tuple[str, ...], float]:
    """The samples after all finished requests were counted, which happens after their last byte."""
    deadline = time.monotonic() + 20
    while scrape(service)["http_requests_in_flight",] != 1:
        assert time.monotonic() < deadline
    return scrape(service)


def wait_for(service: Service, name: str, value: float) -> dict[tuple[str, ...], float]:
    """Read the metrics until one that another thread sets has this value; all samples."""
    deadline = time.monotonic() + 20
    while (found := scrape(service))[name,] != value:
        assert time.monotonic() < deadline, f"{name} is {found[name,]}, not {value}"
    return found


def counted(found: dict[tuple[str, ...], float], method: str, route: str, status: int) -> float:
    return found.get((f"{SECONDS}_count", method, route, str(status)), 0)


def workers(service: Service) -> list[int]:
    return [int(part.split('"')[0]) for part in service.log.read_text().split("Booting worker with pid: ")[1:]]


def test_requests_are_counted_by_method_route_and_status(start):
    service = start()
    for _ in range(3):
        service.get(STATS)
    session_id = service.start_session().json()["id"]
    service.get(f"{SESSIONS}/{session_id}")
    service.get(f"{SESSIONS}/{session_id + 1}")
    service.get(STATS, token="wrong")
    service.call("PUT", CRITERIA, json={})
    service.listen().close()
    found = settled_samples(service)
    assert counted(found, "GET", STATS, 200) == 3
    assert counted(found, "POST", SESSIONS, 201) == 1
    assert counted(found, "GET", f"{SESSIONS}/<int:session_id>", 200) == 1
    assert counted(found, "GET", f"{SESSIONS}/<int:session_id>", 404) == 1
    assert counted(found, "GET", STATS, 401) == 1
    assert counted(found, "PUT", CRITERIA, 422) == 1
    assert counted(found, "GET", "/api/v1/events", 101) == 1
    assert 0 < found[f"{SECONDS}_sum", "GET", STATS, "200"] < 30
    assert found[f"{SECONDS}_bucket", "+Inf", "GET", STATS, "200"] == 3


def test_the_time_is_the_whole_request_s(start):
    service = start(APP_FAULTS="dashboard:slow=300ms")
    service.get(STATS)
    found = settled_samples(service)
    assert found[f"{SECONDS}_sum", "GET", STATS, "200"] >= 0.3
    assert found[f"{SECONDS}_bucket", "0.25", "GET", STATS, "200"] == 0


def test_unknown_paths_and_methods_share_a_series(service: Service):
    before = settled_samples(service)
    for number in range(5):
        service.get(f"/nowhere/{number}")
        service.get(f"/api/v1/{number}", token="wrong")
        service.call(f"BREW{number}", "/nowhere")
    after = settled_samples(service)
    grown = {name for name in after if name[0] == f"{SECONDS}_count" and after[name] != before.get(name, 0)}
    assert grown <= {
        (f"{SECONDS}_count", *rest)
        for rest in [
            ("GET", "unmatched", "404"),
            ("GET", "unmatched", "401"),
            ("other", "unmatched", "404"),
            ("GET", "/metrics", "200"),
        ]
    }
    assert counted(after, "other", "unmatched", 404) - counted(before, "other", "unmatched", 404) == 5


def test_gauges_of_what_is_in_use(start):
    service = start(APP_THREADS="3")
    found = wait_for(service, "http_requests_in_flight", 1)  # the one for the metrics
    assert found["database_connections_in_use",] == 0
    assert found["database_connections_max",] == 3 + SPARE_CONNECTIONS
    with service.database.write() as connection:
        connection.exec_driver_sql("UPDATE sessions SET progress = progress")  # holds SQLite's one write lock
        waiting = threading.Thread(target=service.start_session)
        waiting.start()
        wait_for(service, "database_connections_in_use", 1)
        wait_for(service, "http_requests_in_flight", 2)
    waiting.join()
    found = settled_samples(service)
    assert found["database_connections_in_use",] == 0


def test_websockets_and_their_events(start):
    service = start(APP_SESSION_DURATION_S="1000")
    clients = [service.listen() for _ in range(3)]
    assert wait_for(service, "websocket_connections", 3)["websocket_events_total",] == 0
    service.start_session()
    assert all("session.created" in client.recv() for client in clients)
    found = wait_for(service, "websocket_deliveries_total", 3)
    assert found["websocket_events_total",] == 1
    assert found["websocket_slow_clients_total",] == 0
    clients[0].close()
    wait_for(service, "websocket_connections", 2)
    for client in clients[1:]:
        client.close()


@pytest.mark.parametrize(("cache", "outcomes"), [("on", {"hit": 3, "miss": 1}), ("off", {"miss": 4})])
def test_cache_lookups_are_counted_by_key_and_outcome(start, cache: str, outcomes: dict[str, int]):
    service = start(APP_CACHE=cache)  # which computes once at its start
    for _ in range(3):
        service.get(STATS)
    found = scrape(service)
    assert {name[2]: count for name, count in found.items() if name[:2] == ("cache_requests_total", "dashboard")} == (
        outcomes
    )


@pytest.fixture
def two_workers(start: Callable[..., Service]) -> Service:
    service = start(GUNICORN_CMD_ARGS="--workers=2", APP_THREADS="2")
    deadline = time.monotonic() + 20
    while scrape(service)["database_connections_max",] != 2 * (2 + SPARE_CONNECTIONS):
        assert time.monotonic() < deadline
    return service


def test_the_metrics_cover_all_workers(two_workers: Service):
    for _ in range(20):
        with requests.Session() as http:
            http.get(two_workers.url + "/version", timeout=10)
    assert {counted(settled_samples(two_workers), "GET", "/version", 200) for _ in range(10)} == {20}


def test_of_a_dead_worker_only_what_it_counted_stays(two_workers: Service):
    clients = [two_workers.listen() for _ in range(4)]
    wait_for(two_workers, "websocket_connections", 4)
    before = settled_samples(two_workers)
    for pid in workers(two_workers):
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while len(workers(two_workers)) < 4:
        assert time.monotonic() < deadline
    found = wait_for(two_workers, "database_connections_max", 2 * (2 + SPARE_CONNECTIONS))
    assert found["websocket_connections",] == 0
    assert counted(found, "GET", "/api/v1/events", 101) == counted(before, "GET", "/api/v1/events", 101) == 4
    for client in clients:
        client.shutdown()


def test_a_reload_keeps_what_was_counted(start):
    service = start()
    service.get(STATS)
    service.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 20
    while f"Worker exiting (pid: {workers(service)[0]})" not in service.log.read_text() or len(workers(service)) < 2:
        assert time.monotonic() < deadline
    service.http.close()
    wait_for(service, "database_connections_max", Settings().threads + SPARE_CONNECTIONS)
    service.get(STATS)
    assert counted(settled_samples(service), "GET", STATS, 200) == 2


def test_a_file_just_made_by_another_worker_does_no_harm(start, tmp_path):
    service = start()
    (folder,) = tmp_path.glob("app-metrics-*")
    (folder / "histogram_1.db").touch()
    assert counted(settled_samples(service), "GET", "/healthz", 200) >= 1


def test_nothing_is_left_behind(start, tmp_path):
    service = start()
    assert len(list(tmp_path.glob("app-metrics-*/*.db"))) > 0
    service.stop()
    assert list(tmp_path.glob("app-metrics-*")) == []


def test_a_failed_start_leaves_nothing_behind(tmp_path, database):
    assert launch(environ_for(tmp_path, APP_PORT="http"), tmp_path / "log").wait(20) == 1
    assert list(tmp_path.glob("app-metrics-*")) == []
