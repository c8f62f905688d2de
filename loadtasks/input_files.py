"""Files that people give, read in one way: regular files of a bounded size that hold UTF-8 text.

Whatever else a name may stand for is refused without waiting for it: a FIFO would be waited for until somebody writes
to it, and `/dev/zero` has no end. It is the open file that is asked what it is, so that nothing can take its place
between the question and the reading.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

MIB = 1024 * 1024
_CHUNK = 256 * 1024
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class UnusableFileError(ValueError):
    """Why a file can't be used: a clause that does not name it."""


class MissingFileError(UnusableFileError):
    """There is no such file."""


def read_text(path: Path, max_bytes: int) -> str:
    """The text of a file, without the byte order mark that may stand before it.

    Raises:
        UnusableFileError: it can't be read, is no regular file or a symbolic link to one, has more than `max_bytes`
            bytes, is not UTF-8, or has a NUL byte in it.
    """
    return decoded(read_bytes(path, max_bytes))


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """The bytes of a file.

    Raises:
        UnusableFileError: it can't be read, is no regular file or a symbolic link to one, or has more than `max_bytes`
            bytes.
    """
    with open_file(path, max_bytes) as file:
        try:
            return _all_bytes(file.fileno(), max_bytes)
        except OSError as error:
            raise UnusableFileError(f"can't be read ({error.strerror})") from error


def open_file(path: Path, max_bytes: int) -> BinaryIO:
    """Open a file whose bytes are read piece by piece, by a reader that sees to `max_bytes`, as a file may grow.

    Raises:
        UnusableFileError: it can't be read, is no regular file or a symbolic link to one, or has more than `max_bytes`
            bytes.
    """
    try:
        _check_kind(os.stat(path).st_mode)  # opening a device or a socket may already do something to it
        file = open(os.open(path, _FLAGS), "rb", buffering=0)  # noqa: SIM115 - the caller closes it
    except FileNotFoundError:
        raise MissingFileError("there is no such file") from None
    except OSError as error:
        raise UnusableFileError(f"can't be read ({error.strerror})") from error
    except UnusableFileError:
        raise
    except ValueError as error:  # a NUL or half a surrogate pair in the name
        raise UnusableFileError("can't be read (not the name of a file)") from error
    try:
        _check_status(os.fstat(file.fileno()), max_bytes)
    except BaseException:
        file.close()
        raise
    return file


def decoded(data: bytes) -> str:
    """Bytes of a file as text, without the byte order mark that may stand before it.

    Raises:
        UnusableFileError: they are not UTF-8, or have a NUL among them.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnusableFileError(f"line {line} is not UTF-8 ({error.reason} at byte {error.start})") from None
    if "\0" in text:
        raise UnusableFileError(f"line {text.count(chr(10), 0, text.index(chr(0))) + 1} has a NUL byte in it")
    return text


def is_folder(path: Path) -> bool:
    """Whether there is a folder of this name, which may be no possible one."""
    with suppress(OSError, ValueError):
        return path.is_dir()
    return False


def _check_status(status: os.stat_result, max_bytes: int) -> None:
    _check_kind(status.st_mode)
    if status.st_size > max_bytes:
        raise UnusableFileError(_too_large(max_bytes))


def _check_kind(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise UnusableFileError(f"{_KINDS.get(stat.S_IFMT(mode), 'something else')}, not a file")


def _all_bytes(descriptor: int, max_bytes: int) -> bytes:
    """What a file holds, which may be more or less than its size says."""
    chunks, count = [], 0
    while chunk := os.read(descriptor, _CHUNK):
        count += len(chunk)
        if count > max_bytes:
            raise UnusableFileError(_too_large(max_bytes))
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(max_bytes: int) -> str:
    size = f"{max_bytes // MIB} MiB" if max_bytes >= MIB else f"{max_bytes:,} bytes"
    return f"larger than {size}, the most that is read"
