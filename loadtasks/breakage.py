"""The pipeline itself broke: one sentence on stderr, the traceback in a file, and exit code 4.

Imports nothing that has to be installed, so that it works where an installation is broken.
"""

import os
import sys
import tempfile
import traceback
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from loadtasks.errors import ExitCode
from loadtasks.plain_text import plain
from loadtasks.redaction.redactor import Redactor

FOLDER = "broken"
"""Below the folder of all output: the tracebacks."""
_MAX_LENGTH = 300


def report_breakage(error: BaseException, var: Path | None = None, secrets: Iterable[str] = ()) -> ExitCode:
    """Say on stderr what broke and where its traceback is. Returns the exit code.

    Args:
        error: what nobody foresaw. Its notes (`add_note`) say what was kept and how to go on.
        var: the folder of all output, where there is one; otherwise the traceback goes to a temporary folder.
        secrets: texts that must be shown nowhere.
    """
    redactor = Redactor(secrets)
    traceback_text = redactor("".join(traceback.format_exception(error)))
    path = _write(traceback_text, var)
    where = f"the traceback is in {path}." if path is not None else "the traceback follows."
    notes = "".join(f" {note}" for note in getattr(error, "__notes__", ()))
    sentence = redactor(f"Error: the pipeline itself broke ({brief(error)}); {where}{notes}")
    if sys.stderr is not None:
        with suppress(OSError, ValueError):  # a closed stderr: the exit code says it, too
            sys.stderr.write(f"{sentence}\n" if path is not None else f"{sentence}\n{traceback_text}")
            sys.stderr.flush()
    return ExitCode.BROKEN


def brief(error: BaseException) -> str:
    """An error's type and message, on one line of bounded length, without control characters."""
    line = plain(f"{type(error).__name__}: {error}").rstrip(": ")
    return line if len(line) <= _MAX_LENGTH else f"{line[:_MAX_LENGTH]}..."


def _write(traceback_text: str, var: Path | None) -> Path | None:
    """Write a traceback where it is looked for, else to a temporary folder. Returns the path; None where neither is."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.txt"
    with suppress(OSError):
        if var is not None and var.is_dir():
            folder = var / FOLDER
            folder.mkdir(exist_ok=True)
            return _written(folder / name, traceback_text)
    with suppress(OSError):
        return _written(Path(tempfile.mkdtemp(prefix="loadtasks-broken-")) / name, traceback_text)
    return None


def _written(path: Path, traceback_text: str) -> Path:
    path.touch(mode=0o600)  # messages of errors may quote what they were about
    try:
        path.write_text(traceback_text, encoding="utf-8", errors="replace")
    except OSError:
        path.unlink()
        raise
    return path
