"""The summary of a CI job: Markdown, appended to the file that GitHub Actions names in `GITHUB_STEP_SUMMARY`."""

import os
import stat
from pathlib import Path

MAX_BYTES = 1024 * 1024
"""What GitHub shows of one step; of a larger file it shows nothing."""
_CUT = "\n\n(Cut here: GitHub shows at most 1 MiB a step.)\n"
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


def append_summary(path: Path, text: str) -> None:
    """Append Markdown to the summary, as much as there is room for.

    Raises:
        OSError: it can't be written, or is no file.
    """
    content = text.encode("utf-8", "replace")
    descriptor = os.open(path, _FLAGS, 0o644)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "not a file", str(path))
        before = b"\n" if status.st_size else b""
        room = MAX_BYTES - status.st_size - len(before)
        if len(content) > room:
            mark = _CUT.encode()
            content = content[: max(0, room - len(mark))].decode("utf-8", "ignore").encode() + mark
            if room < len(mark):
                return
        os.write(descriptor, before + content)
    finally:
        os.close(descriptor)
