"""Two instances of the service over one PostgreSQL and one Redis."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import websocket
from sqlalchemy import update

from app.sessions.model import NewSession
from app.sessions.queries import start_session
from app.sessions.simulation import Simulation
from app.storage.database import AppDatabase
from app.storage.models import OptimizationSession, Technique
from tests.app.cache.test_local import ASKING, outcome
from tests.app.events.test_routes import events_of
from tests.app.observability.test_metrics import scrape, wait_for
from tests.app.service import CRITERIA, SESSIONS, STATS, Service, prepare, running
from tests.postgresql import create_database
from tests.redis_server import RedisServer, running_redis

UNREACHABLE = "unreachable: this instance works on its own"


@contextmanager
def instance(database: AppDatabase, redis: RedisServer, folder: Path, **settings: str) -> Iterator[Service]:
    folder.mkdir()
    with running(database, folder, APP_REDIS_URL=redis.url, **settings) as found:
        yield found


@pytest.fixture(scope="module")
def shared(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppDatabase]:
    """A database with 1,000 sessions."""
    made = prepare(tmp_path_factory.mktemp("database"), 1000, create_database(postgresql))
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def two(shared: AppDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Service]]:
    """Two instances."""
    folder = tmp_path_factory.mktemp("instances")
    with running_redis() as redis, ExitStack() as stack:
        yield [
            stack.enter_context(instance(shared, redis, folder / name, APP_SESSION_DURATION_S="0.2"))
            for name in ("a", "b")
        ]


def missed(service: Service) -> float:
    return scrape(service).get(("cache_requests_total", "dashboard", "miss"), 0)


def test_a_hundred_requests_to_two_instances_with_a_cold_cache_cause_one_computation(two: list[Service]):
    two[0].start_session()  # makes it cold, for both
    before = sum(map(missed, two))
    clients = []
    for number in range(ASKING):
        address = urlsplit(two[number % 2].url)
        client = HTTPConnection(address.hostname, address.port, timeout=20)
        client.connect()
        clients.append(client)
    for client in clients:
        client.request("GET", STATS, headers={"Authorization": f"Bearer {two[0].token}"})
    responses = [client.getresponse() for client in clients]
    bodies = {response.read() for response in responses}
    for client in clients:
        client.close()
    assert {response.status for response in responses} == {200}
    outcomes = Counter(outcome(response.headers["Server-Timing"]) for response in responses)
    assert outcomes["miss"] == 1, outcomes
    assert sum(map(missed, two)) - before == 1
    assert len(bodies) == 1


def test_a_change_on_one_instance_shows_on_the_other_at_once(two: list[Service]):
    criteria = two[0].get(CRITERIA).json()
    for number in range(8):
        writer, reader = two[number % 2], two[1 - number % 2]
        assert reader.get(CRITERIA).json()["time_limit_s"] == criteria["time_limit_s"]
        criteria["time_limit_s"] = 1000 + number
        assert writer.call("PUT", CRITERIA, json=criteria).ok
        assert reader.get(CRITERIA).json()["time_limit_s"] == 1000 + number
    total = two[0].get(STATS).json()["total_sessions"]
    assert two[0].start_session().status_code == 201
    assert two[1].get(STATS).json()["total_sessions"] == total + 1


def test_events_reach_the_clients_of_both_instances_once_and_in_order(two: list[Service]):
    clients = [two[0].listen(), two[1].listen()]
    ids = [two[number % 2].start_session().json()["id"] for number in range(6)]
    stories = [events_of(client, *ids) for client in clients]
    assert stories[0] == stories[1]
    for story in stories[0]:
        assert [event["type"] for event in story[:-1]] == ["session.created", *["session.progress"] * 3]
        assert [event["session"]["progress"] for event in story[:-1]] == [0, 0.25, 0.5, 0.75]
    for client in clients:
        client.close()


class RecordingPublisher:
    """Records the steps of some sessions instead of publishing them."""

    def __init__(self, ids: set[int], steps: list[tuple[int, float]]) -> None:
        self.ids, self.steps, self.count = ids, steps, 0

    def publish(self, kind: str, session: dict[str, Any]) -> None:
        if session["id"] in self.ids:
            self.steps.append((session["id"], session["progress"]))
            self.count += 1


def test_two_instances_make_every_step_of_a_session_once_and_one_continues_alone(shared: AppDatabase):
    new = NewSession(model="bert-base", technique=Technique.PRUNING)
    ids = {start_session(shared, new)["id"] for _ in range(50)}
    with shared.write() as connection:  # one is under way when both take it up
        connection.execute(update(OptimizationSession).where(OptimizationSession.id == min(ids)).values(progress=0.5))
    steps: list[tuple[int, float]] = []
    publishers = [RecordingPublisher(ids, steps) for _ in range(2)]
    databases = [AppDatabase(shared.url.render_as_string(hide_password=False)) for _ in publishers]
    slow, quick = (
        Simulation(database, events, duration_s=duration_s, steps=20, failure_every=0)
        for database, events, duration_s in zip(databases, publishers, (1.6, 0.8), strict=True)
    )

    def wait_until(is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not is_so():
            assert time.monotonic() < deadline, steps
            time.sleep(0.01)

    # The quick one overtakes sooner or later; on a busy machine the slow one may make the first hundred steps alone.
    wait_until(lambda: publishers[1].count >= 50)
    quick.close()
    wait_until(lambda: len(steps) == 49 * 20 + 10)
    slow.close()
    for database in databases:
        database.dispose()
    expected = {(session_id, step / 20) for session_id in ids for step in range(1, 21)}
    expected -= {(min(ids), step / 20) for step in range(1, 11)}
    assert Counter(steps) == dict.fromkeys(expected, 1)
    assert steps.index((min(ids), 0.55)) < steps.index((max(ids), 0.5))
    assert all(events.count for events in publishers)


class Load:
    """Sends requests of every kind until it is stopped, and counts their statuses and errors."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.outcomes: Counter[int | str] = Counter()
        self.stopped = False

    def work(self, number: int) -> None:
        criteria = self.service.get(CRITERIA).json()
        headers = {"Authorization": f"Bearer {self.service.token}"}
        calls = [("GET", STATS, None), ("GET", SESSIONS, None), ("GET", CRITERIA, None), ("GET", "/healthz", None)]
        calls += [("POST", SESSIONS, {"model": "bert-base", "technique": "pruning"}), ("PUT", CRITERIA, criteria)]
        with requests.Session() as http:
            while not self.stopped:
                for method, path, body in calls[number % 2 :]:
                    try:
                        response = http.request(method, self.service.url + path, headers=headers, json=body, timeout=20)
                        self.outcomes[response.status_code] += 1
                    except requests.RequestException as error:
                        self.outcomes[repr(error)] += 1

    def wait_for_more(self, count: int) -> None:
        goal, deadline = self.outcomes.total() + count, time.monotonic() + 30
        while self.outcomes.total() < goal:
            assert time.monotonic() < deadline, self.outcomes
            time.sleep(0.01)


def wait_for_health(service: Service, expected: str) -> None:
    """Wait until health and readiness report this state of Redis, with status 200 all the time."""
    for path in ("/healthz", "/readyz"):
        deadline, state = time.monotonic() + 20, ""
        while state != expected:
            assert time.monotonic() < deadline, state
            response = requests.get(service.url + path, timeout=10)
            assert response.status_code == 200
            parts = response.json()
            state = parts.get("parts", parts)["redis"]


def test_redis_stopped_during_load_fails_no_request(shared: AppDatabase, redis_server: RedisServer, tmp_path: Path):
    with instance(shared, redis_server, tmp_path / "a") as service, ThreadPoolExecutor(4) as pool:
        client = service.listen()
        load = Load(service)
        workers = [pool.submit(load.work, number) for number in range(4)]
        try:
            load.wait_for_more(40)
            wait_for_health(service, "ok")
            assert scrape(service)["redis_up",] == 1
            redis_server.stop()
            load.wait_for_more(100)
            wait_for_health(service, UNREACHABLE)
            assert scrape(service)["redis_up",] == 0
            assert_receives_events(service, client)
            redis_server.start()
            wait_for_health(service, "ok")
            wait_for(service, "redis_up", 1)
            load.wait_for_more(40)
        finally:
            load.stopped = True
        for worker in workers:
            worker.result()
        assert set(load.outcomes) <= {200, 201, 429}, load.outcomes
        service.get(STATS)
        with redis_server.client() as redis:
            assert redis.exists("optimisation-service:cache:value:dashboard")
        client.close()
    assert "Traceback" not in service.log.read_text()


def assert_receives_events(service: Service, client: websocket.WebSocket) -> None:
    session_id = service.start_session().json()["id"]
    while json.loads(client.recv())["session"]["id"] != session_id:
        pass
