"""The command line as people use it: whole runs on a scripted target, and everything that can be handed in wrong."""

import json
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from loadtasks import steps
from loadtasks.cli.main import cli
from loadtasks.engine.generator.processes import ProcessError
from loadtasks.engine.generator.progress import Progress
from loadtasks.engine.net.target import Target
from loadtasks.errors import BadInputError, TargetUnavailableError
from loadtasks.report import sentences
from loadtasks.results.document import read_document
from loadtasks.results.findings.causes.failures import MetricsProblem
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.judgement import Verdict
from loadtasks.results.regression import AUTOMATIC, MetricChange, Move, Regression, RegressionState
from loadtasks.results.store import Store
from loadtasks.workspace import Workspace
from tests.servers import ScriptedServer, free_port, ok, scripted
from tests.workspaces import own_workspace

ROOT = Path(__file__).parents[3]
SCENARIOS = """
endpoint: thing
request: {path: /thing, checks: {json: {good: {equals: true}}}}
scenarios:
  concurrent: {load: {workers: 2, requests: 20}}
  alone: {load: {workers: 1, requests: 5}, warmup_requests: 1}
"""
SUITE = {
    "name": "thing",
    "expectations": [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "p95_s", "max_value": 0.5, "strict_max": True},
        }
    ],
}


class Api:
    """A target whose answers a test may change."""

    delay_s = 0.0
    status = "200 OK"
    things = 0
    """Requests for a thing that it counts, roughly, in its metrics."""
    dies_after: float = math.inf
    """So many requests for a thing; from then on every connection is closed without an answer."""

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        self.dies_after -= request.startswith(b"GET /thing")
        if self.dies_after < 0:
            return False
        if request.startswith(b"GET /version"):
            connection.sendall(ok(b'{"version": "1.2.3"}'))
            return True
        if request.startswith(b"GET /metrics"):
            connection.sendall(ok(b"# TYPE things_total counter\nthings_total %d\n" % self.things))
            return True
        if request.startswith(b"GET /thing"):
            self.things += 1
            time.sleep(self.delay_s)
            connection.sendall(ok(b'{"good": true}', status=self.status))
            return True
        connection.sendall(ok())
        return True


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def server(api: Api) -> Iterator[ScriptedServer]:
    with scripted(api) as running:
        yield running


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    return own_workspace(tmp_path, monkeypatch, SCENARIOS, json.dumps(SUITE))


def call(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def test_the_targets_own_metrics_are_kept_and_where_they_should_be_and_are_not_it_says_so(
    workspace: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = workspace.reports / "latest" / "results.json"
    assert call("run", "thing.alone", "--target", server.url).exit_code == 0
    (measurement,) = read_document(document).scenarios[0].measurements
    assert measurement.target_metrics is not None
    assert measurement.target_metrics.counters == {"things_total": 6.0}
    monkeypatch.setenv("LOADTASKS_METRICS_PATH", "/nowhere")
    assert call("run", "thing.alone", "--target", server.url).exit_code == 0
    (note,) = (
        finding
        for finding in read_document(document).scenarios[0].findings
        if finding.code is FindingCode.TARGET_METRICS_UNREADABLE
    )
    assert isinstance(note.parameters, MetricsProblem)
    assert note.parameters.problem.startswith("GET /nowhere ")


def test_a_run_is_measured_judged_reported_and_becomes_the_baseline(
    workspace: Workspace, server: ScriptedServer
) -> None:
    result = call("run", "--target", server.url)
    assert result.exit_code == 0, result.output
    assert "1/2 thing.concurrent: 20 requests, 100 % good" in result.output
    latest = workspace.reports / "latest"
    document = read_document(latest / "results.json")
    assert [(scenario.scenario, scenario.verdict) for scenario in document.scenarios] == [
        ("thing.concurrent", Verdict.PASS),
        ("thing.alone", Verdict.PASS),
    ]
    assert document.run.target_version == "1.2.3"
    assert document.run.ended_at is not None
    assert (latest / "index.html").is_file()
    assert (latest / "summary.md").is_file()
    assert (latest / "data_docs" / "index.html").is_file()
    assert not workspace.outbox.exists()
    with Store.open(workspace.results_url) as store:
        assert {baseline.scenario: baseline.approved_by for baseline in store.baselines()} == {
            "thing.concurrent": AUTOMATIC,
            "thing.alone": AUTOMATIC,
        }
    second = call("run", "thing.alone", "--target", server.url)
    assert second.exit_code == 0, second.output
    assert "Compared with the median of the nights before" in second.output
    assert "12 more nights of this kind are needed to tell a change from noise" in " ".join(second.output.split())


def test_a_missed_target_is_exit_1_and_the_alert_names_all(
    workspace: Workspace, server: ScriptedServer, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADTASKS_REPORTS_URL", "https://reports.example.org/")
    api.delay_s = 0.6
    result = call("run", "thing.alone", "--target", server.url)
    assert result.exit_code == 1, result.output
    (mail,) = workspace.outbox.glob("*.eml")
    text = mail.read_text()
    for word in ("thing.alone", "p95", "observed 6", "limit 500 ms", "https://reports.example.org/2"):
        assert word in text
    with Store.open(workspace.results_url) as store:
        assert store.baselines() == []


def test_a_run_can_be_made_the_level_and_a_regression_be_accepted(workspace: Workspace, server: ScriptedServer) -> None:
    assert call("run", "thing.alone", "--target", server.url).exit_code == 0
    approved = call("baseline", "approve", "latest", "--why", "a new level")
    assert approved.exit_code == 0, approved.output
    assert "a new level" in call("baseline").output
    assert call("regressions").output == "No regression.\n"
    run_id = (workspace.reports / "latest").resolve().name
    opened = Move(state=RegressionState.OPEN, at=datetime.now(UTC), who=AUTOMATIC, why="p50 +20 %")
    slower = MetricChange(metric="p50_s", before=0.1, ratio=1.2, low=1.15, high=1.25)
    found = Regression(
        id=0,
        scenario="thing.alone",
        part="",
        first_run=run_id,
        found_run=run_id,
        version_before=None,
        version_after="1.2.3",
        changes=[slower],
        moves=[opened],
    )
    with Store.open(workspace.results_url) as store:
        store.regressions.save(run_id, [found])
    assert "p50 +20 % (+15 % to +25 %)" in call("regressions").output
    assert call("regressions", "acknowledge", "1", "--why", "looking").output.endswith("is acknowledged.\n")
    assert call("regressions", "accept", "1", "--why", "TLS").exit_code == 0
    assert call("regressions").output == "No regression.\n"
    assert "TLS" in call("regressions", "--all").output
    assert "TLS" in call("baseline").output
    refused(call("regressions", "fix", "1"), 2, "regression 1", "so it can't become fixed")


def test_a_back_test_without_enough_nights_shows_no_alarm(workspace: Workspace, server: ScriptedServer) -> None:
    assert call("run", "thing.alone", "--target", server.url).exit_code == 0
    assert call("backtest", "--runs-per-false-alarm", "10").output == "No alarm.\n"


def test_results_files_are_compared_and_printed(
    workspace: Workspace, server: ScriptedServer, api: Api, tmp_path: Path
) -> None:
    assert call("run", "thing.alone", "--target", server.url, "--out", str(tmp_path / "one")).exit_code == 0
    api.delay_s = 0.2
    assert call("run", "thing.alone", "--target", server.url, "--out", str(tmp_path / "two")).exit_code == 0
    one, two = (str(tmp_path / name / "reports" / "latest" / "results.json") for name in ("one", "two"))
    assert call("report", two).exit_code == 0
    assert call("compare", one, one).exit_code == 0
    compared = call("compare", two, one)
    assert compared.exit_code == 0, compared.output
    assert "PASS" in compared.output
    script = [sys.executable, str(ROOT / "scripts" / "analyze_load_test_results.py")]
    analysed = subprocess.run([*script, two, one], capture_output=True, text=True, check=False)
    assert (analysed.returncode, analysed.stdout) == (0, compared.output)
    assert subprocess.run([*script, two], capture_output=True, check=False).returncode == 0


def test_past_runs_are_listed(workspace: Workspace, server: ScriptedServer) -> None:
    assert "No run yet" in call("history").output
    call("run", "thing.alone", "--target", server.url)
    run_id = (workspace.reports / "latest").resolve().name
    assert run_id in call("history").output
    listed = call("history", "thing.alone").output
    assert run_id in listed
    assert "5 requests, one after another" in listed
    assert call("report", run_id).exit_code == 0


def test_targets_are_listed_with_their_file(workspace: Workspace) -> None:
    listed = call("targets").output
    assert "< 500 ms" in listed
    assert str(workspace.expectations / "thing.json") in listed


def test_the_script_runs_all_load_tests(workspace: Workspace, server: ScriptedServer) -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "run_load_tests.sh", "--target", server.url], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2/2 thing.alone" in done.stdout


def refused(result: Result, code: int, *words: str) -> None:
    """One sentence on stderr, the code, and no traceback."""
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    sentence = result.stderr.strip()
    assert sentence.startswith("Error: ")
    assert "\n" not in sentence
    for word in words:
        assert word in sentence


def test_a_wrong_scenario_file_is_exit_2_before_anything_is_sent(workspace: Workspace, server: ScriptedServer) -> None:
    (workspace.scenarios / "thing.yaml").write_text(SCENARIOS.replace("workers: 2", "workers: -2"))
    refused(call("run", "--target", server.url), 2, "thing.yaml", "scenarios.concurrent.load.workers", "-2")
    assert server.requests == []


def test_a_suite_of_a_column_that_does_not_exist_is_exit_2_before_anything_is_sent(
    workspace: Workspace, server: ScriptedServer
) -> None:
    (workspace.expectations / "thing.json").write_text(json.dumps(SUITE).replace("p95_s", "p95_ms"))
    refused(call("run", "--target", server.url), 2, "thing.json", "p95_ms", "p95_s")
    assert server.requests == []


def test_an_unknown_expectation_is_exit_2_and_what_was_measured_is_kept(
    workspace: Workspace, server: ScriptedServer
) -> None:
    wrong = json.dumps(SUITE).replace("expect_column_values_to_be_between", "expect_column_to_be_magic")
    (workspace.expectations / "thing.json").write_text(wrong)
    refused(call("run", "thing.alone", "--target", server.url), 2, "thing.json", "expect_column_to_be_magic")
    with Store.open(workspace.results_url) as store:
        assert store.measurements(store.latest_run_id())[0].counts.completed == 5


def test_an_unknown_scenario_is_exit_2(workspace: Workspace) -> None:
    refused(call("run", "nothing"), 2, "nothing", "thing.concurrent")


def test_a_target_that_refuses_is_exit_3_and_the_run_is_kept_as_invalid(workspace: Workspace) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    refused(call("run", "--target", url), 3, url, "refused")
    assert "invalid" in call("history").output
    assert call("report").exit_code == 3


def test_a_target_that_hangs_is_exit_3(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtasks.engine.net.target._PROBE_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        refused(call("run", "--target", url), 3, url, "no answer within")


def test_a_target_that_wants_a_token_is_exit_2(workspace: Workspace, server: ScriptedServer, api: Api) -> None:
    api.status = "401 Unauthorized"
    refused(call("run", "--target", server.url), 2, server.url, "/thing", "401", "LOADTASKS_TOKEN")


@pytest.mark.parametrize("address", ["ftp://x", "127.0.0.1:80", "http://"])
def test_a_target_that_is_no_address_is_exit_2(workspace: Workspace, address: str) -> None:
    refused(call("run", "--target", address), 2, repr(address))


def test_a_target_that_dies_between_scenarios_leaves_the_rest_invalid(workspace: Workspace, api: Api) -> None:
    with scripted(api) as server:
        target = Target(server.url)
        run = steps.open_run(workspace, target, run_id="night", trigger="manual")
        steps.measure(workspace, run.id, "thing.concurrent", target)
    with pytest.raises(Exception, match="can't be reached"):
        steps.measure(workspace, run.id, "thing.alone", target)
    steps.judge(workspace, run.id)
    assert steps.compare(workspace, run.id) is Verdict.INVALID
    verdicts = {scenario.scenario: scenario for scenario in steps.document(workspace, run.id).scenarios}
    assert verdicts["thing.concurrent"].verdict is Verdict.PASS
    assert verdicts["thing.alone"].verdict is Verdict.INVALID
    assert "can't be reached" in sentences.sentence(verdicts["thing.alone"].findings[0])


def test_a_target_that_dies_while_it_is_measured_makes_what_was_measured_invalid_and_kept(
    workspace: Workspace, server: ScriptedServer, api: Api
) -> None:
    target = Target(server.url)
    run = steps.open_run(workspace, target, run_id="night", trigger="manual", scenarios=["thing.alone"])
    api.dies_after = 3
    with pytest.raises(TargetUnavailableError, match=r"stopped responding while thing.alone was measured"):
        steps.measure(workspace, run.id, "thing.alone", target)
    steps.judge(workspace, run.id)
    steps.compare(workspace, run.id)
    (result,) = steps.document(workspace, run.id).scenarios
    assert result.verdict is Verdict.INVALID
    assert "can't be reached" in sentences.sentence(result.findings[0])
    assert result.measurements[0].counts.scheduled == 5
    assert steps.conclude(workspace, run.id) is Verdict.INVALID


def test_a_load_shared_by_processes_is_what_one_would_send_and_is_told(
    workspace: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("run", "thing.concurrent", "--target", server.url).exit_code == 0
    sent = len([request for request in server.requests if request.startswith(b"GET /thing")])
    server.requests.clear()
    monkeypatch.setenv("LOADTASKS_PROCESSES", "2")
    result = call("run", "thing.concurrent", "--target", server.url)
    assert result.exit_code == 0, result.output
    assert "1/1 thing.concurrent: 20 requests, 100 % good" in result.output
    assert len([request for request in server.requests if request.startswith(b"GET /thing")]) == sent
    document = read_document(workspace.reports / "latest" / "results.json")
    assert document.run.generator.endswith(", 2 processes")
    server.requests.clear()
    refused(call("run", "--target", server.url, "--processes", "0"), 2, "--processes 0", "at least 1")
    assert server.requests == []


def test_a_scenario_whose_process_is_killed_is_invalid_for_that_reason(
    workspace: Workspace, server: ScriptedServer
) -> None:
    target = Target(server.url)
    run = steps.open_run(workspace, target, run_id="night", trigger="manual", scenarios=["thing.concurrent"])

    def kill_one(_: Progress) -> None:
        subprocess.run(["pkill", "-KILL", "-P", str(os.getpid()), "-f", "loadtasks.engine.generator.child"], check=True)

    (workspace.scenarios / "thing.yaml").write_text(SCENARIOS.replace("requests: 20", "duration_s: 20"))
    with pytest.raises(ProcessError, match="was ended by SIGKILL"):
        steps.measure(workspace, run.id, "thing.concurrent", target, kill_one, processes=2)
    steps.judge(workspace, run.id)
    assert steps.compare(workspace, run.id) is Verdict.INVALID
    (result,) = steps.document(workspace, run.id).scenarios
    assert "was ended by SIGKILL; nothing of this scenario was kept" in sentences.sentence(result.findings[0])
    assert result.measurements == []


def test_a_retried_step_replaces_its_own_measurement(workspace: Workspace, server: ScriptedServer) -> None:
    target = Target(server.url)
    run = steps.open_run(workspace, target, run_id="night", trigger="manual", scenarios=["thing.alone"])
    for _ in range(2):
        steps.measure(workspace, run.id, "thing.alone", target)
    with Store.open(workspace.results_url) as store:
        assert len(store.measurements("night")) == 1


def test_the_load_factor_is_the_runs(workspace: Workspace, server: ScriptedServer) -> None:
    target = Target(server.url)
    run = steps.open_run(workspace, target, run_id="night", trigger="manual", scenarios=["thing.alone"], load_factor=3)
    (measurement,) = steps.measure(workspace, run.id, "thing.alone", target)
    assert measurement.counts.scheduled == 15
    assert measurement.load == "15 requests, 3 workers"
    refused(call("run", "--target", server.url, "--load-factor", "0"), 2, "load factor 0")


def test_results_that_are_cut_in_half_are_exit_2(tmp_path: Path, workspace: Workspace, server: ScriptedServer) -> None:
    call("run", "thing.alone", "--target", server.url)
    whole = workspace.reports / "latest" / "results.json"
    half = tmp_path / "half.json"
    half.write_text(whole.read_text()[: whole.stat().st_size // 2])
    refused(call("report", str(half)), 2, str(half), "not whole JSON")
    refused(call("compare", str(whole), str(half)), 2, str(half))
    half.write_text(whole.read_text().replace('"schema_version": 4', '"schema_version": 99'))
    refused(call("report", str(half)), 2, "99")
    refused(call("report", str(tmp_path / "missing.json")), 2, "missing.json")


def test_a_var_that_can_not_be_written_is_exit_2_before_anything_is_sent(
    workspace: Workspace, server: ScriptedServer, tmp_path: Path
) -> None:
    (tmp_path / "var").write_text("a file, where a folder should be")
    refused(call("run", "--target", server.url), 2, str(tmp_path / "var"), "can't be written")
    assert server.requests == []


def test_what_the_database_does_not_take_is_kept_elsewhere(
    workspace: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(server.url)
    run = steps.open_run(workspace, target, run_id="night", trigger="manual", scenarios=["thing.alone"])

    def full(*_: object) -> None:
        raise BadInputError("results.db: no space left on the disk; make room.")

    monkeypatch.setattr(Store, "save_measurements", full)
    with pytest.raises(BadInputError, match=r"What was measured is kept in (\S+)\.") as raised:
        steps.measure(workspace, run.id, "thing.alone", target)
    folder = Path(str(raised.value).rsplit(" ", 1)[1].rstrip("."))
    assert json.loads((folder / "0.json").read_text())["counts"]["completed"] == 5


def test_an_unknown_run_is_exit_2(workspace: Workspace) -> None:
    refused(call("report", "no-such-run"), 2, "no-such-run")
    refused(call("baseline", "approve", "no-such-run"), 2, "no-such-run")


def test_the_alert_goes_out_once_and_lands_in_the_outbox_when_it_can_not_be_sent(
    workspace: Workspace, server: ScriptedServer, api: Api
) -> None:
    api.delay_s = 0.6
    call("run", "thing.alone", "--target", server.url)
    run_id = (workspace.reports / "latest").resolve().name
    sent: list[str] = []
    people = {"sender": "a@example.org", "recipients": ["b@example.org"]}
    again = steps.alert(workspace, run_id, deliver=lambda message: sent.append(str(message)) or "there", **people)
    assert sent == []
    assert again is not None
    assert again.endswith(".eml")
    target = Target(server.url)
    other = steps.open_run(workspace, target, run_id="other", trigger="manual", scenarios=["thing.alone"])
    steps.measure(workspace, other.id, "thing.alone", target)
    steps.judge(workspace, other.id)
    steps.compare(workspace, other.id)

    def unreachable(message: object) -> str:
        raise ConnectionRefusedError("connection refused")

    with pytest.raises(BadInputError, match=r"could not be sent .*refused.*other.eml"):
        steps.alert(workspace, other.id, deliver=unreachable, **people)
    assert (workspace.outbox / "other.eml").is_file()


def test_a_plan_is_told_and_nothing_is_sent(workspace: Workspace) -> None:
    (workspace.scenarios / "ramp.yaml").write_text(
        "endpoint: ramp\nrequest: {path: /r}\n"
        "scenarios: {up: {load: {start_rate: 2, stages: [{rate: 4, duration_s: 2}]}}}\n"
    )
    told = call("plan", "ramp.up", "thing.alone").output
    assert "ramp.up: from 2 requests/s to 4/s in 2 s; 6 in all" in told
    assert "thing.alone: 5 requests, one after another; 5 in all" in told
    assert call("plan", "nothing").exit_code == 2
