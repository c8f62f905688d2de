"""The engine, plain `requests` and `websocket-client` give the same counts for the same load on the real API."""

import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import websocket

from loadtasks.engine.http.json_values import value_at
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.scenarios.files import read_scenarios
from loadtasks.scenarios.model import BroadcastScenario, ConnectionsScenario, HttpScenario, MixedScenario, Request
from tests.app.service import Service, prepare, running
from tests.workspaces import SHIPPED_SCENARIOS

SCENARIOS = read_scenarios(SHIPPED_SCENARIOS)


@pytest.fixture(scope="module")
def service(processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    with running(prepare(folder, 20_000), folder) as found:  # the shipped scenarios expect as many
        yield found


def send(service: Service, request: Request) -> requests.Response:
    return service.call(request.method, request.path, params=request.query, json=request.json_body)


@pytest.mark.parametrize(
    "name",
    [
        "dashboard.concurrent",
        "sessions.concurrent",
        "sessions.filtered",
        "config_get.concurrent",
        "config_put.sequential",
    ],
)
def test_http(service: Service, name: str) -> None:
    scenario = SCENARIOS[name]
    assert isinstance(scenario, HttpScenario)
    (measurement,) = run_scenario(scenario, Target(service.url, service.token))
    statuses: Counter[str] = Counter()
    for request in itertools.islice(itertools.cycle(scenario.requests), scenario.load.requests):
        response = send(service, request)
        statuses[str(response.status_code)] += 1
        if scenario.read_back is not None:
            assert service.get(scenario.read_back.path).json() == request.json_body
    assert measurement.statuses == statuses
    assert measurement.counts.completed == statuses["200"] == scenario.load.requests


def test_a_duration(service: Service) -> None:
    sustained = SCENARIOS["dashboard.sustained"]
    assert isinstance(sustained, HttpScenario)
    short = sustained.model_copy(update={"load": sustained.load.model_copy(update={"duration_s": 0.5})})
    (measurement,) = run_scenario(short, Target(service.url, service.token))
    assert measurement.counts.completed == measurement.counts.scheduled == measurement.statuses["200"] > 0


def test_a_wrong_token_is_refused_alike(service: Service) -> None:
    scenario = SCENARIOS["dashboard.concurrent"]
    assert isinstance(scenario, HttpScenario)
    (measurement,) = run_scenario(scenario, Target(service.url, "wrong"))
    plain = service.call("GET", scenario.requests[0].path, token="wrong")
    assert measurement.statuses == {str(plain.status_code): 100}
    assert measurement.counts.failed == 100
    assert "401" in measurement.errors[0].sample


def test_websocket_connections(service: Service) -> None:
    scenario = SCENARIOS["websocket.connections"]
    assert isinstance(scenario, ConnectionsScenario)
    (measurement,) = run_scenario(scenario, Target(service.url, service.token))
    with ThreadPoolExecutor(scenario.load.connections) as pool:
        sockets = list(pool.map(lambda _: service.listen(), range(scenario.load.connections)))
    opened = [socket for socket in sockets if socket.connected]
    for socket in sockets:
        socket.close()
    assert measurement.counts.completed == len(opened) == 50
    assert measurement.statuses == {"101": 50}


def test_websocket_broadcast(service: Service) -> None:
    scenario = SCENARIOS["websocket.broadcast"]
    assert isinstance(scenario, BroadcastScenario)
    (measurement,) = run_scenario(scenario, Target(service.url, service.token))
    listeners = [service.listen() for _ in range(scenario.load.listeners)]
    published: set[str] = set()
    received: list[set[str]] = [set() for _ in listeners]
    whole = threading.Event()

    def listen(socket: websocket.WebSocket, ids: set[str]) -> None:
        while not (whole.is_set() and published <= ids):
            message = json.loads(socket.recv())
            if all(value_at(message, path) == expected for path, expected in scenario.event.where.items()):
                ids.add(str(value_at(message, scenario.event.id)))

    with ThreadPoolExecutor(len(listeners)) as pool:
        done = [pool.submit(listen, *pair) for pair in zip(listeners, received, strict=True)]
        for _ in range(scenario.load.events):
            published.add(str(send(service, scenario.publish.request).json()[scenario.publish.id]))
        whole.set()
        send(service, scenario.publish.request)  # wakes the listeners that had all before `whole`
        for listening in done:
            listening.result(timeout=30)
    for socket in listeners:
        socket.close()
    delivered = sum(len(published & ids) for ids in received)
    assert measurement.counts.completed == measurement.counts.scheduled == delivered == 1000


def test_mixed(service: Service) -> None:
    scenario = SCENARIOS["mixed.concurrent"]
    assert isinstance(scenario, MixedScenario)
    whole, *parts = run_scenario(scenario, Target(service.url, service.token))
    assert {part.part: part.counts.completed for part in parts} == dict.fromkeys(scenario.parts, 30)
    assert whole.statuses == {"101": 30, "200": 120}
