"""What a build writes to stdout and stderr, kept in a file that can't fill a disk. Standard library only."""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

MAX_BYTES = 4 * 1024 * 1024
"""Of the file; then it becomes the file with `.1` at its end, in place of an earlier one, and a new file begins."""
_CHUNK = 1024 * 1024
_PAUSE_S = 0.05
"""Between two reads: a build that writes a line a request must not wake this process for each of them."""
_PIPE_BYTES = 1024 * 1024
_F_SETPIPE_SZ = 1031


class BoundedLog:
    """Reads a pipe to its end in a thread, and keeps the last of it. A build that floods it has to wait."""

    def __init__(self, path: Path) -> None:
        """Begin a new file, readable for its owner only; one that another process writes to is left to that one.

        Raises:
            OSError: it can't be written.
        """
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._older.unlink(missing_ok=True)
        self._file, self._size = self._new_file(), 0
        self._read_end, self.write_end = os.pipe()
        self._thread = threading.Thread(target=self._copy, daemon=True)

    @property
    def _older(self) -> Path:
        return self._path.with_name(f"{self._path.name}.1")

    def start(self) -> None:
        """Begin to read. The write end is closed here: it belongs to the build alone."""
        os.close(self.write_end)
        self._thread.start()

    def finish(self, timeout_s: float) -> None:
        """Wait until everything that was written is kept."""
        if self._thread.ident is not None:  # not where the build could not be started
            self._thread.join(timeout_s)

    def _copy(self) -> None:
        import fcntl  # noqa: PLC0415 - there is none on Windows

        with suppress(OSError):  # on other systems, and beyond the user's limit of pipes
            fcntl.fcntl(self._read_end, _F_SETPIPE_SZ, _PIPE_BYTES)
        while chunk := os.read(self._read_end, _CHUNK):
            with suppress(OSError):  # a full disk: the build goes on, its log doesn't
                self._write(chunk)
            time.sleep(_PAUSE_S)

    def _write(self, chunk: bytes) -> None:
        if self._size + len(chunk) > MAX_BYTES:
            os.close(self._file)
            self._path.replace(self._older)
            self._file, self._size = self._new_file(), 0
        self._size += os.write(self._file, chunk)

    def _new_file(self) -> int:
        self._path.unlink(missing_ok=True)
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
