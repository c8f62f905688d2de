"""Past runs: reported again, compared, listed."""

import json
import subprocess
import sys
from pathlib import Path

from loadtasks.workspace import Workspace
from tests.servers import ScriptedServer
from tests.thing import ThingApi, call, check_refused
from tests.workspaces import PROJECT


def test_results_files_are_compared_and_printed(
    workspace: Workspace, server: ScriptedServer, api: ThingApi, tmp_path: Path
) -> None:
    assert call("run", "thing.alone", "--target", server.url, "--out", str(tmp_path / "one")).exit_code == 0
    api.delay_s = 0.2
    assert call("run", "thing.alone", "--target", server.url, "--out", str(tmp_path / "two")).exit_code == 0
    one, two = (str(tmp_path / name / "reports" / "latest" / "results.json") for name in ("one", "two"))
    assert call("report", two).exit_code == 0
    same = call("compare", one, one)
    assert (same.exit_code, "PASS" in same.output, "prior" in same.output) == (0, True, True)
    compared = call("compare", two, one)
    assert compared.exit_code == 1, compared.output
    assert "REGRESSED" in compared.output
    assert "cause: " in compared.output
    assert call("compare", one, two).exit_code == 0
    script = [sys.executable, str(PROJECT / "scripts" / "analyze_load_test_results.py")]
    analysed = subprocess.run([*script, two, one], capture_output=True, text=True, check=False)
    assert (analysed.returncode, analysed.stdout) == (1, compared.output)
    assert subprocess.run([*script, two], capture_output=True, check=False).returncode == 0


def test_past_runs_are_listed(workspace: Workspace, server: ScriptedServer) -> None:
    assert "No run yet" in call("runs").output
    call("run", "thing.alone", "--target", server.url)
    run_id = (workspace.reports / "latest").resolve().name
    assert run_id in call("runs").output
    listed = call("history", "thing.alone").output
    assert run_id in listed
    assert "5 requests, one after another" in listed
    assert call("report", run_id).exit_code == 0


def test_results_that_are_cut_in_half_are_exit_2(tmp_path: Path, workspace: Workspace, server: ScriptedServer) -> None:
    call("run", "thing.alone", "--target", server.url)
    whole = workspace.reports / "latest" / "results.json"
    half = tmp_path / "half.json"
    half.write_text(whole.read_text()[: whole.stat().st_size // 2])
    check_refused(call("report", str(half)), 2, str(half), "JSON")
    check_refused(call("compare", str(whole), str(half)), 2, str(half))
    half.write_text(json.dumps(json.loads(whole.read_text()) | {"schema_version": 1}))
    check_refused(call("report", str(half)), 2, str(half), "1")
    check_refused(call("report", str(tmp_path / "missing.json")), 2, "missing.json")


def test_an_unknown_run_is_exit_2(workspace: Workspace) -> None:
    check_refused(call("report", "no-such-run"), 2, "no-such-run")
    check_refused(call("baseline", "approve", "no-such-run"), 2, "no-such-run")
