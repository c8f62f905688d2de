"""What people write into scenario files and addresses: sent as it is written, or refused before anything is sent."""

import base64
import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from loadtasks.workspace import Workspace
from tests.servers import ScriptedServer, ok, scripted
from tests.thing import call, check_refused
from tests.workspaces import own_workspace

PASSWORD = "s3cret-Pw@/é"
ENCODED = "s3cret-Pw%40%2F%C3%A9"
BASIC = base64.b64encode(f"loadbot:{PASSWORD}".encode())
SUITE = {
    "expectations": [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "success_rate", "min_value": 1.0}}
    ]
}
BODY = b'{"one": 1.0, "truth": true, "text": "1", "list": [0, {"a": false}], "big": 9007199254740993, "huge": 1e400}'


class Api:
    """Answers everything; what is below `/private` only with the password, and `/nan` with what is no JSON."""

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        target = request.split(b" ")[1]
        if target.startswith(b"/private") and b"\r\nAuthorization: Basic " + BASIC + b"\r\n" not in request:
            connection.sendall(ok(b"{}", status="401 Unauthorized"))
        elif target.startswith(b"/nan"):
            connection.sendall(ok(b'{"one": NaN}'))
        else:
            connection.sendall(ok(BODY))
        return True


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted(Api()) as running:
        yield running


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> Workspace:
    server.requests.clear()
    return own_workspace(tmp_path, monkeypatch, "", json.dumps(SUITE))


def scenarios(workspace: Workspace, *, load: str = "{workers: 1, requests: 1}", **requests: str) -> None:
    """One scenario of the endpoint `thing` for each request."""
    lines = ["endpoint: thing", "scenarios:"]
    for name, request in requests.items():
        lines += [f"  {name}:", f"    load: {load}", "    warmup_requests: 0", f"    request: {request}"]
    (workspace.scenarios / "thing.yaml").write_text("\n".join(lines), encoding="utf-8")


def asked_for(server: ScriptedServer) -> set[str]:
    """The request lines of preflight and load."""
    return {request.split(b" HTTP/1.1")[0].decode() for request in server.requests if b"\r\ntraceparent:" in request}


AMBIGUOUS = ["01234", "12:30:00", "0x1F", "1_000", "0o17", "2026-01-31", "yes", "off", "+49", "-0", ".inf", "1e400"]


@pytest.mark.parametrize("value", [*AMBIGUOUS, "'${API_KEY}'", "!!int '7'"])
@pytest.mark.parametrize("place", ["{{path: /v1, query: {{zip: {}}}}}", "{{method: POST, path: /v1, json: [{}]}}"])
def test_a_value_that_would_be_sent_as_another_is_refused(
    workspace: Workspace, server: ScriptedServer, value: str, place: str
) -> None:
    scenarios(workspace, numbers=place.format(value))
    hint = "put it in quotes" if value in AMBIGUOUS else "LOADTASKS_TOKEN" if "$" in value else "leave it out"
    check_refused(call("run", "--target", server.url), 2, "thing.yaml: line 6: scenarios.numbers.request.", hint)
    assert server.requests == []


@pytest.mark.parametrize("value", ["1.10", "1e3", "true"])
def test_a_number_whose_text_would_change_is_refused_in_a_query(
    workspace: Workspace, server: ScriptedServer, value: str
) -> None:
    scenarios(workspace, numbers=f"{{path: /v1, query: {{version: {value}}}}}")
    check_refused(call("run", "--target", server.url), 2, "request.query: `version` is ", "put it in quotes")
    assert server.requests == []


def test_values_are_sent_as_they_are_written(workspace: Workspace, server: ScriptedServer) -> None:
    scenarios(
        workspace,
        query='{path: /v1, query: {zip: "01234", at: \'12:30:00\', v: "1.10", ok: "yes", n: 7, f: 1.5, t: ~x, y: y}}',
        body='{method: POST, path: /v1, json: {zip: "01234", at: "12:30", price: 1.10, n: 7, "on": [true, null, 1e3]}}',
        path='{path: "/a b/ü/%2F//c?q=ö&filter[x]=1", query: {more: "&#"}}',
    )
    result = call("run", "--target", f"{server.url}/base/")
    assert result.exit_code == 0, result.output
    assert asked_for(server) == {
        "GET /base/v1?zip=01234&at=12%3A30%3A00&v=1.10&ok=yes&n=7&f=1.5&t=~x&y=y",
        "POST /base/v1",
        "GET /base/a%20b/%C3%BC/%2F//c?q=%C3%B6&filter%5Bx%5D=1&more=%26%23",
    }
    (body,) = (request.partition(b"\r\n\r\n")[2] for request in server.requests if request.startswith(b"POST"))
    assert json.loads(body) == {"zip": "01234", "at": "12:30", "price": 1.1, "n": 7, "on": [True, None, 1000]}


DOUBLED = {
    "scenarios": "endpoint: thing\nscenarios:\n  twice: {load: {workers: 1, requests: 1}, request: {path: /v1}}\n"
    "  twice: {load: {workers: 1, requests: 1}, request: {path: /v2}}\n",
    "paths": "endpoint: thing\nscenarios:\n  a:\n    load: {workers: 1, requests: 1}\n"
    "    request: {path: /v1, path: /v2}\n",
    "a file's keys": "endpoint: thing\nrequest: {path: /v1}\nscenarios: {a: {load: {workers: 1, requests: 1}}}\n"
    "endpoint: other\n",
}


@pytest.mark.parametrize("content", DOUBLED.values(), ids=DOUBLED)
def test_a_doubled_key_is_refused(workspace: Workspace, server: ScriptedServer, content: str) -> None:
    (workspace.scenarios / "thing.yaml").write_text(content)
    check_refused(call("run", "--target", server.url), 2, "thing.yaml: line ", "stands here twice")
    assert server.requests == []


@pytest.mark.parametrize(
    "path", ["/a#b", "/a/../b", "/%2e%2e/b", "//elsewhere/a", "/a\\\\b", "/a%zz", "/a?", "/a\\nb", "a", "http://b/"]
)
def test_a_path_that_would_be_cut_or_changed_is_refused(
    workspace: Workspace, server: ScriptedServer, path: str
) -> None:
    scenarios(workspace, bad=f'{{path: "{path}"}}')
    check_refused(call("run", "--target", server.url), 2, "thing.yaml: scenarios.bad.request.path: ")
    assert server.requests == []


def test_a_row_that_would_change_the_path_is_refused(workspace: Workspace, server: ScriptedServer) -> None:
    scenarios(workspace, fed="{path: '/files/{{name}}'}\n    feeder: {file: names.csv}")
    (workspace.scenarios / "names.csv").write_text("name\na b#1\\ü\n..\n", encoding="utf-8")
    check_refused(call("run", "--target", server.url), 2, "row 2 of names.csv: a segment `.` or `..`")
    (workspace.scenarios / "names.csv").write_text("name\na b#1\\ü\n", encoding="utf-8")
    assert call("run", "--target", server.url).exit_code == 0
    assert asked_for(server) == {"GET /files/a%20b%231%5C%C3%BC"}


@pytest.mark.parametrize("name", ["", "a/b c", "../../../evil", "line\nbreak", "ünï|code🚀", "<i>tag</i>", "a\x1b[31m"])
def test_a_name_that_can_not_be_written_everywhere_is_refused(
    workspace: Workspace, server: ScriptedServer, name: str
) -> None:
    scenarios(workspace, **{json.dumps(name): "{path: /v1}"})
    result = call("run", "--target", server.url)
    check_refused(result, 2, "thing.yaml: scenarios: the name ", "is not possible; use up to 100 of A-Z")
    assert result.stderr.strip().isprintable()
    assert server.requests == []


def everything_written(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below a folder; of a database also the text of its rows."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()
        if path.suffix == ".db":
            with closing(sqlite3.connect(path)) as database:
                yield path, "\n".join(database.iterdump()).encode()


def test_a_password_in_the_address_is_sent_as_basic_and_written_nowhere(
    workspace: Workspace, server: ScriptedServer
) -> None:
    scenarios(workspace, inside="{path: /private/x}", outside="{path: /private/y, checks: {status: 401}}")
    address = server.url.replace("://", f"://loadbot:{ENCODED}@")
    result = call("run", "thing.inside", "--target", address)
    assert result.exit_code == 0, result.output
    seen = [*everything_written(workspace.var), (Path("terminal"), result.output.encode())]
    assert any(path.name == "index.html" and server.url.encode() in content for path, content in seen)
    for path, content in seen:
        for secret in ("s3cret", ENCODED, BASIC.decode(), BASIC.decode().rstrip("=")[:-2]):
            assert secret.encode() not in content, path


@pytest.mark.parametrize(
    "address",
    [
        "http://loadbot:s3cret-Pw@host:port",
        "http://loadbot:#s3cret-Pw@host",
        "http://loadbot:x@s3cret-Pw@host",
        "http://loadbot:x/s3cret-Pw@host",
        "http://loadbot:s3cret-Pw@host/?a=b",
        "loadbot:s3cret-Pw@host",
        "http:/loadbot:s3cret-Pw@host",
        "http://loadbot:s3cret-Pw",
        "http://host/?token=s3cret-Pw",
        "http://loadbot:s3cret-Pw@host:0",
        "http://loadbot:s3cret-Pw@[::1",
    ],
)
@pytest.mark.parametrize("option", ["--target", "--reference"])
def test_a_refused_address_shows_no_password(workspace: Workspace, address: str, option: str) -> None:
    scenarios(workspace, a="{path: /v1}")
    result = call("run", option, address)
    check_refused(result, 2, f"{option} ", "***", "write an address such as")
    assert "s3cret" not in result.output
    assert list(everything_written(workspace.var)) == []


def test_two_ways_to_log_in_are_refused(
    workspace: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenarios(workspace, a="{path: /private/x}")
    monkeypatch.setenv("LOADTASKS_TOKEN", "t0ken")
    result = call("run", "--target", server.url.replace("://", f"://loadbot:{ENCODED}@"))
    check_refused(result, 2, server.url, "LOADTASKS_TOKEN", "give one of them")
    assert "t0ken" not in result.output
    assert "s3cret" not in result.output


def test_an_address_without_a_scheme_is_http(workspace: Workspace, server: ScriptedServer) -> None:
    scenarios(workspace, a="{path: /v1}")
    assert call("run", "--target", f"127.0.0.1:{server.port}/base/").exit_code == 0
    assert asked_for(server) == {"GET /base/v1"}


PASSING = [
    "one: {equals: 1, type: integer, minimum: 1, maximum: 1}",
    "list: {equals: [0.0, {a: false}], length: 2}",
    "big: {equals: 9007199254740993}",
    "huge: {minimum: 1.0e308, type: number}",
]
FAILING = [
    "truth: {equals: 1}",
    "truth: {type: number}",
    "truth: {minimum: 0}",
    "one: {equals: true}",
    "text: {maximum: 5}",
    "text: {equals: 1}",
    "list: {equals: [false, {a: false}]}",
    "list: {equals: [0, {a: 0}]}",
    "big: {minimum: 9007199254740994}",
    "huge: {maximum: 1.0e308}",
]


def test_checks_on_json_are_as_strict_as_json(workspace: Workspace, server: ScriptedServer) -> None:
    lines = ["endpoint: thing", "scenarios:"]
    for name, checks in {"passing": PASSING, "failing": FAILING}.items():
        lines += [f"  {name}:", f"    load: {{workers: 1, requests: {len(checks)}}}", "    warmup_requests: 0"]
        lines += ["    requests:", *(f"    - {{path: /json, checks: {{json: {{{check}}}}}}}" for check in checks)]
    lines += ["    - {path: /nan, checks: {json: {one: {type: number}}}}"]
    content = "\n".join(lines).replace(f"requests: {len(FAILING)}}}", f"requests: {len(FAILING) + 1}}}")
    (workspace.scenarios / "thing.yaml").write_text(content)
    assert call("run", "--target", server.url).exit_code == 1
    document: dict[str, Any] = json.loads((workspace.var / "reports" / "latest" / "results.json").read_text())
    found = {entry["scenario"]: entry for entry in document["scenarios"]}
    (passing,), (failing,) = (found[f"thing.{name}"]["measurements"] for name in ("passing", "failing"))
    assert passing["counts"]["completed"] == len(PASSING), passing
    assert failing["counts"]["failed"] == len(FAILING) + 1, failing
