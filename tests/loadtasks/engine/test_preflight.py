"""What the preflight asks of a target, and what it makes of the responses."""

import socket
import threading
from pathlib import Path

import pytest

from loadtasks.engine.net.target import Target
from loadtasks.engine.preflight import MAX_CONCURRENT, run_preflight
from loadtasks.scenarios.feeder import Feeder
from loadtasks.scenarios.load import ConnectionsLoad
from loadtasks.scenarios.model import (
    Checks,
    ConnectionsScenario,
    HttpScenario,
    MixedScenario,
    Request,
)
from tests.loadtasks.engine.http_runs import TEN, scenario
from tests.servers import ScriptedServer, answering, ok, scripted

REFUSED = ok(status="401 Unauthorized")


def lines(server: ScriptedServer) -> list[str]:
    return sorted(" ".join(request.decode().split(" ", 2)[:2]) for request in server.requests)


def named(name: str, *requests: Request, **settings: object) -> HttpScenario:
    return scenario(TEN, *requests, **settings).model_copy(update={"name": name})


def test_the_first_safe_request_of_each_scenario_is_sent_once(tmp_path: Path) -> None:
    (tmp_path / "ids.csv").write_text("id\n7\n8\n")
    feeder = Feeder.read(tmp_path / "ids.csv")
    part = named("thing.part", Request(path="/part"))
    unasked = named("thing.unasked", Request(path="/part-unasked"), scales=False)
    scenarios = [
        named("thing.get", Request(path="/get", query={"page": 1}), Request(path="/second")),
        named("thing.alike", Request(path="/get", query={"page": 1})),
        named("thing.head", Request(method="POST", path="/post"), Request(method="HEAD", path="/head")),
        named("thing.options", Request(method="OPTIONS", path="/options")),
        named("thing.fed", Request(path="/fed/{{id}}"), feeder=feeder),
        named("thing.shuffled", Request(path="/row/{{id}}"), feeder=feeder.model_copy(update={"order": "random"})),
        named("thing.put", Request(method="PUT", path="/put"), Request(method="DELETE", path="/delete")),
        named("thing.counted", Request(path="/counted"), scales=False),
        ConnectionsScenario(name="ws.open", endpoint="ws", path="/events", load=ConnectionsLoad(connections=1)),
        MixedScenario(name="mixed.all", endpoint="mixed", parts={"a": part, "b": unasked}),
    ]
    with scripted(answering(ok())) as server:
        responses = run_preflight(scenarios, Target(server.url))
    first = feeder.model_copy(update={"order": "random"}).in_order()[0]["id"]
    sent = ["GET /fed/7", "GET /get?page=1", "GET /part", f"GET /row/{first}", "HEAD /head", "OPTIONS /options"]
    assert lines(server) == sorted(sent)
    assert (responses.asked, responses.responded, responses.refused) == (len(sent), len(sent), {})
    assert all(b"\r\ntraceparent: 00-" in request for request in server.requests)


def test_nothing_is_sent_where_no_scenario_asks() -> None:
    with scripted(answering(ok())) as server:
        responses = run_preflight([named("thing.post", Request(method="POST", path="/post"))], Target(server.url))
    assert (server.requests, responses.asked) == ([], 0)


def test_each_scenarios_own_checks_say_whether_it_is_refused() -> None:
    expected = Checks(status=401)
    scenarios = [
        named("thing.refused", Request(path="/x/{{measurement.id}}", headers={"X-Auth": "k"}, query={"token": "t"})),
        named("thing.expected", Request(path="/x/{{measurement.id}}", checks=expected)),
        MixedScenario(
            name="mixed.all",
            endpoint="mixed",
            parts={
                "expected": named("thing.expected", Request(path="/y", checks=expected)),
                "refused": named("thing.refused", Request(path="/y", headers={"authorization": "s3cret", "A": "b"})),
            },
        ),
    ]
    with scripted(answering(REFUSED)) as server:
        responses = run_preflight(scenarios, Target(server.url, token="t0ken"))
    assert responses.refused.keys() == {"thing.refused", "mixed.all"}
    alone, mixed = responses.refused["thing.refused"], responses.refused["mixed.all"]
    assert (alone.method, alone.path, alone.status) == ("GET", "/x/{{measurement.id}}", 401)
    assert (alone.scheme, alone.own_authorization, alone.credentials) == ("Bearer", False, ("X-Auth", "?token"))
    assert (mixed.path, mixed.scheme, mixed.own_authorization, mixed.credentials) == ("/y", "other", True, ())


def test_no_more_requests_than_a_few_are_under_way_and_the_deadline_is_that_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("loadtasks.engine.preflight.PREFLIGHT_DEADLINE_S", 0.3)
    most, current, lock = 0, 0, threading.Lock()

    def hang(connection: socket.socket, request: bytes) -> bool:
        nonlocal most, current
        with lock:
            current += 1
            most = max(most, current)
        connection.recv(1)
        with lock:
            current -= 1
        return False

    number = 2 * MAX_CONCURRENT
    scenarios = [named(f"thing.n{n}", Request(path=f"/{n}")) for n in range(number)]
    with scripted(hang) as server:
        responses = run_preflight(scenarios, Target(server.url))
    assert (responses.asked, responses.responded, responses.refused) == (number, 0, {})
    assert most == len(server.requests) == MAX_CONCURRENT


def test_a_scenario_waits_no_longer_than_its_own_timeout_and_makes_way_for_others() -> None:
    def respond(connection: socket.socket, request: bytes) -> bool:
        if request.startswith(b"GET /slow"):
            connection.recv(1)
            return False
        connection.sendall(REFUSED)
        return True

    slow = [named(f"thing.s{n}", Request(path=f"/slow/{n}"), timeout_s=0.2) for n in range(MAX_CONCURRENT)]
    with scripted(respond) as server:
        responses = run_preflight([*slow, named("thing.last", Request(path="/last"))], Target(server.url))
    assert responses.refused.keys() == {"thing.last"}
