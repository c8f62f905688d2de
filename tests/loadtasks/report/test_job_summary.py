"""The summary of a CI job: what is appended to the file, and what is not."""

import os
from pathlib import Path

import pytest

from loadtasks.report.job_summary import MAX_BYTES, append_summary


def test_summaries_follow_each_other(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    append_summary(path, "# one\n")
    append_summary(path, "# two µ\n")
    assert path.read_text() == "# one\n\n# two µ\n"


def test_a_summary_is_cut_where_the_platform_would_show_nothing(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    path.write_bytes(b"x" * (MAX_BYTES - 1000))
    append_summary(path, "µ" * 5000)
    assert MAX_BYTES - 2 <= path.stat().st_size <= MAX_BYTES
    assert path.read_text().endswith("GitHub shows at most 1 MiB a step.)\n")
    append_summary(path, "more")
    assert path.stat().st_size <= MAX_BYTES


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, Path("/dev/null"), tmp_path / "none" / "summary"):
        with pytest.raises(OSError, match=r"."):
            append_summary(path, "text")
