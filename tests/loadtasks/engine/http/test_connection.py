"""The HTTP engine against scripted sockets: what is counted, and how."""

import asyncio
import gzip
import itertools
import re
import socket
import threading
import time

import pytest
import requests

from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.engine.runners.open import OpenRunner
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.load import ClosedLoad, OpenLoad
from loadtasks.scenarios.model import Checks, HttpScenario, JsonCheck, ReadBack, Request
from tests.servers import Handler, ScriptedServer, answering, free_port, ok, scripted

ONE = ClosedLoad(workers=1, requests=1)
TEN = ClosedLoad(workers=2, requests=10)


def scenario(load: ClosedLoad | OpenLoad = TEN, *requests: Request, **settings: object) -> HttpScenario:
    settings = {"warmup_requests": 0, **settings}
    return HttpScenario(
        name="thing.test", endpoint="thing", requests=requests or (Request(path="/thing"),), load=load, **settings
    )


def run(server: ScriptedServer, chosen: HttpScenario) -> Measurement:
    (measurement,) = run_scenario(chosen, Target(server.url))
    assert measurement.conservation_gap == 0
    return measurement


def run_against(handler: Handler, chosen: HttpScenario) -> Measurement:
    with scripted(handler) as server:
        return run(server, chosen)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
TO_THE_END = b"HTTP/1.1 200 OK\r\n\r\nhello"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" + ok()
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "keep", "connections"),
    [
        (ok(), True, 1),
        (CHUNKED, True, 1),
        (TO_THE_END, False, 3),
        (INTERIM, True, 1),
        (NO_CONTENT, True, 1),
        (ok(b"{}", "Connection: close"), False, 3),
    ],
    ids=["length", "chunked", "to the end", "interim", "no content", "closed after each"],
)
def test_every_way_to_end_an_answer(answer: bytes, keep: bool, connections: int) -> None:
    with scripted(answering(answer, keep=keep)) as server:
        measurement = run(server, scenario(ClosedLoad(workers=1, requests=3)))
        assert measurement.counts.completed == 3, measurement.errors
        assert (len(server.requests), server.connections) == (3, connections)


def test_head_has_no_body_whatever_its_length_says() -> None:
    with scripted(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")) as server:
        measurement = run(server, scenario(TEN, Request(method="HEAD", path="/thing")))
        assert measurement.counts.completed == 10, measurement.errors
        assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "cut", "after 4 bytes of the body"),
        (b"", "cut", "before the answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "malformed", "SSH-2.0"),
        (ok(b'{"title": "broken"}', status="500 Internal Server Error"), "status", "500"),
        (ok(b"", status="401 Unauthorized"), "status", "401"),
    ],
    ids=["truncated", "closed", "not http", "server error", "no token"],
)
def test_a_wrong_answer_is_a_named_failure_and_not_timed(answer: bytes, kind: str, words: str) -> None:
    measurement = run_against(answering(answer, keep=False), scenario(ONE))
    assert measurement.counts.failed == 1
    assert [error.code for error in measurement.errors] == [kind]
    assert words in measurement.errors[0].sample
    assert measurement.response.count == 0


def test_refused_connections_fail_without_being_timed() -> None:
    (measurement,) = run_scenario(
        scenario(ClosedLoad(workers=3, requests=6)), Target(f"http://127.0.0.1:{free_port()}")
    )
    assert measurement.counts.failed == 6
    assert measurement.errors[0].code == "refused"
    assert measurement.response.count == 0


def test_a_timeout_counts_with_the_time_it_had_reached() -> None:
    def hang(connection: socket.socket, request: bytes) -> bool:
        time.sleep(3)
        return False

    measurement = run_against(hang, scenario(ONE, timeout_s=0.3))
    assert measurement.counts.failed == 1
    assert measurement.errors[0].code == "timeout"
    assert measurement.response.count == 1
    assert measurement.max_s is not None
    assert measurement.max_s >= 0.3


def test_a_hanging_target_ends_and_the_rest_is_dropped() -> None:
    def hang(connection: socket.socket, request: bytes) -> bool:
        time.sleep(1)
        return False

    load = ClosedLoad(workers=1, requests=50, max_duration_s=0.2)
    measurement = run_against(hang, scenario(load, timeout_s=0.3))
    assert measurement.counts.scheduled == 50
    assert measurement.counts.dropped >= 48
    assert measurement.response.count == measurement.counts.failed


def test_warm_up_is_sent_over_the_same_connections_and_not_counted() -> None:
    with scripted(answering(ok())) as server:
        measurement = run(server, scenario(TEN, warmup_requests=6))
        assert measurement.counts.scheduled == 10
        assert len(server.requests) == 16
        assert server.connections == 2
        assert measurement.response.count == 10
        assert measurement.phases["connect"].count == 2


def test_requests_are_cycled_through_in_order() -> None:
    with scripted(answering(ok())) as server:
        cycle = tuple(Request(path=f"/{name}") for name in "abc")
        run(server, scenario(ClosedLoad(workers=1, requests=7), *cycle))
        assert [request.split(b" ")[1] for request in server.requests] == [b"/a", b"/b", b"/c"] * 2 + [b"/a"]


def test_a_duration_ends_the_load() -> None:
    def slowly(connection: socket.socket, request: bytes) -> bool:
        time.sleep(0.02)
        connection.sendall(ok())
        return True

    measurement = run_against(slowly, scenario(ClosedLoad(workers=2, duration_s=0.5)))
    assert measurement.counts.completed == measurement.counts.scheduled
    assert 0 < measurement.counts.completed <= 2 * (0.5 / 0.02 + 1)


@pytest.mark.parametrize(
    ("checks", "words"),
    [
        (Checks(json={"items.0.id": JsonCheck(equals=7)}), None),
        (Checks(json={"items.0.id": JsonCheck(equals=8)}), "items.0.id is 7, expected 8"),
        (Checks(json={"items": JsonCheck(length=2)}), "items has 1 elements, expected 2"),
        (Checks(json={"total": JsonCheck(minimum=20)}), "total is 12, expected at least 20"),
        (Checks(json={"missing": JsonCheck(type="string")}), "missing is not in the body"),
        (Checks(body_matches="it.ms"), None),
        (Checks(body_matches="nowhere"), "nothing that matches"),
        (Checks(headers={"content-type": "text/html"}), "content-type"),
        (Checks(status=(201, 202)), "answered 200, expected 201 or 202"),
    ],
)
def test_checks_make_a_request_good_or_a_failure(checks: Checks, words: str | None) -> None:
    body = b'{"items": [{"id": 7}], "total": 12}'
    measurement = run_against(answering(ok(body)), scenario(ONE, Request(path="/thing", checks=checks)))
    assert measurement.counts.completed == (1 if words is None else 0)
    assert words is None or words in measurement.errors[0].sample


def test_checks_see_a_compressed_body_as_it_was() -> None:
    body = gzip.compress(b'{"total": 12}')
    checks = Checks(json={"total": JsonCheck(equals=12)})
    measurement = run_against(
        answering(ok(body, "Content-Encoding: gzip")), scenario(ONE, Request(path="/thing", checks=checks))
    )
    assert measurement.counts.completed == 1, measurement.errors


def test_server_timing_is_summed_by_phase() -> None:
    header = 'Server-Timing: db;dur=12.5, cache;desc="hit, warm", total;dur=20, broken;dur=x'
    measurement = run_against(answering(ok(b"{}", header)), scenario(TEN))
    assert measurement.phases["server:db"].count == 10
    assert measurement.phases["server:db"].total_s == pytest.approx(0.125)
    assert measurement.phases["server:total"].max_s == pytest.approx(0.020)
    assert {"connect", "waiting", "first_byte", "body", "server:db", "server:total"} == set(measurement.phases)


class Document:
    """A target that keeps what is put, or forgets it."""

    def __init__(self, *, keeps: bool) -> None:
        self.stored = b'{"n": 0}'
        self.keeps = keeps

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        head, _, body = request.partition(b"\r\n\r\n")
        if head.startswith(b"PUT") and self.keeps:
            self.stored = body
        connection.sendall(ok(self.stored))
        return True


@pytest.mark.parametrize(("keeps", "completed"), [(True, 6), (False, 0)])
def test_each_update_is_read_back_and_compared(keeps: bool, completed: int) -> None:
    with scripted(Document(keeps=keeps)) as server:
        updates = tuple(Request(method="PUT", path="/doc", json={"n": n}) for n in (1, 2, 3))
        measurement = run(
            server, scenario(ClosedLoad(workers=1, requests=6), *updates, read_back=ReadBack(path="/doc"))
        )
        assert measurement.counts.completed == completed
        assert [request.split(b" ")[0] for request in server.requests] == [b"PUT", b"GET"] * 6
        if not keeps:
            assert "read back something else" in measurement.errors[0].sample


def test_an_open_profile_sends_what_is_due_whatever_the_answers_do() -> None:
    """The target stalls once for 0.4 s: response times hold the waiting, service times of later requests don't."""
    lock = threading.Lock()
    stalled = threading.Event()

    def stall_once(connection: socket.socket, request: bytes) -> bool:
        with lock:
            if not stalled.is_set():
                stalled.set()
                time.sleep(0.4)
        connection.sendall(ok())
        return True

    load = OpenLoad(rate=100, duration_s=1.0, max_connections=1)
    measurement = run_against(stall_once, scenario(load))
    assert measurement.counts.scheduled == measurement.counts.completed == 100
    waited = sum(count for upper_s, count in measurement.response.steps() if upper_s > 0.1)
    believed = sum(count for upper_s, count in measurement.service.steps() if upper_s > 0.1)
    assert waited >= 25
    assert believed <= 3
    assert measurement.health.waited_for_connection >= 25


def test_what_finds_no_connection_within_its_patience_is_dropped() -> None:
    def hang(connection: socket.socket, request: bytes) -> bool:
        time.sleep(0.8)
        connection.sendall(ok())
        return True

    load = OpenLoad(rate=20, duration_s=0.5, max_connections=1, queue_timeout_s=0.2)
    measurement = run_against(hang, scenario(load))
    assert measurement.counts.scheduled == 10
    assert measurement.counts.dropped >= 7
    assert measurement.response.count == 10


def test_bytes_on_the_wire_are_those_that_requests_sends() -> None:
    with scripted(answering(ok())) as server:
        described = Request(
            method="POST",
            path="/a b/ü",
            query={"q": "x y&z", "many": [1, 2]},
            headers={"X-Trace": "on"},
            json={"name": "Zoë", "n": 1},
        )
        (measurement,) = run_scenario(scenario(ONE, described), Target(server.url + "/base", token="secret"))
        assert measurement.counts.completed == 1
        session = requests.Session()
        session.trust_env = False
        session.request(
            "POST",
            server.url + "/base/a b/ü",
            params={"q": "x y&z", "many": [1, 2]},
            headers={"Authorization": "Bearer secret", "X-Trace": "on"},
            json={"name": "Zoë", "n": 1},
        )
        ours, theirs = server.requests
        traced = re.compile(rb"traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-00\r\n")
        assert traced.sub(b"", ours, count=1) == theirs != ours


def test_due_times_are_the_profiles_to_the_microsecond() -> None:
    """Were due the moment of dispatch, a generator that is late would hide its own lateness."""
    load = OpenLoad(rate=100, duration_s=0.3)
    due: list[float] = []

    async def drive(target: Target) -> None:
        runner = OpenRunner(scenario(load), load, target, on_answer=lambda exchange, problem: due.append(exchange.due))
        await runner.prepare()
        await runner.run()
        await runner.close()

    with scripted(answering(ok())) as server:
        asyncio.run(drive(Target(server.url)))
    assert len(due) == 30
    gaps = [later - earlier for earlier, later in itertools.pairwise(sorted(due))]
    assert gaps == pytest.approx([0.01] * 29, abs=1e-6)
