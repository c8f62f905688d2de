"""Files that appear whole or not at all, whatever ends their writing: a full disk, a signal, `kill -9`."""

from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step: whoever reads it finds what was there before, or the new content.

    Where it can't be written nothing is left of it. A process that is killed at this moment leaves `NAME.partial`, in
    whose place the next attempt writes.

    Raises:
        OSError: it can't be written.
    """
    unfinished = path.with_name(f"{path.name}.partial")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise
