"""A service from its first run on: a large slowdown is found at once, and is over when it is over."""

import email
import email.policy
import json
import socket
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from loadtasks.results.document import ResultsDocument, ScenarioResult, read_document
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.history import BaselineTooShort, RegressionShift
from loadtasks.results.judgement import Verdict
from loadtasks.workspace import Workspace
from tests.servers import ScriptedServer, ok, scripted
from tests.thing import call
from tests.workspaces import own_workspace

SCENARIOS = """
endpoint: thing
scenarios:
  slowed: {request: {path: /slowed}, load: {workers: 2, requests: 12}}
  steady: {request: {path: /steady}, load: {workers: 2, requests: 12}}
"""
SUITE = {
    "name": "thing",
    "expectations": [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "success_rate", "min_value": 0.9}}
    ],
}
USUAL_S, SLOW_S = 0.02, 0.14


class SlowedApi:
    """One path is as slow as a test says."""

    delay_s = USUAL_S

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        if request.startswith(b"GET /slowed"):
            time.sleep(self.delay_s)
        elif request.startswith(b"GET /steady"):
            time.sleep(USUAL_S)
        connection.sendall(ok())
        return True


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    return own_workspace(tmp_path, monkeypatch, SCENARIOS, json.dumps(SUITE))


@pytest.fixture
def api() -> SlowedApi:
    return SlowedApi()


@pytest.fixture
def server(api: SlowedApi) -> Iterator[ScriptedServer]:
    with scripted(api) as running:
        yield running


def run(workspace: Workspace, server: ScriptedServer) -> tuple[int, ResultsDocument]:
    """A run from the command line: its exit code, and its document."""
    result = call("run", "--target", server.url, "--service", "shop")
    return result.exit_code, read_document(workspace.reports / "latest" / "results.json")


def slowed(document: ResultsDocument) -> ScenarioResult:
    return next(result for result in document.scenarios if result.scenario == "thing.slowed")


def mails(workspace: Workspace) -> list[EmailMessage]:
    paths = sorted(workspace.outbox.glob("*.eml"))
    return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]


def test_a_slowdown_of_the_third_run_is_found_mailed_and_over_when_it_is_over(
    workspace: Workspace, server: ScriptedServer, api: SlowedApi
) -> None:
    for _ in range(2):
        code, document = run(workspace, server)
        assert (code, document.verdict) == (0, Verdict.PASS)
    (young,) = [one.parameters for one in slowed(document).findings if isinstance(one.parameters, BaselineTooShort)]
    assert young.detectable is not None
    assert young.detectable < SLOW_S / USUAL_S

    api.delay_s = SLOW_S
    code, document = run(workspace, server)
    assert (code, document.verdict) == (1, Verdict.REGRESSED)
    assert [result.scenario for result in document.scenarios if result.verdict is not Verdict.PASS] == ["thing.slowed"]
    shifts = {one.metric: one.parameters for one in slowed(document).findings if one.code is FindingCode.REGRESSION}
    shift = shifts["p50_s"]
    assert isinstance(shift, RegressionShift)
    assert (shift.first_run, shift.found_run, shift.regression) == (document.run.id, None, 1)
    assert shift.low < SLOW_S / USUAL_S < shift.high
    assert len(slowed(document).repetitions) == 4
    (reported,) = mails(workspace)
    assert reported["Subject"].startswith("[REGRESSED]")

    api.delay_s = USUAL_S
    code, document = run(workspace, server)
    codes = {one.code for one in slowed(document).findings}
    assert (code, document.verdict) == (0, Verdict.PASS)
    assert FindingCode.RECOVERING in codes
    assert FindingCode.REGRESSION not in codes
    assert len(mails(workspace)) == 1

    code, document = run(workspace, server)
    assert (code, document.verdict) == (0, Verdict.PASS)
    assert FindingCode.RECOVERED in {one.code for one in slowed(document).findings}
    assert [mail["Subject"].split("]")[0] for mail in mails(workspace)] == ["[REGRESSED", "[RECOVERED"]
