"""The rows of a foreign SQLite file in a new database of today's schema.

Of the file only plain tables are read, and only the columns that its version has. Its triggers, views, indexes,
constraints and computed columns are never run or copied: the schema of the new database is made by our own
migrations, which then bring the rows up to date. So an older version's database can be read, and a file that somebody
made up can do nothing but be refused.
"""

import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Engine, Integer, MetaData, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from loadtasks.errors import BadInputError, LoadTasksError
from loadtasks.input_files import MIB
from loadtasks.plain_text import plain
from loadtasks.results.database import upgrade
from loadtasks.results.odd_rows import first_odd_row, read_all
from loadtasks.results.schema import HEAD, VERSION_TABLE, ResultsBase

_MAX_VALUE_BYTES = 64 * MIB
"""Of one value: many times the largest histogram or mail."""
_MAX_S = 600.0
"""How long one table may be read."""
_STEPS = 100_000
"""Instructions of SQLite's virtual machine between two looks at the clock."""
_MAX_INTEGER = {Integer: 2**31 - 1, BigInteger: 2**63 - 1}
"""What PostgreSQL keeps."""
_MAX_NAME_LENGTH = 1000
"""Characters of a text by which rows are found: PostgreSQL indexes no longer ones."""
_MAX_REASON = 200
_ALLOWED = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ)


class MadeUpError(ValueError):
    """Why a file can't be a results database as loadtasks leaves it: a clause."""


def open_clean_copy(raw: Path, clean: Path, name: str) -> Engine:
    """Make a database of today's schema with the rows of a file.

    Args:
        raw: The file, a copy of its own.
        clean: The path of the new database.
        name: How people know the file.

    Returns:
        The new database, all of whose rows can be read.

    Raises:
        BadInputError: the file is damaged, was made up, or is of a newer version.
    """
    engine = _new_engine(clean)
    try:
        with engine.begin() as connection:
            _fill(raw, connection, name)
        with engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            _check_rows(connection)
    except LoadTasksError:
        engine.dispose()
        raise
    except (MadeUpError, sqlite3.Error, DBAPIError, UnicodeError, ArithmeticError) as error:
        engine.dispose()
        raise BadInputError(f"{name}: {_reason(error)}; it is damaged or was edited: name another one.") from error
    return engine


def new_database(path: Path) -> Engine:
    """A new SQLite database of today's schema, a single file, without rows."""
    engine = _new_engine(path)
    with engine.begin() as connection:
        _make_schema(connection, HEAD, str(path))
    return engine


def _new_engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: object) -> None:
        # Nobody else reads the file, and one that is left half written is thrown away.
        connection.isolation_level = None
        for pragma in ("foreign_keys = ON", "journal_mode = MEMORY", "synchronous = OFF"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _fill(raw: Path, connection: Connection, name: str) -> None:
    """Make the tables of the file's version, copy its rows into them, and bring both up to date."""
    source = sqlite3.connect(raw)
    try:
        present = _open(source)
        revision = _revision(source, present)
        _make_schema(connection, revision, name)
        schema = MetaData()
        schema.reflect(connection)
        target = connection.connection.driver_connection
        if target is None:
            raise TypeError("the new database has no connection")
        left = raw.stat().st_size + _size_of_log(raw)
        for table in schema.sorted_tables:
            if table.name != VERSION_TABLE:
                columns = [column.name for column in table.columns]
                if table.name not in present:
                    raise MadeUpError(f"its {table.name} is missing, or no plain table")
                if missing := set(columns) - present[table.name]:
                    raise MadeUpError(f"its table {table.name} has no column {min(missing)}")
                left = _copy_rows(source, target, table.name, columns, left)
    finally:
        source.close()
    if revision != HEAD:
        _bring_up_to_date(connection, name)


def _bring_up_to_date(connection: Connection, name: str) -> None:
    try:
        upgrade(connection, name)
    except (LoadTasksError, DBAPIError):
        raise
    except Exception as error:  # whatever an odd row leads a migration to
        raise MadeUpError(f"a row of it can't be brought up to date ({type(error).__name__})") from error


def _open(source: sqlite3.Connection) -> dict[str, set[str]]:
    """Make a connection to the file harmless. Returns the columns of its plain tables, by name."""
    source.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    source.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0", "query_only = ON"):
        source.execute(f"PRAGMA {pragma}")
    columns: dict[str, set[str]] = {}
    query = "SELECT name, rootpage, sql FROM sqlite_schema WHERE type = 'table'"
    for name, root, statement in source.execute(query).fetchall():
        if not root or not str(statement).lower().startswith("create table"):  # a virtual one
            continue
        described = source.execute("SELECT name, hidden FROM pragma_table_xinfo(?)", (name,)).fetchall()
        columns[str(name).lower()] = {column for column, hidden in described if not hidden}
    source.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY)
    return columns


def _revision(source: sqlite3.Connection, present: dict[str, set[str]]) -> str:
    """The version of the file's tables.

    Raises:
        MadeUpError: it is no results database.
    """
    if "version_num" not in present.get(VERSION_TABLE, ()):
        raise MadeUpError(f"it is no results database: it has no table {VERSION_TABLE}")
    found = source.execute(f"SELECT version_num FROM {VERSION_TABLE} LIMIT 2").fetchall()  # noqa: S608 - a constant
    if len(found) != 1 or not re.fullmatch("[0-9]{4}", str(found[0][0])):
        raise MadeUpError(f"its table {VERSION_TABLE} holds no version")
    return str(found[0][0])


def _make_schema(connection: Connection, revision: str, name: str) -> None:
    """Make the tables of a version."""
    if revision != HEAD:
        upgrade(connection, name, revision)
        return
    ResultsBase.metadata.create_all(connection)
    connection.exec_driver_sql(
        f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, "
        f"CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
    )
    connection.execute(text(f"INSERT INTO {VERSION_TABLE} VALUES (:head)"), {"head": HEAD})  # noqa: S608 - a constant


def _copy_rows(source: sqlite3.Connection, target: Any, table: str, columns: list[str], left: int) -> int:
    """Copy a table. `left`: how many bytes its rows can hold at most. Returns how many that leaves to other tables."""
    deadline = time.monotonic() + _MAX_S
    source.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    names = ", ".join(f'"{column}"' for column in columns)
    counted = _Counted(source.execute(f'SELECT {names} FROM "{table}" NOT INDEXED'), left)  # noqa: S608 - own names
    places = ", ".join("?" * len(columns))
    target.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({places})', counted)  # noqa: S608 - own names
    return counted.left


class _Counted:
    """Rows, as long as they hold no more than the file that they are read from.

    In a file that was made up, many rows may be one and the same piece of it.
    """

    def __init__(self, rows: sqlite3.Cursor, left: int) -> None:
        self._rows = rows
        self.left = left

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for row in self._rows:
            self.left -= 1 + sum(len(value) for value in row if isinstance(value, str | bytes))
            if self.left < 0:
                raise MadeUpError("its rows hold more than the file has room for")
            yield row


def _size_of_log(raw: Path) -> int:
    log = raw.with_name(f"{raw.name}-wal")
    return log.stat().st_size if log.exists() else 0


def _check_rows(connection: Connection) -> None:
    """Check that every row can be read, and kept by every database.

    Raises:
        MadeUpError: one can't.
    """
    for table in ResultsBase.metadata.sorted_tables:
        indexed = {column.name for index in table.indexes for column in index.columns}
        for column in table.columns:
            if problem := _problem(column, column.primary_key or column.name in indexed):
                query = text(f'SELECT 1 FROM "{table.name}" WHERE {problem} LIMIT 1')  # noqa: S608 - own names
                if connection.scalar(query):
                    raise MadeUpError(f"a row of its table {table.name} has an odd {column.name}")
    try:
        read_all(connection)
    except Exception as error:  # whatever an odd value leads to
        raise MadeUpError(first_odd_row(connection) or _reason(error)) from error


def _problem(column: Column[Any], is_indexed: bool) -> str | None:
    """A condition on the values that a database can't keep; None where it keeps all."""
    kind = getattr(column.type, "impl", column.type)
    for integer, largest in _MAX_INTEGER.items():
        if type(kind) is integer:
            return f'"{column.name}" NOT BETWEEN {-largest} AND {largest}'
    return f'length("{column.name}") > {_MAX_NAME_LENGTH}' if is_indexed else None


def _reason(error: BaseException) -> str:
    said = error.orig if isinstance(error, DBAPIError) else error
    lines = str(said).strip().splitlines() or [type(said).__name__]
    return plain(lines[0])[:_MAX_REASON]
