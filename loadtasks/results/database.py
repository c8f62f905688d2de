"""The results database, SQLite or PostgreSQL: opened, migrated, and its errors turned into one sentence."""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    column,
    create_engine,
    event,
    inspect,
    make_url,
    select,
    table,
    text,
)
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.orm import Session

from loadtasks.errors import BadInputError, LoadTasksError
from loadtasks.plain_text import plain
from loadtasks.results.database_errors import WAIT_S, is_locked, is_of_a_value, may_pass, reason, sentence
from loadtasks.results.odd_rows import first_odd_row
from loadtasks.results.schema import HEAD, VERSION_TABLE, ResultsBase

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_TIMEOUT_S = 5
"""How long SQLite itself waits for a lock, in which time no signal is handled."""
_CONNECT_TIMEOUT_S = 10
"""How long PostgreSQL's library tries to reach each of the server's addresses; by itself it would for minutes."""
_MAX_REASON = 200
_RETRY_EVERY_S = 0.5
_MIN_FREE_SHARE = 0.1
"""The share of an SQLite file that is free before it is written anew. A trade-off: with automatic pruning a file is
written once in dozens of runs, and is never larger by more than this."""
_ADVISORY_LOCK = 0x10AD7A5C
"""The key under which PostgreSQL lets one process at a time migrate."""

_T = TypeVar("_T")
log = logging.getLogger(__name__)


class ResultsDatabase:
    """An open results database.

    A transaction waits for up to `WAIT_S` for other processes that have locked the database, and for a server that has
    gone away since it was opened.
    """

    def __init__(self, url: str, *, patient: bool = False) -> None:
        """Open it, making the SQLite file and its folder and migrating the schema where needed.

        Args:
            url: an SQLAlchemy URL.
            patient: whether to wait for a server that is gone already, as within a run that has used it before.

        Raises:
            BadInputError: the URL is wrong, or the database can't be reached, read or written.
        """
        self._url = checked_url(url)
        self._engine = _engine(self._url)
        # A transaction that will write says so at its begin, and waits for its turn there: SQLite refuses one that
        # has read and finds only then that somebody else has written.
        self._writing = self._engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        self._patient = patient
        try:
            self._migrate()
        except BaseException:
            self.close()
            raise
        self._patient = True

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database."""
        with (
            self._errors_in_one_sentence(),
            self._connected(self._engine) as connection,
            Session(connection, expire_on_commit=False) as session,
        ):
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are kept all together, or not at all."""
        with (
            self._errors_in_one_sentence(),
            self._connected(self._writing) as connection,
            Session(connection, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def give_back_space(self) -> None:
        """Write an SQLite file anew without its free pages, where these are a tenth of it and more.

        Later rows fill free pages, so that fewer aren't worth it. For the moment that takes as much space again on the
        disk, and nobody else can write. PostgreSQL's autovacuum frees space for later rows by itself.

        Raises:
            BadInputError: there is no space for that; the database is as it was.
        """
        if self._url.get_backend_name() != "sqlite":
            return
        with (
            self._errors_in_one_sentence(),
            self._connected(self._engine.execution_options(sqlite_begin=None)) as connection,
        ):
            pages, free = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "freelist_count")
            )
            if free < _MIN_FREE_SHARE * pages:
                return
            _retried(lambda: connection.exec_driver_sql("VACUUM"), is_locked, self._name)
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def is_in(self, path: Path) -> bool:
        """Whether a file is one of this SQLite database."""
        if self._url.get_backend_name() != "sqlite" or not self._url.database:
            return False
        own = Path(self._url.database).resolve()
        return path.resolve() in (own, *(own.with_name(f"{own.name}-{kind}") for kind in ("wal", "shm", "journal")))

    def _migrate(self) -> None:
        with self._errors_in_one_sentence():
            with self._connected(self._engine) as connection:
                if self._version(connection) == HEAD:
                    return
            with self._connected(self._writing) as connection, connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
                version = self._version(connection)
                if version is None:
                    create_schema(connection)
                elif version != HEAD:  # else another process was quicker
                    upgrade(connection, self._name)

    def _version(self, connection: Connection) -> str | None:
        """The version of the tables; None where there are none yet.

        Raises:
            BadInputError: it holds several versions, or the tables are somebody else's.
        """
        present = set(inspect(connection).get_table_names()) | set(inspect(connection).get_view_names())
        versions: Sequence[str] = []
        if VERSION_TABLE in present:
            version = column("version_num", String)
            versions = connection.scalars(select(version).select_from(table(VERSION_TABLE, version))).all()
        if len(versions) > 1:
            raise BadInputError(
                f"{self._name}: its table {VERSION_TABLE} holds {len(versions)} versions instead of one; restore the "
                f"database from a backup, or delete all of its rows but {HEAD}."
            )
        if versions:
            return str(versions[0])
        ours = sorted(present & set(ResultsBase.metadata.tables))
        if ours:
            raise BadInputError(
                f"{self._name}: there is a table {ours[0]}, and no version of it in the table {VERSION_TABLE}, so it "
                "is somebody else's or was edited; name another database in LOADTASKS_RESULTS_URL, or restore it from "
                "a backup."
            )
        return None

    @property
    def _name(self) -> str:
        """The name of the database for people, without its password."""
        if self._url.get_backend_name() == "sqlite":
            return self._url.database or "the database in memory"
        return self._url.render_as_string(hide_password=True)

    @contextmanager
    def _errors_in_one_sentence(self) -> Iterator[None]:
        try:
            yield
        except (LoadTasksError, IntegrityError, DataError):
            raise  # said already; ours to fix, nobody else's
        except DBAPIError as error:
            if is_of_a_value(error) and (odd := self._odd_row()) is not None:
                raise BadInputError(odd) from error
            raise BadInputError(sentence(error, self._url, self._name)) from error
        except Exception as error:
            if (odd := self._odd_row()) is None:
                raise
            raise BadInputError(odd) from error

    def _odd_row(self) -> str | None:
        """What is wrong with the first row that this version didn't write; None where there is none."""
        try:
            with self._connected(self._engine) as connection:
                odd = first_odd_row(connection)
        except DBAPIError as error:  # a table is missing, or the file is damaged
            return sentence(error, self._url, self._name)
        except UnicodeError:  # SQLite's library quotes a damaged schema, and can't
            return (
                f"{self._name}: the results database can't be used (its tables have names that are no text); the file "
                "is damaged: restore it from a backup, or move it away, and a new one is made."
            )
        return odd and (
            f"{self._name}: {odd}; somebody edited it or it is damaged: restore the database from a backup, or delete "
            "that row."
        )

    def _connected(self, engine: Engine) -> Connection:
        """A connection; a server that is gone may have time to come back."""
        return _retried(engine.connect, lambda error: self._patient and may_pass(error), self._name)


def create_schema(connection: Connection) -> None:
    """Make the tables of an empty database, within the connection's transaction.

    All migrations from the first one on make the same tables, in ten times the time.
    """
    ResultsBase.metadata.create_all(connection)
    versions = Table(
        VERSION_TABLE,
        MetaData(),
        Column("version_num", String(32), nullable=False),
        PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
    )
    versions.create(connection)
    connection.execute(versions.insert().values(version_num=HEAD))


def upgrade(connection: Connection, name: str, revision: str = "head") -> None:
    """Bring the schema up to date, or to an older revision, within the connection's transaction.

    Raises:
        BadInputError: the database was written by a newer version.
    """
    from alembic import command  # noqa: PLC0415 - takes 0.2 s, and is seldom needed
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise BadInputError(
            f"{name}: the results database has a schema that this version doesn't know "
            f"({plain(str(error))[:_MAX_REASON]}); it was written by a newer one: use that, or name another database."
        ) from error


def checked_url(url: str) -> URL:
    """The parsed URL of a results database.

    Raises:
        BadInputError: it is none, or of another kind of database.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or "\0" in (parsed.database or ""):
        raise BadInputError(  # not the text itself: it may hold a password
            "LOADTASKS_RESULTS_URL is no database URL; write sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE."
        )
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise BadInputError(
            f"{parsed.render_as_string(hide_password=True)}: results are kept in SQLite (sqlite:///PATH) or PostgreSQL "
            f"(postgresql+psycopg://...), not in {parsed.get_backend_name()}."
        )
    return parsed


def _connect_arguments(url: URL) -> dict[str, int]:
    return {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_TIMEOUT_S}


def _engine(url: URL) -> Engine:
    shown = url.render_as_string(hide_password=True)
    try:
        if url.get_dialect().is_async:
            raise BadInputError(
                f"{shown}: the driver {url.get_driver_name()} is one for asyncio; write sqlite:///PATH or "
                "postgresql+psycopg://..."
            )
        if url.get_backend_name() == "sqlite":
            return _sqlite_engine(url)
        return create_engine(url, pool_pre_ping=True, connect_args=_connect_arguments(url))
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise BadInputError(
            f"{shown}: its driver is not installed ({error}); install psycopg[binary] and write "
            "postgresql+psycopg://..."
        ) from error


def _sqlite_engine(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        path, folder = Path(url.database), Path(url.database).parent
        if path.exists() and not path.is_file() and not path.is_dir():  # reading it might never end
            raise BadInputError(
                f"{path}: the results database is a device, a pipe or a socket instead of a file; name a file in "
                "LOADTASKS_RESULTS_URL, or another folder with --out or LOADTASKS_VAR."
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInputError(
                f"{folder}: the folder of the results database can't be made ({error.strerror}); make it writable, or "
                "name another with --out or LOADTASKS_VAR."
            ) from error
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: object) -> None:
        # SQLAlchemy begins transactions (below), not the driver, which would begin them only at the first write.
        connection.isolation_level = None
        for pragma in ("foreign_keys = ON", "journal_mode = WAL", "synchronous = NORMAL"):
            _retried(partial(connection.execute, f"PRAGMA {pragma}"), is_locked, str(url.database))

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        kind = connection.get_execution_options().get("sqlite_begin", "BEGIN")
        if kind is not None:  # some statements run outside of any transaction only
            _retried(lambda: _begin(connection, kind), is_locked, str(url.database))

    return engine


def _begin(connection: Connection, kind: str) -> None:
    """Begin a transaction and take its lock at once, a shared one for reading."""
    connection.exec_driver_sql(kind)
    try:
        connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema")
    except DBAPIError:
        connection.exec_driver_sql("ROLLBACK")
        raise


def _retried(step: Callable[[], _T], passes: Callable[[Exception], bool], name: str) -> _T:
    """Take a step until it succeeds, for up to `WAIT_S` while its error is one that passes. Signals are handled."""
    deadline, warned = time.monotonic() + WAIT_S, False
    while True:
        try:
            return step()
        except (DBAPIError, sqlite3.Error) as error:
            if not passes(error) or time.monotonic() >= deadline:
                raise
            if not warned:
                log.warning("%s: can't be used right now (%s); waiting for up to %.0f s", name, reason(error), WAIT_S)
                warned = True
        time.sleep(_RETRY_EVERY_S)
