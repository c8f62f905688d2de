"""The results database that an Airflow connection names, as an SQLAlchemy URL."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from airflow.sdk import Connection
from sqlalchemy import URL

from loadtasks.errors import BadInputError

_POSTGRESQL = ("postgres", "postgresql", "generic")
"""Connection types of a PostgreSQL server. Generic: for an Airflow without the provider of PostgreSQL."""
_SQLITE = "sqlite"
_OF_HOOKS = ("cursor", "enable_log_db_messages", "sqlalchemy_scheme", "sqlalchemy_query")
"""What the extra may hold for Airflow's own hook."""
_CLOUD_LOGINS = ("iam", "redshift", "azure_conn_id")


def results_url(connection: Connection) -> str:
    """The SQLAlchemy URL of the results database that a connection names.

    Raises:
        BadInputError: it is no connection to PostgreSQL or SQLite, or lacks what that needs.
    """
    if connection.conn_type == _SQLITE:
        return _sqlite_url(connection).render_as_string(hide_password=False)
    if connection.conn_type in _POSTGRESQL:
        return _postgresql_url(connection).render_as_string(hide_password=False)
    raise BadInputError(
        f"{_named(connection)} is of type {connection.conn_type}, and results are kept in PostgreSQL or SQLite: make "
        "one of type Postgres."
    )


def _postgresql_url(connection: Connection) -> URL:
    host, database = connection.host, connection.schema
    if not host or "://" in host or "/" in host or not database:
        raise BadInputError(
            f"{_named(connection)} needs a host name and the name of a database (Database, or Schema in other forms): "
            "results are not kept without these."
        )
    return URL.create(
        f"postgresql+{_driver(connection)}",
        username=connection.login or None,
        password=connection.password or None,
        host=host,
        port=connection.port or None,
        database=database,
        query=_options(connection),
    )


def _sqlite_url(connection: Connection) -> URL:
    path = Path(connection.host or connection.schema or "")
    if not path.is_absolute():
        raise BadInputError(
            f"{_named(connection)} needs the absolute path of an SQLite file as its host: Airflow's processes run in "
            "different folders."
        )
    return URL.create("sqlite", database=str(path))


def _driver(connection: Connection) -> str:
    """The driver that is installed; the newer one where both are."""
    driver = next((name for name in ("psycopg", "psycopg2") if find_spec(name) is not None), None)
    if driver is None:
        raise BadInputError(
            f"{_named(connection)} needs a driver for PostgreSQL, and none is installed here: "
            "pip install 'nightly-performance[postgresql]' for all of Airflow's processes."
        )
    return driver


def _options(connection: Connection) -> dict[str, str]:
    """What the extra says to PostgreSQL's library, such as `sslmode`."""
    extra: Any = connection.extra_dejson
    if not isinstance(extra, dict):
        raise BadInputError(f"{_named(connection)} has an extra that is no JSON object; leave it empty.")
    if login := next((name for name in _CLOUD_LOGINS if extra.get(name)), None):
        raise BadInputError(
            f"{_named(connection)} logs in by {login}, which only Airflow's own hook can: give it user and password."
        )
    found = {name: value for name, value in extra.items() if name not in _OF_HOOKS and not isinstance(value, bool)}
    return {name: str(value) for name, value in found.items() if isinstance(value, str | int | float) and value != ""}


def _named(connection: Connection) -> str:
    return f"the Airflow connection {connection.conn_id}"
