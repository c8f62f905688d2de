"""The load generator is as good a client as those that the target has: whole runs by the command line."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from weakref import WeakSet

import pytest
import uvloop

from loadtasks.engine.generator import driver
from loadtasks.measurement.errors import ErrorCode
from loadtasks.results.document import ScenarioResult, read_document
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import Verdict
from loadtasks.workspace import Workspace
from tests.servers import Handler, answering, ok, scripted
from tests.thing import call
from tests.workspaces import own_workspace

SUITE = {
    "name": "thing",
    "expectations": [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": name, "min_value": least}}
        for name, least in (("success_rate", 0.99), ("scheduled", 1))
    ],
}
Run = Callable[..., dict[str, ScenarioResult]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs scenarios against a target, and reads what the run left."""

    def run(scenarios: str, url: str, exit_code: int = 0) -> dict[str, ScenarioResult]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        workspace: Workspace = own_workspace(folder, monkeypatch, scenarios, json.dumps(SUITE))
        result = call("run", "--target", url)
        assert result.exit_code == exit_code, result.output
        document = read_document(workspace.reports / "latest" / "results.json")
        return {scenario.scenario: scenario for scenario in document.scenarios}

    return run


def finding(result: ScenarioResult, code: FindingCode) -> Finding:
    (found,) = [found for found in result.findings if found.code is code]
    return found


def check_all_succeeded(result: ScenarioResult) -> None:
    (measurement,) = result.measurements
    assert measurement.errors == []
    assert measurement.counts.completed == measurement.counts.scheduled > 0
    assert result.verdict is Verdict.PASS
    assert {found.code for found in result.findings} <= {
        FindingCode.STALE_CONNECTIONS,
        FindingCode.INSUFFICIENT_SAMPLE,
        FindingCode.BASELINE_TOO_SHORT,
        FindingCode.TARGETS_MET,
    }


def one_response_a_connection() -> Handler:
    """Closes a connection when the second request arrives over it, and not before."""
    served: WeakSet[socket.socket] = WeakSet()

    def handle(connection: socket.socket, request: bytes) -> bool:
        if connection in served:
            return False
        served.add(connection)
        connection.sendall(ok())
        return True

    return handle


def test_a_server_that_closes_after_each_response_without_saying_so(run: Run) -> None:
    scenarios = """
    endpoint: thing
    request: {path: /thing}
    scenarios:
      closed: {load: {workers: 2, requests: 60}}
      open: {load: {rate: 100, duration_s: 0.5}}
      written: {load: {workers: 1, requests: 10}, request: {method: PUT, path: /thing, json: {n: 1}}}
    """
    with scripted(answering(ok(), keep=False)) as server:
        results = run(scenarios, server.url)
    for result in results.values():
        check_all_succeeded(result)
    assert results["thing.closed"].measurements[0].stale_connections <= 60


def test_stale_connections_are_counted_and_mentioned_and_no_failure(run: Run) -> None:
    scenarios = """
    endpoint: thing
    request: {path: /thing}
    scenarios:
      closed: {load: {workers: 1, requests: 10}, warmup_requests: 0}
    """
    with scripted(one_response_a_connection()) as server:
        result = run(scenarios, server.url)["thing.closed"]
        assert sum(request.startswith(b"GET /thing") for request in server.requests) >= 19
    check_all_succeeded(result)
    (measurement,) = result.measurements
    assert (measurement.stale_connections, measurement.metrics["stale_connections"]) == (9, 9)
    assert measurement.statuses == {"200": 10}
    found = finding(result, FindingCode.STALE_CONNECTIONS)
    assert (found.severity, found.observed) == (Severity.WARNING, 9)


def test_a_think_time_that_is_the_servers_keep_alive_timeout(run: Run) -> None:
    def idle_timeout(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(ok())
        connection.settimeout(0.05)
        return True

    scenarios = """
    endpoint: thing
    request: {path: /thing}
    scenarios:
      thinking: {load: {workers: 20, duration_s: 1, think_time_s: 0.05}}
      slow_open: {load: {rate: 15, duration_s: 1}}
    """
    with scripted(idle_timeout) as server:
        results = run(scenarios, server.url)
    for result in results.values():
        check_all_succeeded(result)


def test_a_request_that_may_not_be_sent_twice_fails_for_a_reason_of_its_own(run: Run) -> None:
    scenarios = """
    endpoint: thing
    request: {method: POST, path: /thing, json: {n: 1}}
    scenarios:
      closed: {load: {workers: 1, requests: 10}, warmup_requests: 0}
    """
    with scripted(one_response_a_connection()) as server:
        result = run(scenarios, server.url, exit_code=1)["thing.closed"]
        assert sum(request.startswith(b"POST") for request in server.requests) == 10
    (measurement,) = result.measurements
    assert [(error.code, error.count) for error in measurement.errors] == [(ErrorCode.STALE, 5)]
    assert (measurement.counts.completed, measurement.stale_connections) == (5, 0)
    causes = {found.code for found in result.findings if found.likelihood is not None}
    assert causes == {FindingCode.IDLE_CONNECTION_CLOSED}


def test_a_worker_that_dies_under_each_request_is_still_a_failure(run: Run) -> None:
    def die(connection: socket.socket, request: bytes) -> bool:
        if request.startswith(b"GET /thing"):
            served.append(request)
            if len(served) > 5:
                return False
        connection.sendall(ok(b"{}", "Connection: close"))
        return False

    served: list[bytes] = []
    scenarios = """
    endpoint: thing
    request: {path: /thing}
    scenarios:
      closed: {load: {workers: 2, requests: 20}, warmup_requests: 0}
    """
    with scripted(die) as server:
        result = run(scenarios, server.url, exit_code=1)["thing.closed"]
    (measurement,) = result.measurements
    assert [error.code for error in measurement.errors] == [ErrorCode.CUT]
    assert measurement.counts.failed >= 15
    assert measurement.stale_connections == 0
    assert finding(result, FindingCode.CONNECTION_CUT)


@contextlib.contextmanager
def silent(host: str) -> Iterator[int]:
    """A port of a loopback address that neither accepts nor refuses connections: its backlog is full."""
    with contextlib.ExitStack() as open_sockets:
        hole = open_sockets.enter_context(socket.create_server((host, 0), backlog=0))
        port = int(hole.getsockname()[1])
        for _ in range(4):
            filler = open_sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((host, port))
        yield port


def resolve_to(addresses: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `api.test` have these addresses, for the load generator and for what looks at the target before."""

    class Loop(uvloop.Loop):
        async def getaddrinfo(self, host: str, port: int, **settings: int) -> list[tuple[object, ...]]:
            return await asyncio.to_thread(lookup, host, port, **settings)

    known = socket.getaddrinfo

    def lookup(host: str, port: int, *arguments: int, **settings: int) -> list[tuple[object, ...]]:
        names = addresses if host == "api.test" else [host]
        return [found for name in names for found in known(name, port, *arguments, **settings)]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr(driver.uvloop, "new_event_loop", Loop)


def test_the_first_of_a_names_addresses_is_dead(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(["127.0.0.1", "127.0.0.2"], monkeypatch)
    monkeypatch.setattr("loadtasks.engine.http.probe.PROBE_DEADLINE_S", 1.0)
    scenarios = """
    endpoint: thing
    request: {path: /thing}
    scenarios:
      closed: {load: {workers: 2, requests: 20}, warmup_requests: 0, connect_timeout_s: 1}
    """
    with silent("127.0.0.1") as port, scripted(answering(ok()), host="127.0.0.2", port=port):
        result = run(scenarios, f"http://api.test:{port}")["thing.closed"]
    (measurement,) = result.measurements
    assert (measurement.counts.completed, measurement.errors) == (20, [])
    assert result.verdict is Verdict.PASS
    found = finding(result, FindingCode.ADDRESS_UNREACHABLE)
    assert (found.severity, found.parameters.address) == (Severity.WARNING, "127.0.0.1")
    assert found.parameters.error is ErrorCode.CONNECT_TIMEOUT
    assert measurement.phases["name_resolution"].count == 1


def test_what_is_sent_names_the_client_and_only_codings_that_it_can_always_decode(run: Run) -> None:
    scenarios = """
    endpoint: thing
    request: {path: /thing}
    scenarios:
      plain: {load: {workers: 1, requests: 1}}
      own: {load: {workers: 1, requests: 1}, request: {path: /own, headers: {User-Agent: mine, Accept-Encoding: br}}}
    """
    with scripted(answering(ok())) as server:
        run(scenarios, server.url)
        sent = [request.decode() for request in server.requests]
    own = [request for request in sent if request.startswith("GET /own") and "traceparent" in request]
    assert own
    assert all("\r\nUser-Agent: mine\r\nAccept-Encoding: br\r\n" in request for request in own)
    others = [request for request in sent if not request.startswith("GET /own")]
    assert any("traceparent" in request for request in others)
    assert all("\r\nUser-Agent: loadtasks\r\nAccept-Encoding: gzip, deflate\r\n" in request for request in others)


def test_a_folded_header_is_read(run: Run) -> None:
    folded = b"HTTP/1.1 200 OK\r\nX-Note: one\r\n  two,\r\n\tthree\r\nContent-Length: 2\r\n\r\n{}"

    def in_pieces(connection: socket.socket, request: bytes) -> bool:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(folded), 7):
            connection.sendall(folded[at : at + 7])
        return True

    scenarios = """
    endpoint: thing
    request: {path: /thing, checks: {headers: {X-Note: "one two, three"}}}
    scenarios:
      closed: {load: {workers: 2, requests: 30}}
    """
    with scripted(in_pieces) as server:
        check_all_succeeded(run(scenarios, server.url)["thing.closed"])
