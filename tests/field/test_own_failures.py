"""Failures of our own, end to end: poor terminals, cancelled jobs, locked and full databases, users without a name."""

import io
import json
import os
import pwd
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loadtasks import steps
from loadtasks.report import listings, terminal
from loadtasks.results import database
from loadtasks.results.document import ResultsDocument, read_document
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.judgement import Verdict
from loadtasks.results.regression import MetricChange, Move, Regression, RegressionState
from loadtasks.results.store import Store
from loadtasks.steps import exercise
from loadtasks.workspace import Workspace
from tests.loadtasks.report import samples
from tests.servers import ScriptedServer, ok, scripted
from tests.thing import api, call, check_refused, server, workspace
from tests.workspaces import PROJECT, context_of, remove_suites

__all__ = ["api", "server", "workspace"]

HOSTILE_VERSION = "1.2\r\nBcc: eve@example.com\r\n\x1b[31mred\x1b[0m \u202eback \x00 \x9b2J \u00b5"
TWO = """
endpoint: thing
request: {path: /thing}
scenarios:
  first: {load: {workers: 1, requests: 40}, warmup_requests: 0}
  second: {load: {workers: 2, duration_s: 60}, warmup_requests: 0}
"""
Started = Callable[..., "subprocess.Popen[bytes]"]


def latest(workspace: Workspace) -> ResultsDocument:
    return read_document(workspace.reports / "latest" / "results.json")


@pytest.fixture
def start(workspace: Workspace, server: ScriptedServer) -> Iterator[Started]:
    """Starts `python -m loadtasks run` in a process of its own; none outlives the test."""
    processes: list[subprocess.Popen[bytes]] = []
    remove_suites(workspace.expectations)

    def started(*arguments: str, shell: str = 'exec "$@"', **environment: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "loadtasks", "run", "--target", server.url, *arguments]
        # No stream is a terminal; what a shell does to them is what the tests are about.
        process = subprocess.Popen(
            ["bash", "-c", shell, "bash", *command],
            cwd=PROJECT,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
        processes.append(process)
        return process

    yield started
    for process in processes:
        process.kill()
        process.communicate()


def wait_until(condition: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def children_of(pid: int) -> list[int]:
    return [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/stat")
        if path.read_text().rpartition(")")[2].split()[1] == str(pid)
    ]


@pytest.mark.parametrize(("number", "processes"), [(signal.SIGTERM, 2), (signal.SIGHUP, 1)])
def test_a_cancelled_job_is_judged_reported_and_leaves_no_process(
    workspace: Workspace, server: ScriptedServer, start: Started, number: signal.Signals, processes: int
) -> None:
    (workspace.scenarios / "thing.yaml").write_text(TWO)
    process = start("--processes", str(processes))
    wait_until(lambda: len(server.requests) > 100, process)  # the second scenario runs
    children = children_of(process.pid)
    process.send_signal(number)
    output, errors = process.communicate()
    assert process.returncode == 3, output + errors
    assert b"Traceback" not in errors
    document = latest(workspace)
    first, second = document.scenarios
    assert (first.scenario, first.measurements[0].counts.completed) == ("thing.first", 40)
    assert (second.scenario, second.verdict) == ("thing.second", Verdict.INVALID)
    assert second.findings[0].code is FindingCode.INTERRUPTED
    assert len(list(workspace.outbox.glob("*.eml"))) == 1
    assert len(children) >= processes - 1
    assert not [pid for pid in children if Path(f"/proc/{pid}/exe").exists()]


def test_a_second_signal_ends_it_at_once_and_what_was_measured_is_kept(
    workspace: Workspace, server: ScriptedServer, start: Started
) -> None:
    (workspace.scenarios / "thing.yaml").write_text(TWO)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a mail server that is waited for
        mail = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        process = start(
            PYTHONUNBUFFERED="1",
            LOADTASKS_SMTP_URL=mail,
            LOADTASKS_RECIPIENTS="a@example.org",
            LOADTASKS_SENDER="b@example.org",
        )
        wait_until(lambda: len(server.requests) > 100, process)
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(b"Interrupted"):
                break
        while process.poll() is None:  # signals that come together count as one
            process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
    assert process.returncode == -signal.SIGTERM
    with Store.open(workspace.results_url) as store:
        ((run, _),) = store.runs()
        assert [measurement.scenario for measurement in store.measurements(run.id)] == ["thing.first"]
    assert steps.judge(context_of(), run.id) is Verdict.INVALID


def hostile(connection: object, request: bytes) -> bool:
    body = (
        json.dumps({"version": HOSTILE_VERSION}).encode() if request.startswith(b"GET /version") else b'{"good": true}'
    )
    connection.sendall(ok(body))  # type: ignore[attr-defined]
    return True


def test_any_terminal_gets_every_line_and_nothing_that_acts_on_it(workspace: Workspace, start: Started) -> None:
    with scripted(hostile) as target:
        process = start("thing.alone", "--target", target.url, PYTHONIOENCODING="ascii")
        output, errors = process.communicate()
    assert process.returncode == 0, output + errors
    shown = output.decode("ascii")
    (first, *_) = shown.splitlines()
    for part in ("(version 1.2", "Bcc: eve@example.com", "[31mred", "back", "2J u)"):
        assert part in first
    assert all(character.isprintable() for line in shown.splitlines() for character in line)
    assert re.search(r"\d [mu]s", shown)  # microseconds without the letter that ASCII lacks
    assert latest(workspace).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "shell",
    [
        '"$@" | head -1; exit ${PIPESTATUS[0]}',
        'exec "$@" >&- 2>&- <&-',
    ],
    ids=["head", "closed"],
)
def test_a_run_goes_on_where_nobody_reads_it(workspace: Workspace, start: Started, shell: str) -> None:
    process = start("thing.alone", shell=shell)
    output, errors = process.communicate()
    assert process.returncode == 0, output + errors
    assert b"Traceback" not in errors
    assert b"Exception" not in errors
    assert latest(workspace).verdict is Verdict.PASS


class Terminal(io.StringIO):
    """A terminal, which has as many columns as the environment says."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [0, 1, 30, 80, 100])
def test_a_narrow_terminal_cuts_no_id(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    shown = Terminal()
    console = terminal.console(shown)
    document = samples.bad_run()
    listings.show_runs([(document.run, Verdict.FAIL)], console)
    regression = a_regression()
    listings.show_regressions([regression], to=console)
    terminal.show(document, to=console)
    text = shown.getvalue()
    for whole in (document.run.id, regression.first_run, regression.label, "acknowledged"):
        assert whole in text
    for result in document.scenarios:
        assert result.scenario in text


def a_regression() -> Regression:
    at = datetime(2026, 11, 24, 2, tzinfo=UTC)
    return Regression(
        id=1234567,
        service="127.0.0.1:8000",
        scenario="a-scenario-with-a-long-name.concurrent_and_sustained",
        part="",
        first_run="20261124T020000Z-3fa9",
        found_run="20261124T020000Z-3fa9",
        version_before="1.2.2",
        version_after="1.2.3",
        changes=[MetricChange(metric="p95_s", before=0.1, ratio=1.5, low=1.4, high=1.6)],
        moves=[Move(state=RegressionState.ACKNOWLEDGED, at=at, who="somebody", why="a reason of several words " * 5)],
    )


class LockingApi:
    """A target that locks the results database as the load of scenario one comes, and unlocks it as another's does."""

    def __init__(self, path: Path, unlocked_by: str | None) -> None:
        self.database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.unlocked_by = unlocked_by
        self.seen: Counter[str] = Counter()

    def __call__(self, connection: object, request: bytes) -> bool:
        path = request.split(b" ")[1].decode()
        self.seen[path] += 1
        if self.seen[path] == 4:  # not a preflight
            if path == "/one":
                self.database.execute("BEGIN EXCLUSIVE")
            if path == self.unlocked_by:
                self.database.execute("ROLLBACK")
        connection.sendall(ok(b"{}"))  # type: ignore[attr-defined]
        return True


def lock(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, unlocked_by: str | None) -> LockingApi:
    monkeypatch.setattr(database, "WAIT_S", 0.2)
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_S", 0.05)
    load = "{load: {workers: 1, requests: 10}, warmup_requests: 0}"
    for name in ("one", "two"):
        (workspace.scenarios / f"{name}.yaml").write_text(
            f"endpoint: {name}\nrequest: {{path: /{name}}}\nscenarios: {{steady: {load}}}\n"
        )
    Store.open(workspace.results_url).close()
    return LockingApi(workspace.var / "results.db", unlocked_by)


def test_a_database_that_is_locked_for_a_while_loses_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    locking = lock(workspace, monkeypatch, unlocked_by="/two")
    with closing(locking.database), scripted(locking) as target:
        result = call("run", "one", "two", "--target", target.url)
    assert result.exit_code == 0, result.output
    assert "one.steady: measured, and kept in" in result.output
    assert [(found.scenario, found.verdict) for found in latest(workspace).scenarios] == [
        ("one.steady", Verdict.PASS),
        ("two.steady", Verdict.PASS),
    ]
    assert list((workspace.var / "rescued").iterdir()) == []


def test_what_a_locked_database_did_not_take_is_kept_and_judged_later(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    locking = lock(workspace, monkeypatch, unlocked_by=None)
    with closing(locking.database), scripted(locking) as target:
        result = call("run", "one", "two", "--target", target.url)
        folder = next((workspace.var / "rescued").iterdir())
        check_refused(
            result, 2, "results.db", "locked", "wait until that has ended", f"loadtasks keep {folder}", "judge"
        )
        assert "writable" not in result.stderr
        assert "two.steady: measured, and kept in" in result.output
        assert "of which nothing was kept" not in result.output  # nothing that is in a file is measured again
        check_refused(call("keep", str(folder)), 2, "locked")
        locking.database.execute("ROLLBACK")
    kept = call("keep", str(folder))
    assert kept.exit_code == 0, kept.output
    assert kept.output.count("is kept") == 2
    assert not folder.exists()
    assert steps.judge(context_of(), folder.name) is Verdict.PASS
    check_refused(call("keep", str(folder)), 2, str(folder))


def test_a_full_disk_is_one_sentence_and_what_was_measured_is_kept(
    workspace: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(workspace.var / "reports"))

    monkeypatch.setattr("loadtasks.steps.judging.judge_run", full)
    result = call("run", "thing.alone", "--target", server.url)
    check_refused(result, 2, str(workspace.var / "reports"), "No space left", "make room", "is kept in run")
    with Store.open(workspace.results_url) as store:
        ((run, _),) = store.runs()
        assert store.measurements(run.id)[0].counts.completed == 5


@pytest.mark.parametrize("part", ["data_docs", "report"])
def test_a_report_that_can_not_be_written_costs_no_verdict(
    workspace: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("LOADTASKS_DATA_DOCS", "1")
    suite = workspace.expectations / "thing.json"
    suite.write_text(suite.read_text().replace("0.5", "0.0"))
    if part == "report":  # the Data Docs are below it, too
        (workspace.var / "reports").parent.mkdir()
        (workspace.var / "reports").write_text("a file")
    else:
        monkeypatch.setattr("great_expectations.data_context.store.TupleFilesystemStoreBackend._set", full)
    result = call("run", "thing.alone", "--target", server.url)
    if part == "report":
        check_refused(result, 2, str(workspace.var / "reports"), "can't be written", "loadtasks report")
    else:
        assert (result.exit_code, result.stderr) == (1, "")
    shown = " ".join(result.output.split())
    assert "FAIL" in shown
    assert "this run has no Great Expectations Data Docs" in shown
    with Store.open(workspace.results_url) as store:
        ((run, verdict),) = store.runs()
        (judged,) = store.verdicts(run.id)
    assert verdict is Verdict.FAIL
    assert [finding.code for finding in judged.findings].count(FindingCode.DATA_DOCS_MISSING) == 1
    if part == "data_docs":
        page = (workspace.reports / "latest" / "index.html").read_text()
        assert "could not be written" in page
        assert "data_docs/index.html" not in page
        assert not list(workspace.reports.rglob("data_docs"))


def break_scenario(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    drive = exercise.run_scenario

    def broken(scenario: object, *arguments: object, **options: object) -> object:
        if scenario.name == name:  # type: ignore[attr-defined]
            raise ZeroDivisionError("a mistake of ours")
        return drive(scenario, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(exercise, "run_scenario", broken)


def test_a_mistake_of_ours_is_exit_4_and_the_rest_is_judged_and_reported(
    workspace: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_scenario(monkeypatch, "thing.concurrent")
    result = call("run", "--target", server.url)
    check_refused(result, 4, "the pipeline itself broke", "ZeroDivisionError: a mistake of ours", str(workspace.var))
    assert [(found.scenario, found.verdict) for found in latest(workspace).scenarios] == [
        ("thing.concurrent", Verdict.INVALID),
        ("thing.alone", Verdict.PASS),
    ]
    assert len(list(workspace.outbox.glob("*.eml"))) == 1


@pytest.mark.parametrize(
    ("step", "reached"),
    [("judging.judge_run", False), ("reporting.folder.write", True), ("alerting.mail.compose", True)],
)
def test_a_mistake_in_any_step_is_exit_4_and_what_was_measured_is_kept(
    workspace: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, step: str, reached: bool
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise TypeError("unsupported operand")

    (workspace.expectations / "thing.json").write_text(
        (workspace.expectations / "thing.json").read_text().replace("0.5", "0.0")
    )
    monkeypatch.setattr(f"loadtasks.steps.{step}", broken)
    result = call("run", "thing.alone", "--target", server.url)
    assert result.exit_code == 4, result.output
    assert result.stderr.count("\n") == 1
    assert "TypeError: unsupported operand" in result.stderr
    assert ("FAIL" in result.output) is reached
    assert ("python -m loadtasks judge" in result.stderr) is not reached
    with Store.open(workspace.results_url) as store:
        ((run, _),) = store.runs()
        assert store.measurements(run.id)


def test_a_user_without_a_name_is_its_number(
    workspace: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_: int) -> None:
        raise KeyError("getpwuid(): uid not found: 123456")

    assert call("run", "thing.alone", "--target", server.url).exit_code == 0
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.setattr(os, "getuid", lambda: 123456)
    result = call("baseline", "approve", "latest", "--why", "new cache", *service_of(workspace))
    assert result.exit_code == 0, result.output
    with Store.open(workspace.results_url) as store:
        assert store.approvals.current()[0].approved_by == "123456"


def service_of(workspace: Workspace) -> Sequence[str]:
    return ("--service", latest(workspace).run.service)
