"""Errors of the results database in one sentence: what is wrong, and what helps against it."""

import re
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

WAIT_S = 120.0
"""How long a transaction waits for a database that another process has locked, or for a server that has gone away:
longer than a back-up or a restart takes, and less than anybody wants to look at."""
_NO_SPACE_BYTES = 1 << 16
"""With less space SQLite, whose files grow by pages and blocks, reports all kinds of errors for want of it."""
_ELSEWHERE = "name another folder with --out or LOADTASKS_VAR"
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
_MAKE_ROOM = "the disk is full: make room, or name a folder on another one with --out or LOADTASKS_VAR."
_SQLITE = {
    sqlite3.SQLITE_FULL: _MAKE_ROOM,
    sqlite3.SQLITE_READONLY: f"make the file and its folder writable, or {_ELSEWHERE}.",
    sqlite3.SQLITE_PERM: f"make the file and its folder readable and writable, or {_ELSEWHERE}.",
    sqlite3.SQLITE_AUTH: f"make the file and its folder readable and writable, or {_ELSEWHERE}.",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: restore it from a backup, or move it away, and a new one is made.",
    sqlite3.SQLITE_NOTADB: (
        f"the file is damaged or something else: restore it from a backup, move it away, or {_ELSEWHERE}."
    ),
    sqlite3.SQLITE_IOERR: "see that the disk is sound and has space, then try again.",
    sqlite3.SQLITE_NOMEM: "see that there is memory, then try again.",
    sqlite3.SQLITE_ERROR: (
        "the file is not as this version left it: restore it from a backup, or move it away, and a new one is made."
    ),
}
"""By primary result code of SQLite, what helps."""


@dataclass(frozen=True)
class _Trouble:
    """A kind of error of PostgreSQL."""

    codes: str
    """A regular expression for its SQLSTATE, which errors of connecting lack."""
    texts: str
    """A regular expression for its message."""
    advice: str
    passes: bool = False
    """Whether it may pass by itself."""


_POSTGRESQL = (
    _Trouble(
        "28...",
        "authentication failed|no password supplied|role .* does not exist|pg_hba",
        "put the right user and password into LOADTASKS_RESULTS_URL.",
    ),
    _Trouble(
        "3D000",
        "database .* does not exist",
        "create that database, or name another one in LOADTASKS_RESULTS_URL.",
    ),
    _Trouble(
        "53300",
        "too many (clients|connections)|connection slots|connection limit exceeded",
        "the server has no connection left: wait until others end, or raise its max_connections.",
        passes=True,
    ),
    _Trouble(
        "25006",
        "read-only transaction",
        "the server is read-only, as a replica is: name the primary one in LOADTASKS_RESULTS_URL.",
    ),
    _Trouble("53100", "No space left|could not extend file", "the server's disk is full: make room there."),
    _Trouble("42501", "permission denied", "grant its user all privileges on the database and its schema."),
    _Trouble(
        "57P03",
        "starting up|shutting down|not yet accepting|in recovery mode",
        "the server is starting or stopping: wait for it, then try again.",
        passes=True,
    ),
    _Trouble(
        "40...|55P03|57014",
        "deadlock|lock timeout|canceling statement",
        "another process held a lock on it: try again when that has ended.",
    ),
    _Trouble(
        "42P01|42703",
        "(relation|column) .* does not exist",
        "its tables are not as this version left them: restore them from a backup, or name another database.",
    ),
    _Trouble(
        "08...|57P0[12]|58...",
        "refused|timeout|timed out|closed|terminat|reset|resolve|translate|unreachable|no route|lost",
        "see that the server runs and that LOADTASKS_RESULTS_URL names it.",
        passes=True,
    ),
)


def sentence(error: DBAPIError, url: URL, name: str) -> str:
    """What is wrong with a database that people know by a name, and what helps; its password is left out."""
    said = reason(error)
    if url.password:
        said = said.replace(str(url.password), "***")
    if url.get_backend_name() == "sqlite":
        advice = _sqlite_advice(error, url)
    else:
        trouble = _trouble(error)
        advice = trouble.advice if trouble else "see that the server runs and that LOADTASKS_RESULTS_URL names it."
    return f"{name}: the results database can't be used ({said}); {advice}"


def reason(error: Exception) -> str:
    """What the database says of an error, on one line."""
    said = error.orig if isinstance(error, DBAPIError) else error
    lines = str(said).strip().splitlines()
    return lines[0] if lines else type(said).__name__


def is_locked(error: Exception) -> bool:
    """Whether an error of SQLite says that another process has locked the database."""
    return _primary_code(error.orig if isinstance(error, DBAPIError) else error) in _LOCKED


def is_of_a_value(error: DBAPIError) -> bool:
    """Whether an error may come of what is in a row: SQLite's library has no code for those."""
    return isinstance(error.orig, sqlite3.Error) and not _primary_code(error.orig)


def may_pass(error: Exception) -> bool:
    """Whether a server that can't be used right now may be usable in a minute."""
    if not isinstance(error, DBAPIError) or isinstance(error.orig, sqlite3.Error):
        return False
    trouble = _trouble(error)
    return trouble is not None and trouble.passes


def _sqlite_advice(error: DBAPIError, url: URL) -> str:
    path = Path(url.database or "")
    code = _primary_code(error.orig)
    if code in _LOCKED:
        return (
            f"another process, such as a backup or a database browser, kept it locked for {WAIT_S:.0f} s: wait until "
            f"that has ended or end it (`fuser {path}` lists it), then try again."
        )
    if code != sqlite3.SQLITE_FULL and _is_full(path.parent):
        return _MAKE_ROOM
    if path.is_dir():
        return f"it is a folder: move it away, or {_ELSEWHERE}."
    if code == sqlite3.SQLITE_CANTOPEN and not path.exists():
        return f"make the folder {path.parent} writable, or {_ELSEWHERE}."
    return _SQLITE.get(code, f"make the file and its folder readable and writable, or {_ELSEWHERE}.")


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _NO_SPACE_BYTES
    except OSError:
        return False


def _primary_code(error: BaseException | None) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _trouble(error: DBAPIError) -> _Trouble | None:
    code, message = getattr(error.orig, "sqlstate", None) or "", str(error.orig)
    for trouble in _POSTGRESQL:
        if re.fullmatch(trouble.codes, code) if code else re.search(trouble.texts, message, re.IGNORECASE):
            return trouble
    return None
