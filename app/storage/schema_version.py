"""The version of the database's schema: read, and brought up to date with Alembic."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, String, column, inspect, select, table, text

HEAD = "0005"
"""The newest revision in `migrations/versions`, which the code needs."""
VERSION_TABLE = "app_version"
MIGRATIONS = Path(__file__).parent / "migrations"
ADVISORY_LOCK = 0x0A99_5C4E
"""The key of the PostgreSQL lock that lets one process at a time migrate."""


class SchemaError(Exception):
    """The database can't be used as it is; the message is one sentence that says what to do."""


def read_version(connection: Connection) -> str | None:
    """Read the revision of a database; None before the first migration."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    number = column("version_num", String)
    return connection.execute(select(number).select_from(table(VERSION_TABLE, number))).scalar_one_or_none()


def upgrade(connection: Connection, name: str) -> None:
    """Bring the schema up to date within the connection's transaction; one process at a time does it.

    Args:
        connection: In a transaction that writes.
        name: What error messages call the database.

    Raises:
        SchemaError: A newer version of the service has migrated the database.
    """
    from alembic import command  # noqa: PLC0415 - takes 0.2 s, which only this command should
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise SchemaError(
            f"{name} was migrated by a newer version of the service ({error}): use that version."
        ) from error
