"""What is said, kept and hidden when the pipeline itself breaks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loadtasks.breakage import FOLDER, brief, report_breakage
from loadtasks.errors import ExitCode
from tests.workspaces import PROJECT


def raised(text: str) -> Exception:
    with pytest.raises(KeyError) as caught:
        {}[text]
    return caught.value


def test_one_sentence_names_what_broke_what_was_kept_and_the_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = raised("p95_s")
    error.add_note("The run is kept.")
    assert report_breakage(error, tmp_path) is ExitCode.BROKEN
    (path,) = (tmp_path / FOLDER).iterdir()
    said = capsys.readouterr().err
    assert said == (
        f"Error: the pipeline itself broke (KeyError: 'p95_s'); the traceback is in {path}. The run is kept.\n"
    )
    assert "Traceback" in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_secrets_are_in_neither(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report_breakage(raised("Bearer abc.def"), tmp_path, ["abc.def", ""])
    (path,) = (tmp_path / FOLDER).iterdir()
    assert "abc.def" not in path.read_text() + capsys.readouterr().err


def test_without_a_folder_the_traceback_goes_to_a_temporary_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    report_breakage(raised("x"), tmp_path / "missing")
    (path,) = tmp_path.glob("loadtasks-broken-*/*.txt")
    assert str(path) in capsys.readouterr().err
    assert not (tmp_path / "missing").exists()


def test_where_no_file_can_be_written_the_traceback_is_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    report_breakage(raised("x"))
    assert "the traceback follows.\nTraceback" in capsys.readouterr().err


def test_a_long_or_hostile_message_is_one_line_of_bounded_length() -> None:
    text = brief(ValueError("a\nb\x1b[31m" + "c" * 10_000))
    assert text.startswith("ValueError: a b [31m")
    assert text.isprintable()
    assert len(text) < 400


def test_an_installation_that_is_broken_is_reported_too(tmp_path: Path) -> None:
    (tmp_path / "rich.py").write_text("raise ImportError('rich is half installed')")
    done = subprocess.run(
        [sys.executable, "-m", "loadtasks", "runs"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{PROJECT}", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.BROKEN
    assert "rich is half installed" in done.stderr
    assert len(done.stderr.splitlines()) == 1
