"""Files of results imported into a results database: all of them, or none."""

import errno
import tempfile
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from loadtasks.errors import BadInputError
from loadtasks.results.database import ResultsDatabase
from loadtasks.results.transfer.clean_copy import open_clean_copy
from loadtasks.results.transfer.merging import MergedResults, keep_service, lock, merge
from loadtasks.results.transfer.source_file import copy_database

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)


def import_files(
    database: ResultsDatabase, paths: Sequence[Path], recipients: Collection[str], service: str | None = None
) -> list[MergedResults]:
    """Merge results databases from files into a results database, in one transaction.

    Args:
        database: The results database.
        paths: Exports, or SQLite results databases; they are only read.
        recipients: Who gets the messages of this results database: addresses of mails, names of other channels.
        service: The one service whose results are taken; None: all.

    Returns:
        What each file added.

    Raises:
        BadInputError: a file is missing or damaged, was made up, is too large or of a newer version, or contradicts the
            results database. Then the results database is as it was.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(_temporary_folder()))
        copies = []
        for number, path in enumerate(paths):
            copy = _clean_copy(path, folder, number)
            stack.callback(copy.dispose)
            copies.append(copy)
        merged = []
        with database.writing() as here:
            lock(here)
            for path, copy in zip(paths, copies, strict=True):
                with Session(copy) as there:
                    if service is not None:
                        keep_service(there, service)
                    try:
                        merged.append(merge(here, there, recipients))
                    except BadInputError as error:
                        raise BadInputError(f"{path}: {error}") from error
        return merged


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="loadtasks-import-", ignore_cleanup_errors=True)


def _clean_copy(path: Path, folder: Path, number: int) -> Engine:
    raw, clean = folder / f"raw-{number}.db", folder / f"clean-{number}.db"
    try:
        copy_database(path, raw)
        return open_clean_copy(raw, clean, str(path))
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        raise BadInputError(
            f"{path}: it can't be unpacked in {folder.parent} ({error.strerror}); make room there, or name another "
            "folder in the environment variable TMPDIR."
        ) from error
    finally:
        for left in (raw, raw.with_name(f"{raw.name}-wal"), raw.with_name(f"{raw.name}-shm")):
            left.unlink(missing_ok=True)
