"""The files for CI systems that `run`, `report` and `compare` write besides their own report."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from loadtasks.workspace import Workspace
from tests.loadtasks.report.reviews import DOCUMENTS
from tests.servers import ScriptedServer
from tests.thing import ThingApi, call, check_refused


def options(folder: Path) -> list[str]:
    return [f"--{name}={folder / name}" for name in ("junit", "openmetrics", "markdown")]


def test_a_run_writes_all_of_them_and_the_summary_of_the_job(
    workspace: Workspace, server: ScriptedServer, api: ThingApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary, out = tmp_path / "summary.md", tmp_path / "made" / "by" / "run"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    api.delay_s = 0.6
    assert call("run", "thing.alone", "--target", server.url, *options(out)).exit_code == 1
    (suite,) = ElementTree.fromstring((out / "junit").read_bytes())
    tests = {case.get("name"): [result.tag for result in case] for case in suite.iter("testcase")}
    assert tests == {
        "measurement": [],
        "p95 < 500 ms": ["failure"],
        "success rate ≥ 99.0 % (built-in)": [],
        "availability ≥ 99.0 % (built-in)": [],
        "comparison": ["skipped"],
    }
    assert len(list(text_string_to_metric_families((out / "openmetrics").read_text()))) > 10
    assert (out / "markdown").read_text() == summary.read_text()
    assert summary.read_text().startswith("### ✗ Performance: 1 of 1 scenario missed its target")


def test_files_that_cannot_be_written_are_refused_before_any_load(
    workspace: Workspace, server: ScriptedServer, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    run = ("run", "--target", server.url)
    check_refused(call(*run, f"--junit={tmp_path}"), 2, "--junit", "it is a folder")
    check_refused(call(*run, "--openmetrics=/dev/null"), 2, "--openmetrics /dev/null", "it is no file")
    check_refused(call(*run, f"--markdown={tmp_path}/file/x"), 2, "is no folder")
    twice = (f"--junit={tmp_path}/x", f"--markdown={tmp_path}/y/../x")
    check_refused(call(*run, *twice), 2, "--markdown", "--junit writes this file, too")
    assert not server.requests


def test_a_file_that_cannot_be_written_at_the_end_costs_no_verdict_and_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results.json"
    DOCUMENTS["regressed"].write(results)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    reported = call("report", str(results), *options(tmp_path))
    assert reported.exit_code == 1
    assert "GITHUB_STEP_SUMMARY" in reported.stderr
    assert "can't be written" in reported.stderr
    (tmp_path / "junit.partial").mkdir()  # what is written first is in the way
    (tmp_path / "markdown").unlink()
    broken = call("report", str(results), *options(tmp_path))
    assert broken.exit_code == 2
    assert "REGRESSED" in broken.stdout
    assert "--junit" in broken.stderr
    assert (tmp_path / "markdown").is_file()


def test_two_files_compared_are_written_too(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    DOCUMENTS["nightly"].write(results)
    call("compare", str(results), str(results), *options(tmp_path))
    assert "compared with run" in (tmp_path / "markdown").read_text()


def test_what_is_read_is_not_written_over_and_what_an_earlier_command_wrote_is_removed(tmp_path: Path) -> None:
    results, old = tmp_path / "results.json", tmp_path / "old.xml"
    DOCUMENTS["nightly"].write(results)
    before = results.read_bytes()
    check_refused(call("compare", str(results), str(results), "--junit", str(results)), 2, "the file that is read")
    assert results.read_bytes() == before
    old.write_text("<of-yesterday/>")
    call("report", str(tmp_path / "missing.json"), "--junit", str(old))
    assert not old.exists()
