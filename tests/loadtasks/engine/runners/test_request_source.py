"""Fed requests as they are sent: each round through the requests is made of the next row."""

import json
import socket
from collections import Counter
from itertools import count
from pathlib import Path

import pytest

from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.feeder import Feeder
from loadtasks.scenarios.load import ClosedLoad, OpenLoad
from loadtasks.scenarios.model import Checks, HttpScenario, ReadBack, Request
from tests.loadtasks.engine.http_runs import TEN, scenario
from tests.servers import ScriptedServer, answering, ok, scripted

ROWS = ({"id": 1, "name": "Zoë"}, {"id": 2, "name": None}, {"id": 3, "name": [True]})
UPDATE = Request(
    method="PUT",
    path="/users/{{id}}",
    query={"as": "{{name}}"},
    headers={"X-User": "u{{id}}"},
    json={"name": "{{name}}", "n": "{{id}}"},
)
LOOK = Request(path="/users/{{id}}")
STATIC = Request(path="/all")


@pytest.fixture
def feeder(tmp_path: Path) -> Feeder:
    (tmp_path / "users.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return Feeder.read(tmp_path / "users.jsonl")


def run(
    server: ScriptedServer, load: ClosedLoad | OpenLoad, *requests: Request, processes: int = 1, **settings: object
) -> Measurement:
    scenario = HttpScenario(
        name="thing.fed", endpoint="thing", requests=requests, load=load, **{"warmup_requests": 0, **settings}
    )
    (measurement,) = run_scenario(scenario, Target(server.url), processes=processes)
    assert measurement.conservation_gap == 0
    assert measurement.counts.completed == measurement.counts.scheduled, measurement.errors
    return measurement


def lines(server: ScriptedServer) -> list[str]:
    return [" ".join(request.decode().split(" ", 2)[:2]) for request in server.requests]


def test_each_request_has_its_rows_bytes(feeder: Feeder) -> None:
    with scripted(answering(ok())) as server:
        run(server, ClosedLoad(workers=1, requests=3), UPDATE, feeder=feeder)
    assert lines(server) == [
        "PUT /users/1?as=Zo%C3%AB",
        "PUT /users/2?as=null",
        "PUT /users/3?as=%5Btrue%5D",
    ]
    for row, request in zip(ROWS, server.requests, strict=True):
        head, _, body = request.partition(b"\r\n\r\n")
        assert json.loads(body) == {"name": row["name"], "n": row["id"]}
        assert f"\r\nX-User: u{row['id']}\r\n".encode() in head
        assert f"\r\nContent-Length: {len(body)}\r\n".encode() in head


def test_each_round_through_the_requests_takes_the_next_row(feeder: Feeder) -> None:
    with scripted(answering(ok())) as server:
        run(server, ClosedLoad(workers=1, requests=8), LOOK, STATIC, feeder=feeder, warmup_requests=3)
    in_turn = ["GET /users/1", "GET /all", "GET /users/2", "GET /all", "GET /users/3", "GET /all"]
    warm_up = ["GET /users/3", "GET /all", "GET /users/2"]
    assert lines(server) == [*warm_up, *in_turn, *in_turn[:2]]


@pytest.mark.parametrize("load", [ClosedLoad(workers=2, requests=3), OpenLoad(rate=300, duration_s=0.01)])
@pytest.mark.parametrize("processes", [1, 2])
def test_a_warm_up_uses_up_no_row(feeder: Feeder, load: ClosedLoad | OpenLoad, processes: int) -> None:
    remove = Request(method="DELETE", path="/users/{{id}}")
    with scripted(answering(ok())) as server:
        measurement = run(server, load, remove, processes=processes, feeder=feeder, warmup_requests=2)
    assert sorted(lines(server)) == [f"DELETE /users/{n}" for n in (1, 2, 3)]
    assert measurement.phases["connect"].count >= processes


def test_a_warm_up_sends_the_requests_that_are_safe_or_use_no_row(feeder: Feeder) -> None:
    save = Request(method="POST", path="/all")
    with scripted(answering(ok())) as server:
        run(server, ClosedLoad(workers=1, requests=3), UPDATE, LOOK, save, feeder=feeder, warmup_requests=4)
    assert lines(server)[:4] == ["GET /users/3", "POST /all", "GET /users/2", "POST /all"]
    assert [line.partition("?")[0] for line in lines(server)[4:]] == ["PUT /users/1", "GET /users/1", "POST /all"]


def test_the_warm_up_of_a_later_round_begins_at_the_end_again(feeder: Feeder) -> None:
    fed = scenario(TEN, LOOK, feeder=feeder)
    source = RequestSource(fed, Target("http://h"), numbers=lambda: count(1), warmup_numbers=count)
    assert source.warm_up()
    assert source.next(0.0).encoded.line == "GET /users/3"
    source.rewind()
    assert source.next(0.0).encoded.line == "GET /users/2"


def test_an_open_load_is_fed_too(feeder: Feeder) -> None:
    with scripted(answering(ok())) as server:
        run(server, OpenLoad(rate=200, duration_s=0.03), LOOK, feeder=feeder)
    assert Counter(lines(server)) == {f"GET /users/{n}": 2 for n in (1, 2, 3)}


def test_what_is_sent_depends_on_its_number_alone(feeder: Feeder) -> None:
    def sent(first: int, step: int, of: Feeder) -> list[str]:
        fed = scenario(TEN, LOOK, STATIC, feeder=of)
        source = RequestSource(fed, Target("http://h"), numbers=lambda: count(first, step))
        return [source.next(0.0).encoded.line for _ in range(12)]

    for order in ("cycle", "random"):
        chosen = feeder.model_copy(update={"order": order, "seed": 2})
        whole = sent(0, 1, chosen)
        assert [*sent(0, 2, chosen)[:6], *sent(1, 2, chosen)[:6]] == [*whole[::2], *whole[1::2]]
        assert whole[::2] == [f"GET /users/{row['id']}" for row in chosen.in_order()] * 2
        assert set(whole[1::2]) == {"GET /all"}


class Users:
    """A target that keeps what is put where it is put, or at one place for all."""

    def __init__(self, *, apart: bool) -> None:
        self.stored: dict[str, bytes] = {}
        self.apart = apart

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        head, _, body = request.partition(b"\r\n\r\n")
        method, target, *_ = head.decode().split(" ")
        path = target.partition("?")[0] if self.apart else ""
        if method == "PUT":
            self.stored[path] = body
        connection.sendall(ok(self.stored.get(path, b"{}")))
        return True


def test_what_a_row_wrote_is_read_back_at_its_own_place(feeder: Feeder) -> None:
    with scripted(Users(apart=True)) as server:
        run(server, ClosedLoad(workers=3, requests=9), UPDATE, feeder=feeder, read_back=ReadBack(path="/users/{{id}}"))
    assert Counter(line.partition("?")[0] for line in lines(server)) == {
        f"{method} /users/{n}": 3 for method in ("PUT", "GET") for n in (1, 2, 3)
    }


def test_what_was_written_is_read_back_with_the_headers_of_the_request() -> None:
    headers = {
        "X-API-Key": "k",
        "authorization": "Basic dTpw",
        "Content-Type": "application/json",
        "If-Match": "1",
        "Expect": "100-continue",
        "X-HTTP-Method-Override": "PUT",
    }
    write = Request(method="POST", path="/users/1", headers=headers, json={"name": "Zoë"})
    with scripted(answering(ok('{"name": "Zoë"}'.encode()))) as server:
        run(server, ClosedLoad(workers=1, requests=1), write, read_back=ReadBack(path="/users/1"))
    names = [
        {line.partition(b":")[0].lower() for line in request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]}
        for request in server.requests
    ]
    of_the_write = {b"content-type", b"content-length", b"if-match", b"expect", b"x-http-method-override"}
    assert names[0] - names[1] == of_the_write
    assert b"\r\nX-API-Key: k\r\n" in server.requests[1]
    assert b"\r\nauthorization: Basic dTpw\r\n" in server.requests[1]


def test_what_wrote_nothing_is_not_read_back(feeder: Feeder) -> None:
    read_back = ReadBack(path="/users/{{id}}")
    with scripted(Users(apart=True)) as server:
        run(server, ClosedLoad(workers=1, requests=4), STATIC, UPDATE, feeder=feeder, read_back=read_back)
    sent = [line.partition("?")[0] for line in lines(server)]
    assert sent == ["GET /all", "PUT /users/1", "GET /users/1", "GET /all", "PUT /users/2", "GET /users/2"]


def test_what_another_row_wrote_is_no_response(feeder: Feeder) -> None:
    def forget(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(ok(b'{"name": "Zo\\u00eb", "n": 1}'))
        return True

    scenario = HttpScenario(
        name="thing.fed",
        endpoint="thing",
        requests=(UPDATE,),
        load=ClosedLoad(workers=1, requests=3),
        read_back=ReadBack(path="/user"),
        feeder=feeder,
        warmup_requests=0,
    )
    with scripted(forget) as server:
        (measurement,) = run_scenario(scenario, Target(server.url))
    assert (measurement.counts.completed, measurement.counts.failed) == (1, 2)
    assert "PUT /users/2?as=null: what was read back is not what was sent" in measurement.errors[0].sample


def test_the_slowest_requests_are_named_with_their_row(feeder: Feeder) -> None:
    with scripted(answering(ok())) as server:
        checked = LOOK.model_copy(update={"checks": Checks(status=200)})
        measurement = run(server, ClosedLoad(workers=1, requests=3), checked, feeder=feeder)
    assert {exemplar.request for exemplar in measurement.exemplars} == {f"GET /users/{n}" for n in (1, 2, 3)}
