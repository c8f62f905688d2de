"""What is asked of a target before any load, what a warm-up and a read-back send, and targets that are down or refuse.

Whole runs of the command line against small servers, each of which behaves as some service does that was refused, or
hung a run, for no need.
"""

import base64
import contextlib
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from websockets import NegotiationError
from websockets.sync.server import serve

from loadtasks.measurement.health import Calibration
from loadtasks.report import sentences
from loadtasks.results.document import ResultsDocument, ScenarioResult, read_document
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.judgement import Verdict
from loadtasks.workspace import Workspace
from tests.servers import answering, dripping, free_port, ok, scripted
from tests.thing import call
from tests.workspaces import own_workspace

SUITE = {
    "name": "every_measurement",
    "expectations": [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "success_rate", "min_value": 0.95}}
    ],
}
KEY = b"\r\nX-API-Key: k123\r\n"
BASIC = b"\r\nAuthorization: Basic " + base64.b64encode(b"ada:s3cret") + b"\r\n"
BEARER = b"\r\nAuthorization: Bearer t0ken\r\n"
REFUSED = ok(b'{"detail": "no"}', status="401 Unauthorized")
FORBIDDEN = ok(b'{"detail": "no"}', status="403 Forbidden")

Route = Callable[[socket.socket, bytes], bool]


class Service:
    """A service of some routes, by path without its query; everything else is there and empty."""

    def __init__(self, **routes: Route) -> None:
        self._routes = {f"/{name}": route for name, route in routes.items()}
        self._counting = threading.Lock()  # each connection has a thread of its own
        self.asked = Counter[str]()
        """Requests by method and path."""

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        method, target = request.decode("latin-1").split(" ", 2)[:2]
        with self._counting:
            self.asked[f"{method} {target}"] += 1
        route = self._routes.get(target.partition("?")[0], answering(ok()))
        return route(connection, request)


def admitting(*needed: bytes, otherwise: bytes = REFUSED) -> Route:
    """A route that admits requests with each of these."""

    def respond(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(ok() if all(part in request for part in needed) else otherwise)
        return True

    return respond


def after(seconds: float) -> Route:
    def respond(connection: socket.socket, request: bytes) -> bool:
        time.sleep(seconds)
        connection.sendall(ok())
        return True

    return respond


DRIPPING = dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"8\r\ndata: 1\n\r\n")
DRIPPING_HEAD = dripping(b"HTTP/1.1 200 OK\r\nX-Endless: ", b"x")


def silent(connection: socket.socket, request: bytes) -> bool:
    """A route that never responds."""
    connection.recv(1)
    return False


def hanging_up(connection: socket.socket, request: bytes) -> bool:
    """A route that closes the connection instead of a response."""
    return False


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    made = own_workspace(tmp_path, monkeypatch, "", "{}")
    (made.scenarios / "thing.yaml").unlink()
    (made.expectations / "thing.json").rename(made.expectations / "every_measurement.json").write_text(
        json.dumps(SUITE)
    )
    return made


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    able = Calibration(ceiling_per_s=50_000, jitter_p99_s=0.001)
    monkeypatch.setattr("loadtasks.steps.exercise.calibrate", lambda: able)
    monkeypatch.setattr("loadtasks.engine.preflight.PREFLIGHT_DEADLINE_S", 0.5)
    monkeypatch.setattr("loadtasks.engine.http.probe.PROBE_DEADLINE_S", 0.5)


def write(workspace: Workspace, endpoint: str, content: str, **files: str) -> None:
    """Write a scenario file of one endpoint, and its data files by name."""
    (workspace.scenarios / f"{endpoint}.yaml").write_text(f"endpoint: {endpoint}\n{content}")
    for name, text in files.items():
        (workspace.scenarios / f"{name}.csv").write_text(text)


def closed(request: str, requests: int = 3, **settings: object) -> str:
    """A scenario `closed` of one worker."""
    keys = "".join(f", {name}: {value}" for name, value in settings.items())
    load = f"{{workers: 1, requests: {requests}}}"
    return f"scenarios:\n  closed: {{load: {load}, warmup_requests: 0, request: {request}{keys}}}\n"


class Outcome:
    """A run of the command line, and what it left."""

    def __init__(self, workspace: Workspace, url: str, *options: str) -> None:
        result = call("run", "--target", url, *options)
        self.code, self.output, self.workspace = result.exit_code, result.output, workspace

    @property
    def document(self) -> ResultsDocument:
        return read_document(self.workspace.reports / "latest" / "results.json")

    @property
    def scenarios(self) -> dict[str, ScenarioResult]:
        return {result.endpoint: result for result in self.document.scenarios}

    @property
    def verdicts(self) -> dict[str, Verdict]:
        return {endpoint: result.verdict for endpoint, result in self.scenarios.items()}

    @property
    def mail(self) -> str:
        (written,) = self.workspace.outbox.glob("*.eml")
        return " ".join(written.read_text().replace("=\n", "").split())

    def check_reported(self) -> None:
        assert (self.workspace.reports / "latest" / "index.html").is_file()
        assert "Report: " in self.output
        assert "Alert: " in self.output
        assert "Traceback" not in self.output


# The service admits to what the scenario sends.

ADMITTED = {
    "key": ("{path: /key, headers: {X-API-Key: k123}}", admitting(KEY)),
    "query": ("{path: /query, query: {api_key: k123, page: 2}}", admitting(b"GET /query?api_key=k123&page=2 ")),
    "own": ("{path: /own, headers: {Authorization: 'Basic YWRhOnMzY3JldA=='}}", admitting(BASIC)),
    "token": ("{path: /token}", admitting(BEARER)),
    "forbidden": ("{path: /forbidden, checks: {status: 403}}", answering(FORBIDDEN)),
    "either": ("{path: /either, checks: {status: [200, 401]}}", answering(REFUSED)),
    "head": ("{method: HEAD, path: /head, headers: {X-API-Key: k123}}", admitting(b"HEAD /head ", KEY)),
    "options": ("{method: OPTIONS, path: /options, headers: {X-API-Key: k123}}", admitting(b"OPTIONS /options ", KEY)),
    "failing": ("{path: /failing, checks: {status: 503}}", answering(ok(status="503 Service Unavailable"))),
}


def test_what_a_scenario_sends_decides_whether_it_is_admitted(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for endpoint, (request, _) in ADMITTED.items():
        write(workspace, endpoint, closed(request))
    of_rows = closed("{path: '/fed/{{id}}', headers: {X-API-Key: '{{key}}'}}", feeder="{file: fed.csv}")
    write(workspace, "fed", of_rows, fed="id,key\n7,k123\n8,k123\n9,k123\n")
    monkeypatch.setenv("LOADTASKS_TOKEN", "t0ken")
    service = Service(**{endpoint: route for endpoint, (_, route) in ADMITTED.items()})
    with scripted(service) as server:
        outcome = Outcome(workspace, server.url)
    assert outcome.code == 0, outcome.output
    assert set(outcome.verdicts.values()) == {Verdict.PASS}
    assert service.asked["GET /key"] == 1 + 3
    assert [service.asked[f"GET /fed/{row}"] for row in (7, 8, 9)] == [1 + 1, 1, 1]


def test_user_and_password_of_the_address_are_sent_as_basic(workspace: Workspace) -> None:
    write(workspace, "items", closed("{path: /items}"))
    with scripted(Service(items=admitting(BASIC))) as server:
        good = Outcome(workspace, server.url.replace("http://", "http://ada:s3cret@"))
        bad = Outcome(workspace, server.url.replace("http://", "http://ada:wrong@"))
    assert (good.code, bad.code) == (0, 2), bad.output
    assert "user and password were sent, but are not accepted" in bad.output
    assert "wrong" not in bad.output


def test_where_requests_matter_none_is_sent_in_preflight(workspace: Workspace) -> None:
    write(workspace, "counted", closed("{path: /counted}", scales="false"))
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        write(workspace, method.lower(), closed(f"{{path: /{method.lower()}, method: {method}}}"))
    service = Service()
    with scripted(service) as server:
        outcome = Outcome(workspace, server.url)
    assert outcome.code == 0, outcome.output
    own = ("GET /counted", "POST /post", "PUT /put", "PATCH /patch", "DELETE /delete")
    assert {asked: service.asked[asked] for asked in own} == dict.fromkeys(own, 3)


def test_a_scenario_without_a_safe_request_is_judged_by_its_own_load(workspace: Workspace) -> None:
    write(workspace, "posted", closed("{path: /posted, method: POST}"))
    with scripted(Service(posted=answering(REFUSED))) as server:
        outcome = Outcome(workspace, server.url)
    assert outcome.code == 1, outcome.output
    assert outcome.verdicts == {"posted": Verdict.FAIL}


# The service refuses.

WITHOUT_TOKEN = {
    "nothing": ("401", "", "no token, password or API key was sent; set LOADTASKS_TOKEN"),
    "forbidden": ("403", "", "no token, password or API key was sent"),
    "key": ("401", ", headers: {X-API-Key: k}", "header X-API-Key was sent, but is not accepted"),
    "query": ("401", ", query: {api_key: k}", "query parameter api_key was sent, but is not accepted"),
}
WITH_TOKEN = {
    "token": ("401", "", "the token was sent, but is not accepted"),
    "rights": ("403", "", "the token was sent, but gives no access"),
    "own": ("401", ", headers: {Authorization: Basic dTpw}", "own Authorization header (Basic) was sent"),
    "both": ("401", ", headers: {X-API-Key: k}", "the token and header X-API-Key were sent, but are not"),
}


@pytest.mark.parametrize(("token", "refused"), [(None, WITHOUT_TOKEN), ("t0ken", WITH_TOKEN)])
def test_a_scenario_that_is_refused_is_invalid_and_the_others_are_measured(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, token: str | None, refused: dict[str, tuple[str, str, str]]
) -> None:
    for endpoint, (_, sent, _) in refused.items():
        write(workspace, endpoint, closed(f"{{path: /{endpoint}, method: HEAD{sent}}}"))
    write(workspace, "items", closed("{path: /items}"))
    write(workspace, "stock", closed("{path: /stock, method: POST}"))
    if token is not None:
        monkeypatch.setenv("LOADTASKS_TOKEN", token)
    service = Service(**{name: answering(ok(b"", status=f"{status} No")) for name, (status, *_) in refused.items()})
    with scripted(service) as server:
        outcome = Outcome(workspace, server.url)
    assert outcome.code == 3, outcome.output
    passed = dict.fromkeys(("items", "stock"), Verdict.PASS)
    assert outcome.verdicts == dict.fromkeys(refused, Verdict.INVALID) | passed
    for endpoint, (status, _, words) in refused.items():
        (finding,) = outcome.scenarios[endpoint].findings
        assert finding.code is FindingCode.ACCESS_REFUSED
        sentence = sentences.sentence(finding)
        assert sentence.startswith(f"HEAD /{endpoint} responded {status}")
        assert words in sentence
        assert sentence in outcome.output
    assert sum(number for asked, number in service.asked.items() if asked.startswith("HEAD ")) == len(refused)
    assert "responded 40" in outcome.mail
    outcome.check_reported()


def test_where_all_are_refused_the_run_is_reported_and_mailed_and_is_exit_2(workspace: Workspace) -> None:
    for endpoint in ("items", "stock"):
        write(workspace, endpoint, closed(f"{{path: /{endpoint}}}"))
    service = Service(items=answering(REFUSED), stock=answering(FORBIDDEN))
    with scripted(service) as server:
        outcome = Outcome(workspace, server.url)
    assert outcome.code == 2, outcome.output
    assert set(outcome.verdicts.values()) == {Verdict.INVALID}
    assert "LOADTASKS_TOKEN" in outcome.output
    assert "GET /items responded 401" in outcome.mail
    assert (service.asked["GET /items"], service.asked["GET /stock"]) == (1, 1)
    outcome.check_reported()
    assert call("report").exit_code == 2
    assert call("report", str(workspace.reports / "latest" / "results.json")).exit_code == 2


def test_a_mixed_scenario_is_invalid_where_one_part_is_refused(workspace: Workspace) -> None:
    for endpoint in ("items", "stock"):
        write(workspace, endpoint, closed(f"{{path: /{endpoint}}}"))
    parts = "{stock: {scenario: stock.closed}, items: {scenario: items.closed}}"
    write(workspace, "mixed", f"scenarios:\n  both: {{parts: {parts}}}\n")
    with scripted(Service(items=answering(REFUSED))) as server:
        outcome = Outcome(workspace, server.url)
    assert outcome.code == 3, outcome.output
    assert outcome.verdicts == {"items": Verdict.INVALID, "stock": Verdict.PASS, "mixed": Verdict.INVALID}
    (finding,) = outcome.scenarios["mixed"].findings
    assert "GET /items responded 401" in sentences.sentence(finding)


# Anything else is the scenario's own.


def test_endpoints_that_are_slow_drip_or_break_keep_no_other_from_being_measured(workspace: Workspace) -> None:
    write(workspace, "drips", closed("{path: /drips}", 2, timeout_s=0.3))
    write(workspace, "drips_head", closed("{path: /drips_head}", 2, timeout_s=0.3))
    write(workspace, "yearly", closed("{path: /yearly}", 1, timeout_s=30))
    write(workspace, "cut", closed("{path: /cut}"))
    write(workspace, "broken", closed("{path: /broken}"))
    write(workspace, "items", closed("{path: /items}"))
    service = Service(
        drips=DRIPPING,
        drips_head=DRIPPING_HEAD,
        yearly=after(0.8),
        cut=hanging_up,
        broken=answering(ok(status="500 Internal Server Error")),
    )
    with scripted(service) as server:
        outcome = Outcome(workspace, server.url)
    assert outcome.code == 1, outcome.output
    fails = dict.fromkeys(("drips", "drips_head", "cut", "broken"), Verdict.FAIL)
    assert outcome.verdicts == fails | {"yearly": Verdict.PASS, "items": Verdict.PASS}
    (measured,) = outcome.scenarios["drips"].measurements
    assert [error.code for error in measured.errors] == ["timeout"]


BROKEN = answering(ok(status="500 Internal Server Error"))
HEALTH = {"drips": DRIPPING, "drips its head": DRIPPING_HEAD, "hangs up": hanging_up, "breaks": BROKEN}


@pytest.mark.parametrize("health", HEALTH.values(), ids=HEALTH.keys())
def test_a_usual_health_page_that_says_nothing_voids_no_run(workspace: Workspace, health: Route) -> None:
    write(workspace, "items", closed("{path: /items}"))
    with scripted(Service(healthz=health, version=DRIPPING, metrics=DRIPPING)) as server:
        outcome = Outcome(workspace, server.url)
    assert outcome.code == 0, outcome.output


@pytest.mark.parametrize("health", [silent, BROKEN])
def test_a_health_page_that_was_named_has_to_say_that_all_is_well(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, health: Route
) -> None:
    monkeypatch.setenv("LOADTASKS_HEALTH_PATH", "/up")
    write(workspace, "items", closed("{path: /items}"))
    with scripted(Service(up=health)) as server:
        outcome = Outcome(workspace, server.url)
    assert outcome.code == 3, outcome.output
    assert "GET /up" in outcome.output
    outcome.check_reported()


def test_a_target_that_takes_connections_and_says_nothing_at_all_is_down(workspace: Workspace) -> None:
    write(workspace, "items", closed("{path: /items}"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        outcome = Outcome(workspace, f"http://127.0.0.1:{listener.getsockname()[1]}")
    assert outcome.code == 3, outcome.output
    assert "GET /healthz got no response within" in outcome.output
    outcome.check_reported()


def test_a_target_that_is_down_is_reported_and_mailed(workspace: Workspace) -> None:
    for endpoint in ("items", "stock"):
        write(workspace, endpoint, closed(f"{{path: /{endpoint}}}"))
    url = f"http://127.0.0.1:{free_port()}"
    outcome = Outcome(workspace, url)
    assert outcome.code == 3, outcome.output
    assert outcome.verdicts == {"items": Verdict.INVALID, "stock": Verdict.INVALID}
    assert f"no scenario could be measured: target {url}: can't be reached (connection refused)" in outcome.output
    assert "can't be reached" in outcome.mail
    outcome.check_reported()
    assert call("report").exit_code == 3


def test_a_reference_that_refuses_leaves_the_scenario_to_its_targets(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADTASKS_ROUNDS", "10")
    write(workspace, "items", closed("{path: /items, headers: {X-API-Key: k123}}"))
    approved = Service(items=answering(REFUSED))
    with scripted(Service(items=admitting(KEY))) as server, scripted(approved) as reference:
        outcome = Outcome(workspace, server.url, "--reference", reference.url)
    assert outcome.code == 0, outcome.output
    finding = next(
        finding for finding in outcome.scenarios["items"].findings if finding.code is FindingCode.REFERENCE_MISSING
    )
    assert "GET /items responded 401" in sentences.sentence(finding)
    assert "LOADTASKS_REFERENCE_TOKEN" in sentences.sentence(finding)
    assert approved.asked["GET /items"] == 1


# Rows are used once, and what was written is read back by whoever wrote it.


class Things:
    """A service whose things are there until they are deleted, for those who have the key."""

    def __init__(self, number: int) -> None:
        self.kept = {f"/things/{n}": b"{}" for n in range(number)}
        self.deleted = Counter[str]()
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        head, _, body = request.partition(b"\r\n\r\n")
        method, path = head.decode().split(" ", 2)[:2]
        with self._lock:
            known = path in self.kept
            response = ok(self.kept.get(path, b"{}")) if known else ok(status="404 Not Found")
            if path.startswith("/things") and KEY not in request:
                response = REFUSED
            elif method == "DELETE":
                self.deleted[path] += 1
                self.kept.pop(path, None)
                response = ok(status="200 OK") if known else ok(status="404 Not Found")
            elif method == "PUT":
                self.kept[path] = body
        connection.sendall(response)
        return True


@pytest.mark.parametrize(
    ("processes", "load"),
    [
        ("1", "{workers: 3, requests: 30}"),
        ("2", "{workers: 3, requests: 30}"),
        ("2", "{rate: 100, duration_s: 0.3}"),
    ],
)
def test_each_row_is_deleted_once(workspace: Workspace, processes: str, load: str) -> None:
    request = "{method: DELETE, path: '/things/{{id}}', headers: {X-API-Key: '{{key}}'}}"
    write(
        workspace,
        "gone",
        f"scenarios:\n  fed: {{load: {load}, request: {request}, feeder: {{file: ids.csv}}}}\n",
        ids="id,key\n" + "".join(f"{n},k123\n" for n in range(30)),
    )
    things = Things(30)
    with scripted(things) as server:
        outcome = Outcome(workspace, server.url, "--processes", processes)
    assert outcome.code == 0, outcome.output
    assert things.deleted == Counter({f"/things/{n}": 1 for n in range(30)})


def test_what_was_written_is_read_back_with_the_same_key(workspace: Workspace) -> None:
    request = "{method: PUT, path: '/things/{{id}}', headers: {X-API-Key: '{{key}}'}, json: {n: '{{id}}'}}"
    content = closed(request, 10, feeder="{file: ids.csv}", read_back="{path: '/things/{{id}}'}")
    write(workspace, "put", content, ids="id,key\n" + "".join(f"{n},k123\n" for n in range(10)))
    with scripted(Things(10)) as server:
        outcome = Outcome(workspace, server.url)
    assert outcome.code == 0, outcome.output
    assert outcome.scenarios["put"].measurements[0].counts.completed == 10


@contextlib.contextmanager
def strict_websockets() -> Iterator[str]:
    """WebSockets that need a subprotocol."""

    def choose(connection: object, offered: object) -> str:
        raise NegotiationError("subprotocol chat.v1 needed")

    with serve(lambda client: None, "127.0.0.1", 0, select_subprotocol=choose) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_refused_upgrade_is_reported_in_the_targets_own_words(workspace: Workspace) -> None:
    write(workspace, "chat", "websocket: /chat\nscenarios:\n  opened: {load: {connections: 3}}\n")
    with strict_websockets() as url:
        outcome = Outcome(workspace, url)
    assert outcome.code == 1, outcome.output
    (measured,) = outcome.scenarios["chat"].measurements
    assert "subprotocol chat.v1 needed" in measured.errors[0].sample
    assert json.dumps("subprotocol chat.v1 needed")[1:-1] in (workspace.reports / "latest" / "index.html").read_text()
