"""Two builds started, compared and stopped; and what becomes of them when the command is killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from click.testing import Result

from loadtasks.results.document import read_document
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.judgement import Verdict
from loadtasks.workspace import Workspace
from tests.loadtasks.builds.serving import server_command
from tests.thing import SUITE, call, check_refused
from tests.workspaces import PROJECT, own_workspace

SCENARIOS = """
endpoint: thing
request: {path: /thing, checks: {json: {good: {equals: true}}}}
scenarios:
  alone: {load: {workers: 1, requests: 5}, warmup_requests: 1}
  fixed: {load: {workers: 1, requests: 3}, warmup_requests: 0, scales: false}
"""


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    return own_workspace(tmp_path, monkeypatch, SCENARIOS, json.dumps(SUITE))


def compared(candidate: str, reference: str, *options: str) -> Result:
    commands = (f"--candidate-command={candidate}", f"--reference-command={reference}")
    return call("compare-builds", *commands, "--start-timeout", "20", *options)


def test_a_slower_build_is_a_regression_found_in_one_run(tmp_path: Path, workspace: Workspace) -> None:
    slow, fast = (server_command(tmp_path, f"DELAY={delay_s}") for delay_s in (0.02, 0.005))
    result = compared(slow, fast)
    assert result.exit_code == 1, result.output
    document = read_document(workspace.reports / "latest" / "results.json")
    alone, fixed = document.scenarios
    assert (alone.verdict, fixed.verdict) == (Verdict.REGRESSED, Verdict.PASS)
    assert FindingCode.REFERENCE_REGRESSION in [finding.code for finding in alone.findings]
    assert set(alone.round_ratios[0].starts) == {0, 1}, "two starts of both builds show it"
    assert "rounds of 2 starts" in result.output
    assert len(alone.round_ratios[0].took_s) < 480, "it ends where it is decided"
    assert document.run.service == Path.cwd().name
    assert not workspace.outbox.exists(), "whoever started it reads what it found"
    assert [process for process in psutil.Process().children(recursive=True) if "serving" in str(process)] == []


def test_what_only_one_start_of_a_build_shows_is_no_regression(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADTASKS_ROUNDS", "60")
    first, fast = tmp_path / "first", server_command(tmp_path, "DELAY=0.002")
    slow_once = server_command(tmp_path, f"DELAY=$([ -e {first} ] && echo 0.002 || {{ touch {first}; echo 0.01; }})")
    result = compared(slow_once, fast, "thing.alone", "--time-budget", "40")
    assert result.exit_code == 0, result.output
    (alone,) = read_document(workspace.reports / "latest" / "results.json").scenarios
    assert alone.verdict is Verdict.PASS
    assert set(alone.round_ratios[0].starts) >= {0, 1}


def test_a_build_that_does_not_start_again_is_no_good_and_what_was_measured_is_kept(
    tmp_path: Path, workspace: Workspace
) -> None:
    first, slow = tmp_path / "first", server_command(tmp_path, "DELAY=0.02")
    result = compared(f"[ ! -e {first} ] || exit 7; touch {first}; {slow}", server_command(tmp_path), "thing.alone")
    assert result.exit_code == 1, result.output
    assert "ended with exit code 7 before it was healthy, when it was started again" in result.stderr
    (alone,) = read_document(workspace.reports / "latest" / "results.json").scenarios
    assert set(alone.round_ratios[0].starts) == {0}


def test_what_is_undecided_at_the_end_of_the_time_is_no_failure(tmp_path: Path, workspace: Workspace) -> None:
    both = server_command(tmp_path, "DELAY=0.002")
    result = compared(both, both, "thing.alone", "--time-budget", "1")
    assert result.exit_code == 0, result.output
    (alone,) = read_document(workspace.reports / "latest" / "results.json").scenarios
    rounds = len(alone.round_ratios[0].took_s)
    assert rounds >= 10
    if FindingCode.INCONCLUSIVE in [finding.code for finding in alone.findings]:
        assert "Inconclusive: 1 scenario" in result.output


def test_a_reference_that_is_lost_is_never_a_pass_by_targets_alone(tmp_path: Path, workspace: Workspace) -> None:
    good = server_command(tmp_path)
    failing = f"timeout 4 sh -c '{good}'"
    (tmp_path / "none").mkdir()  # no target of the suite: a busy machine misses one, which is no matter here
    without_suites = ("--expectations", str(tmp_path / "none"))
    lost = compared(good, failing, "--time-budget", "30", "thing.alone", "--load-factor", "40", *without_suites)
    assert lost.exit_code == 3, lost.output
    assert "the reference ended with exit code 124 while it was measured" in lost.stderr


def test_a_candidate_that_dies_is_no_good(tmp_path: Path) -> None:
    good = server_command(tmp_path)
    dead = compared(f"timeout 4 sh -c '{good}'", good, "thing.alone", "--load-factor", "40")
    assert dead.exit_code == 1, dead.output
    assert "the candidate ended with exit code 124 while it was measured" in dead.stderr


@pytest.mark.parametrize(("candidate", "reference", "code"), [("exit 7", "sleep 50", 1), ("sleep 50", "exit 7", 3)])
def test_a_build_that_does_not_start_is_said(candidate: str, reference: str, code: int) -> None:
    result = compared(f"echo why; {candidate}", f"echo why; {reference}")
    assert result.exit_code == code, result.output
    assert "ended with exit code 7 before it was healthy; the end of its log (" in result.stderr
    assert result.stderr.endswith("\n    why\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--candidate-command=x",), "--reference-command or --reference-image is needed"),
        (("--candidate-command=x", "--candidate-image=y", "--reference-command=x"), "not both"),
        (("--candidate-command=x", "--reference-command=x", "--candidate-dir=/no/such/folder"), "no such folder"),
        (("--candidate-image=x", "--reference-command=x", "--candidate-dir=/"), "an image has no folder"),
        (("--candidate-command=x", "--reference-command=x", "--docker-options='"), "--docker-options"),
        (("--candidate-command=x", "--reference-command=x", "--time-budget=0"), "--time-budget 0"),
        (("--candidate-command=x", "--reference-command=x", "no.such.scenario"), "no.such.scenario"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(options: tuple[str, ...], message: str) -> None:
    check_refused(call("compare-builds", *options), 2, message)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_command_that_is_killed_leaves_nothing_behind(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    mark = f"{tmp_path}-{seed}"
    build = f"(setsid sleep 983 &); {server_command(tmp_path)}"
    builds = [f"--candidate-command={build}", f"--reference-command={build}"]
    command = [sys.executable, "-m", "loadtasks", "compare-builds", *builds]
    process = subprocess.Popen(
        command, cwd=PROJECT, env={**os.environ, "TEST_MARK": mark}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    if seed > 1:
        assert process.stdout.readline().startswith(b"Both builds are up")
    time.sleep(chance.uniform(0.0, 1.5))
    process.send_signal(signal.SIGTERM if seed == 2 else signal.SIGKILL)
    process.communicate(timeout=60)
    until_s = time.monotonic() + 30
    while _marked(mark) and time.monotonic() < until_s:
        time.sleep(0.05)
    assert _marked(mark) == []


def _marked(mark: str) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TEST_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(str(process))
        except psutil.Error:
            continue
    return found
