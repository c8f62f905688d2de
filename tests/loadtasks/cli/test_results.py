"""Results exported and imported from the command line: what is said, and exit codes."""

from pathlib import Path

import pytest

from loadtasks.results.store import Store
from loadtasks.workspace import Workspace
from tests.measurements import run
from tests.thing import call, check_refused


def test_a_database_goes_to_another_machine_and_back(workspace: Workspace, tmp_path: Path) -> None:
    path, there = tmp_path / "performance.db.gz", str(tmp_path / "there")
    first = call("results", "import", "--if-exists", str(path))
    assert (first.exit_code, "no such file" in first.output) == (0, True)
    assert "holds 0 runs" in first.output
    check_refused(call("results", "import", str(path)), 2, str(path), "there is no such file", "--if-exists")
    with Store.open(workspace.results_url) as store:
        store.open_run(run("first"))
    assert "Exported 1 run, 0 regressions and 0 messages" in call("results", "export", str(path)).output
    taken = call("--out", there, "results", "import", str(path), str(path))
    assert (taken.exit_code, taken.output.count("1 of 1 run is new.")) == (0, 1)
    assert "holds 1 run of 1 service now" in taken.output
    assert call("--out", there, "runs", "delete", "first", "--unfinished", "--yes").exit_code == 0
    assert "1 run was deleted here" in call("--out", there, "results", "import", str(path)).output
    assert call("--out", there, "results", "export", str(path)).exit_code == 0
    assert "1 run was deleted there and so here" in call("results", "import", str(path)).output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("export", "other.json"), "no earlier export"),
        (("export", "new.db", "--newest", "0"), "--newest 0"),
        (("export", "new.db", "--newer-than", "x"), "--newer-than x"),
        (("export", "new.db"), "there is no run to export"),
        (("export", "new.db", "--service", "nobody"), "no run of nobody"),
        (("import", "other.json", "--if-exists"), "holds no results database"),
        (("import", "/dev/zero"), "a device"),
        (("import", "."), "a folder"),
    ],
)
def test_what_makes_no_sense_is_refused(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.json").write_text("{}")
    check_refused(call("results", *arguments), 2, said)
    assert (tmp_path / "other.json").read_text() == "{}"
