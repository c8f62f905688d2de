"""The series of a results database that is there already: it is read, never made, migrated, written or waited for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Engine, String, column, create_engine, select, table
from sqlalchemy.orm import Session

from loadtasks.errors import BadInputError, LoadTasksError
from loadtasks.plain_text import plain
from loadtasks.results.database import checked_url
from loadtasks.results.regression import Regression
from loadtasks.results.rows import regression_of
from loadtasks.results.schema import HEAD, VERSION_TABLE, RegressionRow
from loadtasks.results.series import MetricSeries, read_series

_WAIT_S = 3
"""How long a database that is locked, or a server that is out of reach, is waited for."""
_STATEMENT_S = 20
"""How long a statement may take on a server."""
_MAX_REASON = 200


@dataclass(frozen=True)
class PresentSeries:
    """What a results database holds of some scenarios."""

    series: Sequence[MetricSeries]
    """Their runs since their baseline runs."""
    regressions: Sequence[Regression]
    """Those of the service, whatever became of them."""


def read_present_series(url: str, service: str, scenarios: Sequence[str]) -> PresentSeries | None:
    """The series of a service's scenarios; None where there is no results database.

    `url`: a SQLAlchemy URL.

    Raises:
        BadInputError: it can't be read, or another version wrote it.
    """
    checked = checked_url(url)
    name = database_name(checked)
    is_file = checked.get_backend_name() == "sqlite"
    if is_file and not Path(checked.database or "").is_file():
        return None
    try:
        engine = _sqlite(checked) if is_file else _postgresql(checked)
        try:
            return _read(engine, name, service, scenarios)
        finally:
            engine.dispose()
    except LoadTasksError:
        raise
    except Exception as error:  # whatever a damaged file, a server or an odd row makes of it
        reason = plain(str(getattr(error, "orig", None) or error)).strip() or type(error).__name__
        raise BadInputError(f"{name}: the results database can't be read ({reason[:_MAX_REASON]}).") from error


def database_name(url: URL | str) -> str:
    """The name of a results database for people, without its password."""
    parsed = checked_url(url) if isinstance(url, str) else url
    if parsed.get_backend_name() == "sqlite":
        return parsed.database or "the database in memory"
    return parsed.render_as_string(hide_password=True)


def _read(engine: Engine, name: str, service: str, scenarios: Sequence[str]) -> PresentSeries:
    with Session(engine) as session:
        version = column("version_num", String)
        if session.scalars(select(version).select_from(table(VERSION_TABLE, version))).all() != [HEAD]:
            raise BadInputError(f"{name}: another version of loadtasks wrote it; the next run brings it up to date.")
        rows = session.scalars(select(RegressionRow).where(RegressionRow.service == service))
        regressions = [regression_of(row) for row in rows]
        return PresentSeries(read_series(session, service, scenarios=scenarios), regressions)


def _sqlite(url: URL) -> Engine:
    # The driver makes a missing file; opened by a URI it doesn't. SQLite also makes the files of its log, which would
    # be ours then and keep other users from writing. It doesn't where the file is said to be one that nobody writes; so
    # it is while it has no log.
    path = Path(url.database or "").absolute()
    in_use = any(path.with_name(f"{path.name}-{log}").exists() for log in ("wal", "journal"))
    query = {"mode": "ro", "uri": "true"} | ({} if in_use else {"immutable": "1"})
    read_only = URL.create("sqlite", database=path.as_uri(), query=query)
    return create_engine(read_only, connect_args={"timeout": _WAIT_S})


def _postgresql(url: URL) -> Engine:
    limits = f"-c default_transaction_read_only=on -c statement_timeout={_STATEMENT_S * 1000}"
    return create_engine(
        url, connect_args={"connect_timeout": _WAIT_S, "tcp_user_timeout": _STATEMENT_S * 1000, "options": limits}
    )
