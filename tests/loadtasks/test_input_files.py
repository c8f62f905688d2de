"""Files that people give: whatever a name stands for, reading it ends at once, within bounds, in text or one clause."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from loadtasks.input_files import MissingFileError, UnusableFileError, decoded, is_folder, read_text

MAX = 100


def socket_at(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(path))


def grown(path: Path) -> None:
    path.touch()
    os.truncate(path, 10**12)


STRANGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (Path.mkdir, "a folder, not a file"),
    "fifo": (os.mkfifo, "a FIFO, not a file"),
    "endless device": (lambda path: path.symlink_to("/dev/zero"), "a device, not a file"),
    "terminal": (lambda path: path.symlink_to("/dev/tty"), "a device, not a file"),
    "socket": (socket_at, "a socket, not a file"),
    "loop": (lambda path: path.symlink_to(path.name), "can't be read (Too many levels of symbolic links)"),
    "larger": (lambda path: path.write_bytes(b"x" * (MAX + 1)), "larger than 100 bytes"),
    "sparse": (grown, "larger than 100 bytes"),
    "endless in /proc": (lambda path: path.symlink_to("/proc/self/smaps"), "larger than 100 bytes"),
    "no text": (lambda path: path.write_bytes(b"a\nb\xff"), "line 2 is not UTF-8"),
    "NUL": (lambda path: path.write_bytes(b"a\nb\0"), "line 2 has a NUL byte"),
    "UTF-16": (lambda path: path.write_text("ab", "utf-16"), "line 1 is not UTF-8"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_no_text_file_is_refused_at_once(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket has 107 bytes at most
    make, reason = STRANGE[name]
    make(tmp_path / "input")
    (tmp_path / "link").symlink_to("input")
    for path in (tmp_path / "input", tmp_path / "link"):
        with pytest.raises(UnusableFileError) as refused:
            read_text(path, MAX)
        assert str(refused.value).startswith(reason)


def test_a_file_that_is_replaced_while_it_is_opened_is_refused_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("text")
    os.mkfifo(tmp_path / "fifo")
    before = os.stat(tmp_path / "file")
    monkeypatch.setattr(os, "stat", lambda _path: before)  # what stood there a moment ago
    with pytest.raises(UnusableFileError, match="a FIFO, not a file"):
        read_text(tmp_path / "fifo", MAX)


@pytest.mark.parametrize("name", ["no\0name", "half \udcff\0", "x" * 5000])
def test_a_name_that_no_file_can_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableFileError, match="can't be read"):
        read_text(tmp_path / name, MAX)
    assert not is_folder(tmp_path / name)


def test_a_missing_file_is_distinguished_from_others(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="there is no such file"):
        read_text(tmp_path / "none", MAX)


def test_a_file_up_to_the_bound_is_read_without_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"\xef\xbb\xbf" + b"x" * (MAX - 3))
    assert read_text(path, MAX) == "x" * (MAX - 3)
    (tmp_path / "link").symlink_to("input")
    assert read_text(tmp_path / "link", MAX) == "x" * (MAX - 3)
    assert decoded(b"\xef\xbb\xbf") == ""
