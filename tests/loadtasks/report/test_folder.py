"""The report folder and the links to the newest."""

import errno
import os
import time
from pathlib import Path

import pytest

from loadtasks.errors import BadInputError
from loadtasks.report import folder, html
from loadtasks.results.document import ResultsDocument, read_document
from tests.loadtasks.report import samples
from tests.loadtasks.report.pages import parse


def _run(run_id: str = "run-1") -> ResultsDocument:
    return samples.document(samples.result("config_put.sequential"), id=run_id)


def test_everything_is_written_and_read_back(tmp_path: Path) -> None:
    written = folder.write(_run(), tmp_path / "var" / "reports")
    assert written == tmp_path / "var" / "reports" / "run-1"
    assert sorted(path.name for path in written.iterdir()) == ["index.html", "results.json", "summary.md"]
    assert read_document(written / "results.json") == _run()
    assert parse((written / "index.html").read_text(encoding="utf-8")).one("h1").text == "✓ PASS"
    assert (written / "summary.md").read_text(encoding="utf-8").startswith("# PASS, nightly performance of ")


def test_data_docs_are_left_alone_and_linked(tmp_path: Path) -> None:
    docs = tmp_path / "run-1" / "data_docs"
    docs.mkdir(parents=True)
    (docs / "index.html").write_text("docs")
    written = folder.write(_run(), tmp_path)
    assert (docs / "index.html").read_text() == "docs"
    links = parse((written / "index.html").read_text(encoding="utf-8")).one("nav").all("a")
    assert (written / links[-1].attributes["href"]).read_text() == "docs"


def test_links_point_to_the_newest_and_move_with_the_folder(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    for run_id in ("run-1", "run-2", "run-3"):
        folder.write(_run(run_id), reports)
    folder.link_newest(reports, "shop", ["run-3", "run-2", "run-1"], ["run-2", "run-1"])
    reports.rename(tmp_path / "moved")
    assert (tmp_path / "moved" / "latest").is_symlink()
    assert read_document(tmp_path / "moved" / "latest" / "results.json").run.id == "run-3"
    assert read_document(tmp_path / "moved" / "services" / "shop" / "results.json").run.id == "run-2"
    names = sorted(path.name for path in (tmp_path / "moved").iterdir())
    assert names == ["latest", "run-1", "run-2", "run-3", "services"]


def test_a_run_without_a_report_is_passed_over(tmp_path: Path) -> None:
    folder.write(_run("run-1"), tmp_path)
    folder.link_newest(tmp_path, "shop", ["run-2", "run-1"], ["run-2"])
    assert (tmp_path / "latest").resolve() == tmp_path / "run-1"
    assert not (tmp_path / "services" / "shop").exists()


def test_what_killed_processes_left_of_links_is_removed_and_what_is_at_work_is_not(tmp_path: Path) -> None:
    folder.write(_run(), tmp_path)
    for name, age_s in ((".latest-123", 3600), (".latest-124", 0)):
        (tmp_path / name).symlink_to("run-1")
        at = time.time() - age_s
        os.utime(tmp_path / name, (at, at), follow_symlinks=False)
    folder.link_newest(tmp_path, "shop", ["run-1"], ["run-1"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [".latest-124", "latest", "run-1", "services"]


def test_a_link_to_nowhere_is_replaced_or_removed(tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to("gone")
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "shop").symlink_to("../gone")
    folder.write(_run(), tmp_path)
    folder.link_newest(tmp_path, "shop", ["run-1"], [])
    assert (tmp_path / "latest").resolve() == (tmp_path / "run-1").resolve()
    assert not (tmp_path / "services" / "shop").is_symlink()


def test_a_plain_folder_named_latest_is_an_error_and_the_report_is_kept(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "precious").write_text("kept")
    folder.write(_run(), tmp_path)
    with pytest.raises(BadInputError, match=r"latest: it should be a link .+ move it away, .+ loadtasks report"):
        folder.link_newest(tmp_path, "shop", ["run-1"], ["run-1"])
    assert (tmp_path / "latest" / "precious").read_text() == "kept"
    assert (tmp_path / "run-1" / "index.html").is_file()


def test_a_report_is_removed_whole_and_again(tmp_path: Path) -> None:
    folder.write(_run(), tmp_path)
    folder.write(_run("run-2"), tmp_path)
    for _ in range(2):
        folder.remove("run-1", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run-2"]


def test_a_fifo_in_the_place_of_a_report_is_removed_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run-1")
    folder.remove("run-1", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("run_id", ["../elsewhere", "a/b", "/etc", "..", ".", "", "latest", "services", "a\0b"])
def test_a_run_id_that_is_no_folder_name_is_refused(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(BadInputError, match=r"run id .+ can't be the name of a report folder"):
        folder.write(_run(run_id), tmp_path / "reports")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(BadInputError) as caught:
        folder.write(_run(), tmp_path / "reports")
    sentence = str(caught.value)
    assert str(tmp_path / "reports" / "run-1") in sentence
    assert "python -m loadtasks report run-1" in sentence


def test_a_full_disk_is_one_sentence_and_the_old_report_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write(_run(), tmp_path)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run-1").iterdir()}

    def full(self: Path, data: object, *args: object, **kwargs: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BadInputError, match=r"the report can't be written \(No space left on device\); make room"):
        folder.write(_run(), tmp_path)
    assert {name: (tmp_path / "run-1" / name).read_bytes() for name in before} == before


def test_what_was_measured_is_kept_when_the_page_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object, **kwargs: object) -> str:
        raise RuntimeError("a chart failed")

    monkeypatch.setattr(html, "render", fails)
    with pytest.raises(RuntimeError, match="a chart failed"):
        folder.write(_run(), tmp_path)
    assert read_document(tmp_path / "run-1" / "results.json") == _run()
    assert (tmp_path / "run-1" / "summary.md").is_file()


def test_a_removed_report_is_gone_and_removing_it_again_is_no_error(tmp_path: Path) -> None:
    folder.write(_run(), tmp_path)
    run_id = "run-1"
    (tmp_path / run_id / "data_docs").mkdir()
    (tmp_path / "latest").symlink_to(run_id)
    (tmp_path / "services").mkdir()
    (tmp_path / ".partial").mkdir()
    assert folder.run_ids(tmp_path) == [run_id]
    files = (tmp_path / run_id).iterdir()
    assert folder.size_bytes(run_id, tmp_path) == sum(path.stat().st_size for path in files if path.is_file())
    for _ in range(2):
        folder.remove(run_id, tmp_path)
        assert not (tmp_path / run_id).exists()
    assert (folder.run_ids(tmp_path), folder.size_bytes(run_id, tmp_path)) == ([], 0)
    assert folder.run_ids(tmp_path / "nowhere") == []


@pytest.mark.parametrize("run_id", ["", ".", "..", "latest", "services", "a/b", "/etc", "nul\0"])
def test_what_is_no_name_of_a_folder_removes_nothing(run_id: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="can't be the name of a report folder"):
        folder.remove(run_id, tmp_path / "reports")


def test_what_all_data_docs_have_in_common_is_kept_once(tmp_path: Path) -> None:
    contents = {"first": b"x" * 1000, "second": b"x" * 1000, "of another version": b"y" * 1000}
    paths = {name: tmp_path / name / "data_docs" / "static" / "fonts" / "one.ttf" for name in contents}
    for name, path in paths.items():
        path.parent.mkdir(parents=True)
        path.write_bytes(contents[name])
        (path.parents[2] / "index.html").write_bytes(contents[name])
    assert folder.share_data_docs(tmp_path) == 1000
    assert folder.share_data_docs(tmp_path) == 0
    assert paths["first"].samefile(paths["second"])
    assert not paths["first"].samefile(paths["of another version"])
    assert not (tmp_path / "first/data_docs/index.html").samefile(tmp_path / "second/data_docs/index.html")
    folder.remove("first", tmp_path)
    assert {name: path.read_bytes() for name, path in paths.items() if path.exists()} == {
        name: contents[name] for name in ("second", "of another version")
    }
    assert sorted(path.name for path in paths["second"].parent.iterdir()) == ["one.ttf"]
