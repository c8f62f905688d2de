"""A file that somebody gives as a results database, copied to where it can be read without changing it.

It is an export, or an SQLite results database itself, as a runner left it; with its write-ahead log, if that stands
next to it. Whatever is wrong with a file, and however it was made, reading it ends within bounds of size.
"""

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from loadtasks.errors import BadInputError
from loadtasks.input_files import MIB, MissingFileError, UnusableFileError, open_file

MAX_BYTES = 2048 * MIB
"""Of a results database: dozens of years of daily runs of a service with 13 scenarios."""
_MAX_RATIO = 100
"""How many times larger than its compressed form a database may be; those of loadtasks are 3 to 10 times larger."""
_MIN_ALLOWED = 64 * MIB
"""So large may any be."""
SQLITE, GZIP = b"SQLite format 3\0", b"\x1f\x8b"
"""What the files begin with."""
_ZIP = b"PK\x03\x04"
_LOG = "-wal"
_ADVICE = "name an export of `python -m loadtasks results export`, or a results.db"


def copy_database(path: Path, to: Path) -> None:
    """Copy an SQLite results database, unpacked where it is compressed, with its write-ahead log where it has one.

    Raises:
        BadInputError: there is no such file, it can't be read, is no such file, is too large, or is being written.
    """
    try:
        with open_file(path, MAX_BYTES) as source:
            _copy(path, source, to)
    except MissingFileError as error:
        raise BadInputError(f"{path}: {error}; {_ADVICE}, or say --if-exists where there may be none.") from error
    except (UnusableFileError, zlib.error) as error:
        reason = f"is damaged ({error})" if isinstance(error, zlib.error) else error
        raise BadInputError(f"{path}: {reason}; {_ADVICE}.") from error


def _copy(path: Path, source: BinaryIO, to: Path) -> None:
    before = _states(path)
    beginning = _read(source, len(SQLITE))
    if beginning == SQLITE:
        _write(_chunks(source, beginning), to, MAX_BYTES)
        _copy_log(path, to)
    elif beginning.startswith(GZIP):
        _write(_unpacked(_chunks(source, beginning)), to, _max_unpacked(os.fstat(source.fileno()).st_size))
    else:
        is_zip = beginning.startswith(_ZIP)
        raise UnusableFileError("is a zip archive: unpack it first" if is_zip else "holds no results database")
    if _states(path) != before:
        raise UnusableFileError("was written while it was read: end the run that uses it, or export it there")


def beginning_of(path: Path) -> bytes:
    """The first bytes of a file, which say what it is; none where it can't be read."""
    try:
        with open_file(path, MAX_BYTES) as file:
            return _read(file, len(SQLITE))
    except UnusableFileError:
        return b""


def _copy_log(path: Path, to: Path) -> None:
    """Copy the write-ahead log of a database: what was written last may stand there only."""
    try:
        with open_file(path.with_name(path.name + _LOG), MAX_BYTES) as log:
            _write(_chunks(log), to.with_name(to.name + _LOG), MAX_BYTES)
    except MissingFileError:
        pass
    except UnusableFileError as error:
        raise UnusableFileError(f"its write-ahead log {path.name}{_LOG} {error}") from error


def _states(path: Path) -> list[tuple[int, int] | None]:
    """Size and time of the last change of a file and of its write-ahead log."""
    states: list[tuple[int, int] | None] = []
    for name in (path.name, path.name + _LOG):
        try:
            status = path.with_name(name).stat()
        except OSError:
            states.append(None)
        else:
            states.append((status.st_size, status.st_mtime_ns))
    return states


def _chunks(source: BinaryIO, beginning: bytes = b"") -> Iterator[bytes]:
    yield beginning
    while chunk := _read(source, MIB):
        yield chunk


def _read(source: BinaryIO, count: int) -> bytes:
    try:
        return source.read(count)
    except OSError as error:
        raise UnusableFileError(f"can't be read ({error.strerror})") from error


def _max_unpacked(packed: int) -> int:
    return min(MAX_BYTES, max(_MIN_ALLOWED, _MAX_RATIO * packed))


def _unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """What a gzip file holds, in pieces of at most a MiB.

    Raises:
        zlib.error: it is damaged.
        UnusableFileError: it was cut.
    """
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for chunk in chunks:
        waiting = chunk
        while waiting and not inflater.eof:
            yield inflater.decompress(waiting, MIB)
            waiting = inflater.unconsumed_tail
    yield inflater.flush()
    if not inflater.eof:
        raise UnusableFileError("was cut: it ends in the middle")


def _write(chunks: Iterator[bytes], to: Path, max_bytes: int) -> None:
    count = 0
    with to.open("wb") as file:
        for chunk in chunks:
            count += len(chunk)
            if count > max_bytes:
                raise UnusableFileError(f"holds more than {max_bytes // MIB} MiB, the most that is read of it")
            file.write(chunk)
