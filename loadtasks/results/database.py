"""The results database, SQLite or PostgreSQL: opened, migrated, and its errors turned into one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    String,
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

from loadtasks.errors import BadInputError
from loadtasks.results.schema import HEAD, VERSION_TABLE

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_TIMEOUT_S = 30
_ADVISORY_LOCK = 0x10AD7A5C
"""The key under which PostgreSQL lets one process at a time migrate."""


class ResultsDatabase:
    """An open results database."""

    def __init__(self, url: str) -> None:
        """Open it, making the SQLite file and its folder and migrating the schema where needed.

        Raises:
            BadInputError: the URL is wrong, or the database can't be reached, read or written.
        """
        self._url = _checked(url)
        self._engine = _engine(self._url)
        # A transaction that will write says so at its begin, and waits for its turn there: SQLite refuses one that
        # has read and finds only then that somebody else has written.
        self._writing = self._engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        try:
            self._migrate()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database."""
        with self._errors_in_one_sentence(), Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are kept all together, or not at all."""
        with self._errors_in_one_sentence(), Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def _migrate(self) -> None:
        with self._errors_in_one_sentence():
            with self._engine.connect() as connection:
                if _version(connection) == HEAD:
                    return
            with self._writing.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
                if _version(connection) != HEAD:  # else another process was quicker
                    upgrade(connection, self._name)

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
        except (IntegrityError, DataError):
            raise  # ours to mend, nobody else's
        except DBAPIError as error:
            reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
            if self._url.get_backend_name() == "sqlite":
                advice = (
                    "make the file and its folder writable and see that there is space, or name another folder with "
                    "--out or LOADTASKS_VAR."
                )
            else:
                advice = "see that the server runs and that LOADTASKS_RESULTS_URL names it, user and password right."
            raise BadInputError(f"{self._name}: the results database can't be used ({reason}); {advice}") from error


def upgrade(connection: Connection, name: str) -> None:
    """Bring the schema up to date within the connection's transaction.

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
        command.upgrade(config, "head")
    except CommandError as error:
        raise BadInputError(
            f"{name}: the results database has a schema that this version doesn't know ({error}); it was written by "
            "a newer one: use that, or name another database."
        ) from error


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version = column("version_num", String)
    return connection.execute(select(version).select_from(table(VERSION_TABLE, version))).scalar_one_or_none()


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadInputError(  # not the text itself: it may hold a password
            "LOADTASKS_RESULTS_URL is no database URL; write sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE."
        ) from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise BadInputError(
            f"{parsed.render_as_string(hide_password=True)}: results are kept in SQLite (sqlite:///PATH) or PostgreSQL "
            f"(postgresql+psycopg://...), not in {parsed.get_backend_name()}."
        )
    return parsed


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url)
    try:
        return create_engine(url, pool_pre_ping=True)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise BadInputError(
            f"{url.render_as_string(hide_password=True)}: its driver is not installed ({error}); "
            "install psycopg[binary] and write postgresql+psycopg://..."
        ) from error


def _sqlite_engine(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        folder = Path(url.database).parent
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
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))

    return engine
