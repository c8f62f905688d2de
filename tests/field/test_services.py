"""Runs of several services in one folder, wrong clocks, old reports, wrong runs, and two runs at once."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Condition
from typing import Any

import pytest
from click.testing import Result

from loadtasks.results.document import ResultsDocument, read_document
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.store import Store
from loadtasks.steps import open_run
from loadtasks.workspace import Workspace
from tests.servers import ScriptedServer, answering, ok, scripted
from tests.thing import call, check_refused
from tests.workspaces import PROJECT, ROOT_SCENARIO, context_of, remove_suites, root_workspace

GET = "root.get"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    return root_workspace(tmp_path, monkeypatch)


@pytest.fixture
def one() -> Iterator[ScriptedServer]:
    with scripted(answering(ok())) as server:
        yield server


@pytest.fixture
def two() -> Iterator[ScriptedServer]:
    with scripted(answering(ok())) as server:
        yield server


def measure(server: ScriptedServer, *options: str) -> str:
    """Make a run. Returns its id."""
    result = call("run", "--target", server.url, *options)
    assert result.exit_code == 0, result.output
    return re.findall(r"^Run (\S+) of ", result.output)[0]


def name_of(server: ScriptedServer) -> str:
    return f"127.0.0.1:{server.port}"


def document(workspace: Workspace, link: str = "latest") -> ResultsDocument:
    return read_document(workspace.reports / link / "results.json")


def titles(workspace: Workspace, run_id: str, result: Result) -> list[str]:
    """The first lines of everything that is shown of a run."""
    folder = workspace.reports / run_id
    page = (folder / "index.html").read_text()
    verdict = next(line for line in result.output.splitlines() if line.startswith("PASS"))
    return [(folder / "summary.md").read_text().splitlines()[0], re.findall("<title>(.*)</title>", page)[0], verdict]


def test_two_services_on_two_ports_have_two_histories(
    workspace: Workspace, one: ScriptedServer, two: ScriptedServer
) -> None:
    first, second, third = measure(one), measure(two), measure(one)
    for server, run_ids in ((one, [first, third]), (two, [second])):
        history = call("history", GET, "--service", name_of(server)).output
        assert sorted(re.findall(r"^2\S+", history, re.MULTILINE)) == sorted(run_ids)
    with Store.open(workspace.results_url) as store:
        assert {(kept.service, kept.scenario, kept.run_id) for kept in store.approvals.current()} == {
            (name_of(one), GET, first),
            (name_of(two), GET, second),
        }
        assert [point.run_id for point in store.series(name_of(one))[0].points] == [first, third]
    (scenario,) = document(workspace, second).scenarios
    assert (scenario.baseline_run, scenario.comparisons) == (None, [])
    assert {finding.code for finding in scenario.findings} >= {FindingCode.BASELINE_TOO_SHORT}
    (scenario,) = document(workspace, third).scenarios
    assert scenario.baseline_run == first


def test_latest_is_the_newest_of_the_service_that_is_meant(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, one: ScriptedServer, two: ScriptedServer
) -> None:
    first = measure(one)
    assert f"{first}/index.html" in call("report").output  # there is one service only
    second = measure(two, "--service", "stock")
    both = (name_of(one), "stock", "--service", "LOADTASKS_SERVICE")
    for command in (("report",), ("baseline", "approve", "latest"), ("history", GET), ("backtest",)):
        check_refused(call(*command), 2, *both)
    check_refused(call("report", "--service", "shop"), 2, "'shop'", *both[:2])
    assert f"{second}/index.html" in call("report", "--service", "stock").output
    assert f"{first}/index.html" in call("report", first, "--service", "stock").output
    for command in (("runs",), ("baseline",)):
        listed = call(*command).output
        assert re.search(rf"{second}.*stock|stock.*{second}", listed)
        assert re.search(rf"{first}.*{name_of(one)}|{name_of(one)}.*{first}", listed)
        of_one = call(*command, "--service", "stock").output
        assert second in of_one
        assert first not in of_one
    monkeypatch.setenv("LOADTASKS_TARGET", one.url)
    assert f"{first}/index.html" in call("report").output
    monkeypatch.setenv("LOADTASKS_SERVICE", "stock")
    assert f"{second}/index.html" in call("report").output
    assert document(workspace).run.id == second
    links = {path.name: path.resolve().name for path in (workspace.reports / "services").iterdir()}
    assert links.pop("stock") == second
    assert list(links.values()) == [first]


def test_a_named_service_is_the_same_wherever_it_listens_and_another_one_at_the_same_address(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, one: ScriptedServer, two: ScriptedServer
) -> None:
    monkeypatch.setenv("LOADTASKS_SERVICE", "shop")
    first, second = measure(one), measure(two)
    (scenario,) = document(workspace, second).scenarios
    assert scenario.baseline_run == first
    assert not {finding.code for finding in scenario.findings} & {FindingCode.NOT_COMPARABLE}
    for title in titles(workspace, second, call("report", second)):
        assert "shop" in title
    third = measure(two, "--service", "stock")
    assert document(workspace, third).scenarios[0].baseline_run is None
    files = [str(workspace.reports / run_id / "results.json") for run_id in (first, second, third)]
    assert call("compare", files[1], files[0]).exit_code == 0
    check_refused(call("compare", files[2], files[1]), 2, "differs in service (stock here, shop there)")


def test_a_mail_names_its_service(workspace: Workspace) -> None:
    with scripted(answering(ok(status="500 Internal Server Error"))) as broken:
        call("run", "--target", broken.url, "--service", "Shop (EU)")
    (mail,) = workspace.outbox.glob("*.eml")
    assert re.search(r"^Subject: \[\w+\] Shop \(EU\): ", mail.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", ["two\nlines", "\x07", " ", "x" * 201])
def test_what_is_no_name_is_refused(workspace: Workspace, name: str) -> None:
    check_refused(call("run", "--service", name), 2, "--service", "printable")


class Clock(datetime):
    """A clock that is wrong by `ahead`."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: Any = None) -> "Clock":
        return super().now(tz) + cls.ahead  # type: ignore[return-value]


def test_a_wrong_clock_decides_neither_on_latest_nor_on_the_order(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, one: ScriptedServer
) -> None:
    for module in ("loadtasks.results.run", "loadtasks.steps.open_run", "loadtasks.engine.generator.driver"):
        monkeypatch.setattr(sys.modules[module], "datetime", Clock)
    run_ids = []
    for days in (0, 3650, -3650, 0):
        monkeypatch.setattr(Clock, "ahead", timedelta(days=days))
        run_ids.append(measure(one))
        assert document(workspace).run.started_at.year == (datetime.now(UTC) + timedelta(days=days)).year
    newest = run_ids[-1]
    assert (workspace.reports / "latest").resolve().name == newest
    assert f"{newest}/index.html" in call("report").output
    assert f"Run {newest} is now the baseline" in call("baseline", "approve", "latest").output
    assert re.findall(r"^[12]\S+", call("history", GET).output, re.MULTILINE) == run_ids[::-1]
    with Store.open(workspace.results_url) as store:
        (series,) = store.series(name_of(one), whole=True)
    assert [point.run_id for point in series.points] == run_ids


def test_a_wrong_run_is_removed_with_everything_of_it(workspace: Workspace, one: ScriptedServer) -> None:
    first, second = measure(one), measure(one)
    assert call("baseline", "approve", second).exit_code == 0
    check_refused(call("runs", "delete", second), 2, "nothing was deleted", "--yes")
    assert (workspace.reports / second).is_dir()
    removed = call("runs", "delete", "latest", "--yes")
    assert removed.exit_code == 0
    for part in (
        f"Deleted run {second} of {name_of(one)}",
        f"The baseline of {GET} is run {first} now",
        f"is {first}.",
    ):
        assert part in removed.output
    assert (workspace.reports / "latest").resolve().name == first
    assert not (workspace.reports / second).exists()
    assert second not in call("runs").output + call("baseline").output
    check_refused(call("report", second), 2, f"there is no run '{second}'", first)
    assert call("runs", "delete", first, "--yes").output.rstrip().endswith(f"No run of {name_of(one)} is left.")
    assert not (workspace.reports / "latest").is_symlink()
    assert list((workspace.reports / "services").iterdir()) == []


def test_a_run_that_has_not_ended_is_not_removed(workspace: Workspace, one: ScriptedServer) -> None:
    open_run(context_of(target=one.url), run_id="open", trigger="manual")
    check_refused(call("runs", "delete", "open", "--yes"), 2, "run open has not ended", "--unfinished")
    assert "Deleted run open" in call("runs", "delete", "open", "--yes", "--unfinished").output


def test_looking_at_an_old_report_leaves_the_links_at_the_newest(workspace: Workspace, one: ScriptedServer) -> None:
    old, newest = measure(one), measure(one)
    (workspace.reports / old / "index.html").unlink()
    assert f"{old}/index.html" in call("report", old).output
    assert (workspace.reports / old / "index.html").is_file()
    (link,) = (workspace.reports / "services").iterdir()
    assert {(workspace.reports / "latest").resolve().name, link.resolve().name} == {newest}


class Meeting:
    """Answers /a and /b, and holds one back until the other has been asked for as often."""

    HELD = 5
    """The number of the request that waits: what precedes a load are fewer."""

    def __init__(self) -> None:
        self._seen = {b"/a": 0, b"/b": 0}
        self._changed = Condition()

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        path = request.split()[1]
        if path in self._seen:
            with self._changed:
                self._seen[path] += 1
                self._changed.notify_all()
                if self._seen[path] == self.HELD:
                    assert self._changed.wait_for(lambda: min(self._seen.values()) >= self.HELD, timeout=60)
            if self._seen[path] == self.HELD:
                time.sleep(0.1)  # so long they are both at it, however late a busy machine noted their beginnings
        connection.sendall(ok())
        return True


_MOST_TRIES = 10


def run_both(workspace: Workspace, folders: list[Path]) -> list[str]:
    """Run two scenarios at once. Gives the runs; none where a busy machine made one measure again, and so alone."""
    with scripted(Meeting()) as server:
        command = [sys.executable, "-m", "loadtasks", "run", "--target", server.url, "--scenarios"]
        both = [
            subprocess.Popen([*command, str(folder)], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for folder in folders
        ]
        assert [(run.communicate()[0].decode(), run.returncode)[1] for run in both] == [0, 0]
    with Store.open(workspace.results_url) as store:
        run_ids = store.run_ids()[:2]
        repeated = any(len(store.repetitions(run_id, "root.get")) > 1 for run_id in run_ids)
    return [] if repeated else run_ids


def test_two_runs_at_once_are_both_kept_and_say_that_they_met(workspace: Workspace, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    remove_suites(workspace.expectations)
    for folder in folders:
        folder.mkdir()
        scenarios = ROOT_SCENARIO.replace("path: /", f"path: /{folder.name}")
        for fixed, changed in (("requests: 5", "requests: 10"), ("get: {", "get: {warmup_requests: 0, ")):
            scenarios = scenarios.replace(fixed, changed)  # they have to meet in the load itself
        (folder / "root.yaml").write_text(scenarios)
    run_ids = next(filter(None, (run_both(workspace, folders) for _ in range(_MOST_TRIES))))
    found = {}
    for run_id in run_ids:
        (scenario,) = document(workspace, run_id).scenarios
        overlaps = [finding for finding in scenario.findings if finding.code is FindingCode.RUNS_OVERLAPPED]
        found[run_id] = [(finding.severity, finding.parameters.model_dump()["other_run"]) for finding in overlaps]
        assert scenario.measurements[0].counts.completed == 10
    assert found == {
        run_ids[0]: [(Severity.WARNING, run_ids[1])],
        run_ids[1]: [(Severity.WARNING, run_ids[0])],
    }
    assert "at the same time" in (workspace.reports / run_ids[0] / "summary.md").read_text()
