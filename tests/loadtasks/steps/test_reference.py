"""`python -m loadtasks run --reference`: a run beside the approved build, on two scripted servers."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from loadtasks import steps
from loadtasks.cli.main import cli
from loadtasks.engine.net.target import Target
from loadtasks.results.document import read_document
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.judgement import Verdict
from loadtasks.results.store import Store
from loadtasks.workspace import Workspace
from tests.servers import ScriptedServer, free_port, ok, scripted
from tests.workspaces import own_workspace

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
    beside: ScriptedServer

    def run(self, *options: str) -> Result:
        arguments = ["run", "--target", self.target.url, "--reference", self.beside.url, *options]
        result = CliRunner().invoke(cli, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result


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
    for words in (
        "REGRESSED",
        "against the reference 1.4.2+abc, in 10 rounds",
        "Compared with the reference",
    ):
        assert words in result.output
    page = (workspace.reports / "latest" / "index.html").read_text()
    assert "Reference: version 1.4.2+abc" in page
    with Store.open(workspace.results_url) as store:
        assert store.baselines() == []
    results = str(workspace.reports / "latest" / "results.json")
    with_itself = CliRunner().invoke(cli, ["compare", results, results])
    assert with_itself.exit_code == 0, with_itself.output
    assert f"Compared with run {document.run.id}" in with_itself.output
    assert steps.compare(workspace, document.run.id) is Verdict.REGRESSED
    assert steps.document(workspace, document.run.id).scenarios == document.scenarios, "comparing anew changes nothing"


def test_like_builds_pass_and_leave_no_baseline(pair: Pair, workspace: Workspace) -> None:
    pair.candidate.delay_s = pair.reference.delay_s = 0.01
    result = pair.run()
    assert result.exit_code == 0, result.output
    with Store.open(workspace.results_url) as store:
        assert store.baselines() == []
    approved = CliRunner().invoke(cli, ["baseline", "approve", "latest"])
    assert approved.exit_code == 0, approved.output


def test_without_its_reference_a_scenario_is_judged_by_its_targets_alone(pair: Pair, workspace: Workspace) -> None:
    down = f"http://127.0.0.1:{free_port()}"
    result = pair.run("--reference", down)
    assert result.exit_code == 0, result.output
    (scenario,) = read_document(workspace.reports / "latest" / "results.json").scenarios
    assert scenario.measurements[0].counts.completed == 20
    (note,) = [
        finding
        for finding in scenario.findings
        if finding.kind is FindingKind.HISTORY and "reference" in finding.sentence
    ]
    assert f"only its targets were judged: reference {down}: can't be reached" in note.sentence
    assert "Not compared with its reference: thing.steady" in result.output
    assert note.sentence.rstrip(".") in result.output


def test_the_environment_names_a_reference_and_each_token_goes_to_its_own_address(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADTASKS_REFERENCE", pair.beside.url)
    monkeypatch.setenv("LOADTASKS_TOKEN", "of-the-target")
    monkeypatch.setenv("LOADTASKS_REFERENCE_TOKEN", "of-the-reference")
    result = CliRunner().invoke(cli, ["run", "--target", pair.target.url])
    assert f"beside the reference {pair.beside.url} (version 1.4.2+abc)" in result.output
    for server, token in ((pair.target, b"of-the-target"), (pair.beside, b"of-the-reference")):
        assert len(server.requests) > 200
        assert all(b"Bearer %b\r\n" % token in request for request in server.requests)


def test_without_a_token_of_its_own_the_reference_has_the_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Target("http://127.0.0.1:1", token="t", health_path="/up")
    assert target.reference_from_environ() is None
    reference = target.reference_from_environ("http://127.0.0.1:2")
    assert reference == Target("http://127.0.0.1:2", token="t", health_path="/up", role="reference")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--processes", "2"), "rounds are driven by one process"),
        (("--reference", "nowhere"), "reference 'nowhere': not an address"),
    ],
)
def test_what_can_not_be_is_refused_before_anything_is_sent(pair: Pair, options: tuple[str, ...], says: str) -> None:
    result = pair.run(*options)
    assert result.exit_code == 2, result.output
    assert says in result.output
    assert pair.target.requests == pair.beside.requests == []
