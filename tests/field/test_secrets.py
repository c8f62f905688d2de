"""No secret in anything that a run writes, whatever the target does with what it was sent."""

import base64
import email
import email.policy
import gzip
import html
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request

from loadtasks.cli.main import cli
from loadtasks.measurement.model import Measurement
from loadtasks.results.document import ResultsDocument, read_document
from loadtasks.workspace import Workspace
from tests.servers import free_port, ok, scripted
from tests.workspaces import PROJECT, own_workspace, remove_suites

TOKEN = 'sK/9+tok"en=Zq7&<Xy2Lm4Pw8'
"""Of characters that each notation writes in another way."""
REFERENCE_TOKEN = "reference-9cB7/token+4Q"
PASSWORD = 's3cret"/+&Pw'
ADDRESS_PASSWORD = quote(PASSWORD, safe="")
API_KEY, QUERY_KEY, JSON_PASSWORD = "FILE/key+777=abc", "QUERYKEY888&x", "log-in/s3cret"
ROWS = ["row-key/one+1", "row-key/two+2"]
SUITE = {
    "name": "thing",
    "expectations": [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "success_rate", "min_value": 1.0}}
    ],
}
ONE = "load: {workers: 1, requests: 3}, warmup_requests: 0"
SCENARIOS = """
endpoint: thing
scenarios:
""" + "\n".join(
    f"  {name}: {{{ONE}, request: {{path: /{name}}}}}"
    for name in ("body", "compressed", "headers", "address", "escaped", "page", "basic", "cut", "malformed", "timing")
)
OWN_SECRETS = f"""
  header: {{{ONE}, request: {{path: /body, headers: {{X-Api-Key: {API_KEY}}}}}}}
  query: {{{ONE}, request: {{path: /address, query: {{api_key: "{QUERY_KEY}"}}}}}}
  login: {{{ONE}, request: {{method: POST, path: /body, json: {{user: bob, password: {JSON_PASSWORD}}}}}}}
  rows: {{{ONE}, feeder: {{file: rows.csv, secret: [key]}}, request: {{path: "/address/{{{{key}}}}"}}}}
"""
WEBSOCKETS = """
  refused: {load: {connections: 1, hold_s: 0}, websocket: /refused}
  closed: {load: {connections: 1, hold_s: 0.2}, websocket: /closed}
"""


class Sent(NamedTuple):
    """A request as its target sees it."""

    path: str
    body: str
    authorization: str
    api_key: str

    @classmethod
    def read(cls, request: bytes) -> Self:
        head, _, body = request.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        sent = headers.get("authorization", ""), headers.get("x-api-key", "")
        return cls(line.split(" ")[1], body.decode(), *sent)

    @property
    def secret(self) -> str:
        return self.authorization.rpartition(" ")[2]

    @property
    def said(self) -> str:
        return f"{self.path} {self.body} {self.authorization} {self.api_key}"


def _error(body: bytes, *headers: str) -> bytes:
    return ok(body, *headers, status="500 Internal Server Error")


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


ANSWERS: dict[str, Callable[[Sent], bytes]] = {
    "healthz": lambda _: ok(),
    "version": lambda sent: ok(json.dumps({"version": f"1.0 {sent.authorization}"}).encode()),
    "compressed": lambda sent: _error(gzip.compress(sent.said.encode()), "Content-Encoding: gzip"),
    "headers": lambda sent: _error(b"no", f"X-Request-ID: {sent.secret}", f"Location: /?token={sent.secret}"),
    "timing": lambda sent: ok(
        b"{}",
        f'Server-Timing: {sent.secret};dur=1, db;desc="for {sent.secret}";dur=2',
        f"X-Request-ID: {sent.secret}",
    ),
    "address": lambda sent: _error(f"not found: http://here{sent.path} {quote(sent.secret, safe='')}".encode()),
    "escaped": lambda sent: _error((json.dumps(sent.said).replace("/", "\\/") + _escaped(sent.secret)).encode()),
    "page": lambda sent: _error(f"<p>{html.escape(sent.said)}</p>".encode(), "Content-Type: text/html"),
    "basic": lambda sent: _error(base64.b64encode(f"user:{sent.secret}".encode())),
    "cut": lambda sent: _error(b"." * (200 - len(sent.secret) // 2) + sent.secret.encode() * 50),
}
"""By the first step of the path; any other request is answered with an error that says what was sent."""


@dataclass
class Echo:
    """A target that shows what it was sent, in every way that it can."""

    command_lines: list[bytes] = field(default_factory=list)
    """Of every process of the machine, at the time of its first request."""
    metrics_read: int = 0

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        self.command_lines = self.command_lines or list(_command_lines())
        sent = Sent.read(request)
        match sent.path.split("?")[0].split("/")[1]:
            case "closed":
                return _close_with_reason(connection, request, sent.secret)
            case "malformed":
                connection.sendall(f"Your token is {sent.secret}\r\n\r\n".encode())
                return False
            case "metrics":
                self.metrics_read += 1
                label = json.dumps(f"{sent.authorization} of the caller")
                text = f"# TYPE calls counter\ncalls_total{{who={label}}} {self.metrics_read}\n"
                connection.sendall(ok(text.encode()))
            case step:
                connection.sendall(ANSWERS.get(step, lambda sent: _error(sent.said.encode()))(sent))
        return True


def _close_with_reason(connection: socket.socket, request: bytes, reason: str) -> bool:
    websocket = WSConnection(ConnectionType.SERVER)
    websocket.receive_data(request)
    for event in websocket.events():
        if isinstance(event, Request):
            connection.sendall(websocket.send(AcceptConnection()))
            connection.sendall(websocket.send(CloseConnection(code=1008, reason=f"bad: {reason}")))
    return False


def _command_lines() -> Iterator[bytes]:
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield process.read_bytes()
        except OSError:
            continue


@dataclass(frozen=True)
class Written:
    """A run that has ended: what it printed, and the folder with all that it wrote."""

    output: str
    folder: Path

    @property
    def document(self) -> ResultsDocument:
        return read_document(self.folder / "reports" / "latest" / "results.json")

    def sample(self, scenario: str) -> str:
        """The words of the first error of a scenario."""
        return self.measurement(scenario).errors[0].sample

    def measurement(self, scenario: str) -> Measurement:
        """The measurement of a scenario, or of a part of the mixed one."""
        measured = [measurement for result in self.document.scenarios for measurement in result.measurements]
        return next(one for one in measured if scenario in (one.part, one.scenario.removeprefix("thing.")))

    def check(self, *secrets: str) -> None:
        """See that no notation of a secret, and no half of one, is anywhere in it."""
        texts = {"output": self.output.lower()}
        for path in self.folder.rglob("*"):
            if path.is_file():
                texts[str(path)] = _text_of(path).lower()
        assert any(name.endswith("results.json") for name in texts)
        for secret in secrets:
            for name, text in texts.items():
                for notation in _notations(secret):
                    assert notation.lower() not in text, (name, notation)


def _text_of(path: Path) -> str:
    """All that a file says: as it is, a mail decoded, a database dumped."""
    raw = path.read_bytes().decode("latin-1")
    if path.suffix == ".eml":
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        return raw + "".join(part.get_content() for part in message.walk() if part.get_content_maintype() == "text")
    if path.suffix == ".db":
        with closing(sqlite3.connect(path)) as database:
            return raw + "\n".join(database.iterdump())
    return raw


def _notations(secret: str) -> set[str]:
    """A secret in each notation, and its halves."""
    plain = {secret, secret[: len(secret) // 2], secret[len(secret) // 2 :]}
    in_base64 = {
        base64.b64encode(b"x" * before + secret.encode()).decode()[4:].rstrip("=")[:-2] for before in range(1, 4)
    }
    return {
        notation
        for text in plain
        for notation in (
            text,
            quote(text, safe=""),
            json.dumps(text)[1:-1],
            html.escape(text),
            text.replace("/", "\\/"),
        )
    } | {secret.encode().hex(), "".join(f"\\u{ord(character):04x}" for character in secret), *in_base64}


def _run(*arguments: str) -> Written:
    result = CliRunner().invoke(cli, ["run", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return Written(result.output, Path(os.environ["LOADTASKS_VAR"]))


@pytest.fixture(scope="module")
def with_token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    """A run with a token, of a scenario for each way to show it."""
    with pytest.MonkeyPatch.context() as patch, scripted(Echo()) as server:
        folder = tmp_path_factory.mktemp("token")
        written = SCENARIOS + OWN_SECRETS + WEBSOCKETS
        parts = ", ".join(f"{name}: {{scenario: thing.{name}}}" for name in re.findall(r"^  (\w+):", written, re.M))
        made = own_workspace(folder, patch, f"{written}  all: {{parts: {{{parts}}}}}\n", json.dumps(SUITE))
        (made.scenarios / "rows.csv").write_text("key\n" + "\n".join(ROWS))
        patch.setenv("LOADTASKS_TOKEN", TOKEN)
        patch.setenv("LOADTASKS_METRICS_PATH", "/metrics")
        yield _run("thing.all", "--target", server.url)


def test_no_secret_is_in_anything_that_a_run_wrote(with_token: Written) -> None:
    with_token.check(TOKEN, API_KEY, QUERY_KEY, JSON_PASSWORD, *ROWS)


@pytest.mark.parametrize(
    ("scenario", "shown"),
    [
        ("body", "/body  Bearer ***"),
        ("compressed", "/compressed  Bearer ***"),
        ("address", "not found: http://here/address ***"),
        ("escaped", r'"\/escaped  Bearer *** "***'),
        ("page", "<p>/page  Bearer *** </p>"),
        ("cut", ". ***"),
        ("malformed", "it begins b'Your token is ***"),
        ("header", "/body  Bearer *** ***"),
        ("query", "GET /address?api_key=***: responded 500"),
        ("query", "http://here/address?api_key=*** ***"),
        ("login", '/body {"user": "bob", "password": "***"} Bearer ***'),
        ("rows", "GET /address/***: responded 500"),
        ("rows", "not found: http://here/address/*** ***"),
        ("refused", "the response to the upgrade was 500, expected 101: /refused  Bearer ***"),
        ("closed", "code 1008 (policy violation), reason 'bad: ***'"),
    ],
)
def test_what_the_target_said_is_shown_but_for_the_secret(with_token: Written, scenario: str, shown: str) -> None:
    assert re.sub(r"\.+", ". ", shown).replace("  ", " ") in re.sub(r"\.+", ". ", with_token.sample(scenario))


def test_a_good_response_tells_no_secret_either(with_token: Written) -> None:
    good, whole = with_token.measurement("timing"), with_token.measurement("all")
    assert good.counts.completed == 3
    assert good.phases["server:***"].count == 3
    assert good.phases["server:db"].outcomes == {"for ***": 3}
    assert {exemplar.request_id for exemplar in good.exemplars} == {"***"}
    assert whole.target_metrics is not None
    assert list(whole.target_metrics.counters) == ['calls_total{who="Bearer *** of the caller"}']
    assert with_token.document.run.target_version == "1.0 Bearer ***"


def _workspace(folder: Path, monkeypatch: pytest.MonkeyPatch, scenarios: str) -> Workspace:
    return own_workspace(folder, monkeypatch, f"endpoint: thing\nscenarios:\n{scenarios}", json.dumps(SUITE))


def test_a_password_in_the_address_is_nowhere_not_even_in_the_list_of_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "  body: {load: {workers: 2, requests: 8}, request: {path: /body}}"
    remove_suites(_workspace(tmp_path, monkeypatch, body).expectations)
    echo = Echo()
    with scripted(echo) as server:
        target = f"http://loadbot:{ADDRESS_PASSWORD}@127.0.0.1:{server.port}"
        done = subprocess.run(
            [sys.executable, "-m", "loadtasks", "run", "--target", target, "--processes", "2"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
    written = Written(done.stdout + done.stderr, tmp_path / "var")
    assert written.sample("body").endswith("/body Basic ***"), written.output
    assert any(line.endswith(b"--processes\x002\x00") for line in echo.command_lines)
    assert not [line for line in echo.command_lines if ADDRESS_PASSWORD.encode() in line]
    written.check(PASSWORD, f"loadbot:{PASSWORD}")


def test_paired_builds_tell_neither_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = "load: {workers: 1, requests: 20}"
    scenarios = "".join(f"  {name}: {{{load}, request: {{path: /{name}}}}}\n" for name in ("timing", "body"))
    _workspace(tmp_path, monkeypatch, scenarios)
    monkeypatch.setenv("LOADTASKS_TOKEN", TOKEN)
    monkeypatch.setenv("LOADTASKS_REFERENCE_TOKEN", REFERENCE_TOKEN)
    monkeypatch.setenv("LOADTASKS_ROUNDS", "10")
    with scripted(Echo()) as server, scripted(Echo()) as reference:
        written = _run("--target", server.url, "--reference", reference.url)
    assert "version 1.0 Bearer ***" in written.output
    (timing, _) = written.document.scenarios
    assert "server:***" in timing.round_ratios[0].phases_s
    written.check(TOKEN, REFERENCE_TOKEN)


def test_a_target_that_is_down_is_named_without_its_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_workspace(tmp_path, monkeypatch, SCENARIOS, json.dumps(SUITE))
    port = free_port()
    result = CliRunner().invoke(cli, ["run", "--target", f"http://loadbot:{ADDRESS_PASSWORD}@127.0.0.1:{port}"])
    assert result.exit_code == 3
    assert f"http://127.0.0.1:{port}" in result.output
    CliRunner().invoke(cli, ["report"])
    Written(result.output, tmp_path / "var").check(PASSWORD)
