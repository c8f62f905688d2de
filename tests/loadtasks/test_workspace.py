"""The folders of a run."""

from pathlib import Path

import pytest

from loadtasks.errors import BadInputError
from loadtasks.results.store import Store
from loadtasks.settings import Settings
from loadtasks.workspace import Workspace


def workspace(var: Path, **changes: str) -> Workspace:
    return Workspace(var, f"sqlite:///{var}/results.db", var / "scenarios", var / "expectations", **changes)


def test_a_report_is_found_by_its_path_or_below_the_address_of_the_reports(tmp_path: Path) -> None:
    assert workspace(tmp_path).report_address("run") == str(tmp_path / "reports" / "run" / "index.html")
    served = workspace(tmp_path, reports_url="https://reports.example.org/")
    assert served.report_address("run") == "https://reports.example.org/run/index.html"


@pytest.mark.parametrize("name", ["var", "a?b", "x%2Fy", "100 %", "a#b", "a+b", "@:/c"])
def test_the_results_database_is_in_the_folder_whatever_its_name(name: str, tmp_path: Path) -> None:
    found = Workspace.from_settings(Settings(var=tmp_path / name))
    Store.open(found.results_url).close()
    assert list(tmp_path.rglob("results.db")) == [tmp_path / name / "results.db"]


def test_a_folder_is_created_and_nothing_is_left_in_it(tmp_path: Path) -> None:
    workspace(tmp_path / "var").check_writable()
    assert list((tmp_path / "var").iterdir()) == []


def test_a_file_instead_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    with pytest.raises(BadInputError, match=r"var: can't be written .*--out"):
        workspace(tmp_path / "var").check_writable()
