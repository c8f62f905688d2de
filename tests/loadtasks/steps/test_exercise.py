"""Scenarios driven in rounds against a reference, two scripted servers being the builds."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import Result

from loadtasks import steps
from loadtasks.report import sentences
from loadtasks.results.document import read_document
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.judgement import Verdict
from loadtasks.results.store import Store
from loadtasks.workspace import Workspace
from tests.servers import ScriptedServer, free_port, ok, scripted
from tests.thing import call, check_refused
from tests.workspaces import context_of, own_workspace

SCENARIO = """
endpoint: thing
request: {path: /thing}
scenarios:
  steady: {load: {workers: 2, requests: 20}, warmup_requests: 1}
"""
SUITE = {
    "name": "thing",
    "expectations": [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "success_rate", "min_value": 0.9}}
    ],
}


@dataclass
class Build:
    """One build of the API."""

    version: str
    delay_s: float = 0.0

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        if request.startswith(b"GET /version"):
            connection.sendall(ok(b'{"version": "%s", "revision": "abc"}' % self.version.encode()))
            return True
        if request.startswith(b"GET /thing"):
            time.sleep(self.delay_s)
        connection.sendall(ok(b"{}", f"Server-Timing: db;dur={self.delay_s * 1e3}"))
        return True


@dataclass
class Pair:
    """The builds and where they are served."""

    candidate: Build
    reference: Build
    target: ScriptedServer
    """Where the candidate is served."""
    approved: ScriptedServer
    """Where the reference is served."""

    def run(self, *options: str) -> Result:
        return call("run", "--target", self.target.url, "--reference", self.approved.url, *options)


@pytest.fixture
def pair() -> Iterator[Pair]:
    builds = Build("1.5.0"), Build("1.4.2")
    with ExitStack() as ending:
        yield Pair(*builds, *(ending.enter_context(scripted(build)) for build in builds))


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    made = own_workspace(tmp_path, monkeypatch, SCENARIO, json.dumps(SUITE))
    monkeypatch.setenv("LOADTASKS_ROUNDS", "10")
    return made


def test_a_slower_build_is_a_regression_with_its_cause(pair: Pair, workspace: Workspace) -> None:
    pair.candidate.delay_s = 0.02
    result = pair.run()
    assert result.exit_code == 1, result.output
    document = read_document(workspace.reports / "latest" / "results.json")
    (scenario,) = document.scenarios
    assert scenario.verdict is Verdict.REGRESSED
    assert FindingCode.DATABASE_SLOW in [finding.code for finding in scenario.findings]
    assert (document.run.target_version, document.run.reference_version) == ("1.5.0+abc", "1.4.2+abc")
    assert [measurement.counts.completed for measurement in (*scenario.measurements, *scenario.baseline)] == [200, 200]
    assert len(scenario.round_ratios[0].log_ratios["p50_s"]) == 10
    codes = {finding.code for finding in scenario.findings}
    assert codes >= {FindingCode.REFERENCE_REGRESSION, FindingCode.DATABASE_SLOW}
    for output in (result.output, (workspace.reports / "latest" / "index.html").read_text()):
        assert "1.4.2+abc" in output
    with Store.open(workspace.results_url) as store:
        assert store.approvals.current() == []
    results = str(workspace.reports / "latest" / "results.json")
    with_itself = call("compare", results, results)
    assert with_itself.exit_code == 0, with_itself.output
    assert document.run.id in with_itself.output
    context = context_of(target=pair.target.url, reference=pair.approved.url)
    assert steps.compare(context, document.run.id) is Verdict.REGRESSED
    assert steps.document(context, document.run.id).scenarios == document.scenarios, "comparing again changes nothing"


def test_like_builds_pass_and_leave_no_baseline(pair: Pair, workspace: Workspace) -> None:
    pair.candidate.delay_s = pair.reference.delay_s = 0.01
    result = pair.run()
    assert result.exit_code == 0, result.output
    with Store.open(workspace.results_url) as store:
        assert store.approvals.current() == []
    approved = call("baseline", "approve", "latest")
    assert approved.exit_code == 0, approved.output


def test_without_its_reference_a_scenario_is_judged_by_its_targets_alone(pair: Pair, workspace: Workspace) -> None:
    down = f"http://127.0.0.1:{free_port()}"
    result = pair.run("--reference", down)
    assert result.exit_code == 0, result.output
    (scenario,) = read_document(workspace.reports / "latest" / "results.json").scenarios
    assert scenario.measurements[0].counts.completed == 20
    (finding,) = [finding for finding in scenario.findings if finding.code is FindingCode.REFERENCE_MISSING]
    assert down in sentences.sentence(finding)
    assert down in result.output


def test_the_environment_names_a_reference_and_each_token_goes_to_its_own_address(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADTASKS_REFERENCE", pair.approved.url)
    monkeypatch.setenv("LOADTASKS_TOKEN", "of-the-target")
    monkeypatch.setenv("LOADTASKS_REFERENCE_TOKEN", "of-the-reference")
    result = call("run", "--target", pair.target.url)
    assert pair.approved.url in result.output
    for server, token in ((pair.target, b"of-the-target"), (pair.approved, b"of-the-reference")):
        assert len(server.requests) > 200
        assert all(b"Bearer %b\r\n" % token in request for request in server.requests)


@pytest.mark.parametrize(("options", "part"), [(("--processes", "2"), "--processes"), (("--reference", "x"), "x")])
def test_a_pairing_that_is_impossible_is_refused_before_anything_is_sent(
    pair: Pair, options: tuple[str, ...], part: str
) -> None:
    check_refused(pair.run(*options), 2, part)
    assert pair.target.requests == pair.approved.requests == []
