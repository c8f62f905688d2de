"""Whole runs on a scripted target, and everything that can be handed in wrong."""

import json
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import Result

from loadtasks.results.document import read_document
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.judgement import Verdict
from loadtasks.results.regression import AUTOMATIC
from loadtasks.results.store import Store
from loadtasks.verdict.history.baselines import MIN_BASELINE_RUNS
from loadtasks.workspace import Workspace
from tests.servers import ScriptedServer, free_port
from tests.thing import SCENARIOS, SUITE, ThingApi, call, check_refused
from tests.workspaces import PROJECT, remove_suites


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
    assert not (latest / "data_docs").exists(), "nobody asked for them"
    assert not workspace.outbox.exists()
    with Store.open(workspace.results_url) as store:
        assert {baseline.scenario: baseline.approved_by for baseline in store.approvals.current()} == {
            "thing.concurrent": AUTOMATIC,
            "thing.alone": AUTOMATIC,
        }
    second = call("run", "thing.alone", "--target", server.url)
    assert second.exit_code == 0, second.output
    (scenario,) = read_document(latest / "results.json").scenarios
    assert scenario.comparisons
    (finding,) = [finding for finding in scenario.findings if finding.code is FindingCode.BASELINE_TOO_SHORT]
    assert finding.parameters.missing_runs == MIN_BASELINE_RUNS - 2


def test_a_missed_target_is_exit_1_and_the_alert_names_all(
    workspace: Workspace, server: ScriptedServer, api: ThingApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADTASKS_REPORTS_URL", "https://reports.example.org/")
    api.delay_s = 0.6
    result = call("run", "thing.alone", "--target", server.url)
    assert result.exit_code == 1, result.output
    (mail,) = workspace.outbox.glob("*.eml")
    text = mail.read_text()
    for part in ("thing.alone", "p95", "500 ms", "https://reports.example.org/2"):
        assert part in text
    with Store.open(workspace.results_url) as store:
        assert store.approvals.current() == []


def test_the_targets_own_metrics_are_kept_or_missed_with_a_finding(
    workspace: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = workspace.reports / "latest" / "results.json"
    assert call("run", "thing.alone", "--target", server.url).exit_code == 0
    (measurement,) = read_document(document).scenarios[0].measurements
    assert measurement.target_metrics is not None
    assert measurement.target_metrics.counters == {"things_total": 6.0}
    monkeypatch.setenv("LOADTASKS_METRICS_PATH", "/nowhere")
    assert call("run", "thing.alone", "--target", server.url).exit_code == 0
    codes = [finding.code for finding in read_document(document).scenarios[0].findings]
    assert FindingCode.TARGET_METRICS_UNREADABLE in codes


def test_the_script_runs_all_load_tests(workspace: Workspace, server: ScriptedServer) -> None:
    remove_suites(workspace.expectations)
    done = subprocess.run(
        [PROJECT / "scripts" / "run_load_tests.sh", "--target", server.url], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2/2 thing.alone" in done.stdout


def test_a_wrong_scenario_file_is_exit_2_before_anything_is_sent(workspace: Workspace, server: ScriptedServer) -> None:
    (workspace.scenarios / "thing.yaml").write_text(SCENARIOS.replace("workers: 2", "workers: -2"))
    check_refused(call("run", "--target", server.url), 2, "thing.yaml", "scenarios.concurrent.load.workers", "-2")
    assert server.requests == []


def test_a_suite_of_a_column_that_does_not_exist_is_exit_2_before_anything_is_sent(
    workspace: Workspace, server: ScriptedServer
) -> None:
    (workspace.expectations / "thing.json").write_text(json.dumps(SUITE).replace("p95_s", "p95_ms"))
    check_refused(call("run", "--target", server.url), 2, "thing.json", "p95_ms", "p95_s")
    assert server.requests == []


def test_an_unknown_expectation_is_exit_2_before_anything_is_sent(workspace: Workspace, server: ScriptedServer) -> None:
    wrong = json.dumps(SUITE).replace("expect_column_values_to_be_between", "expect_column_to_be_magic")
    (workspace.expectations / "thing.json").write_text(wrong)
    check_refused(call("run", "thing.alone", "--target", server.url), 2, "thing.json", "expect_column_to_be_magic")
    assert server.requests == []


def test_an_unknown_scenario_is_exit_2(workspace: Workspace) -> None:
    check_refused(call("run", "nothing"), 2, "nothing", "thing.concurrent")


def check_reported(result: Result, workspace: Workspace, code: int, *parts: str) -> None:
    """A whole run, invalid, with its report and its alert."""
    assert result.exit_code == code, result.output
    assert result.stderr == ""
    assert (workspace.reports / "latest" / "index.html").is_file()
    (mail,) = workspace.outbox.glob("*.eml")
    assert "[INVALID]" in mail.read_text()
    for part in parts:
        assert part in result.output
    assert "invalid" in call("runs").output
    assert call("report").exit_code == code


def test_a_target_that_is_down_is_exit_3_and_the_run_is_reported(workspace: Workspace) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    check_reported(call("run", "--target", url), workspace, 3, url, "refused")


def test_a_target_that_hangs_is_exit_3(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtasks.engine.http.probe.PROBE_DEADLINE_S", 0.2)
    monkeypatch.setattr("loadtasks.engine.preflight.PREFLIGHT_DEADLINE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        check_reported(call("run", "--target", url), workspace, 3, url, "no response within")


def test_a_target_that_refuses_the_token_is_exit_2(workspace: Workspace, server: ScriptedServer, api: ThingApi) -> None:
    api.status = "401 Unauthorized"
    check_reported(call("run", "--target", server.url), workspace, 2, "GET /thing responded 401", "LOADTASKS_TOKEN")
    assert len([request for request in server.requests if request.startswith(b"GET /thing")]) == 1


@pytest.mark.parametrize("address", ["ftp://x", "127.0.0.1", "http://"])
def test_a_target_that_is_no_address_is_exit_2(workspace: Workspace, address: str) -> None:
    check_refused(call("run", "--target", address), 2, address)


def test_processes_share_the_load_that_one_would_send(
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
    assert document.run.processes == 2
    server.requests.clear()
    check_refused(call("run", "--target", server.url, "--processes", "0"), 2, "--processes 0")
    assert server.requests == []


def test_a_var_that_can_not_be_written_is_exit_2_before_anything_is_sent(
    workspace: Workspace, server: ScriptedServer, tmp_path: Path
) -> None:
    (tmp_path / "var").write_text("a file, where a folder should be")
    check_refused(call("run", "--target", server.url), 2, str(tmp_path / "var"), "can't be written")
    assert server.requests == []
