"""Runs belong to services, and have an order that no clock decides; moves of regressions know their place in it.

Revision ID: 0009
Revises: 0008
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_SHIPPED_SERVICE = "shipped-api"
_SHIPPED_ENDPOINTS = {
    "config_get",
    "config_put",
    "dashboard",
    "mixed",
    "rate_limits",
    "sessions",
    "websocket",
}
_BY_AIRFLOW = ("scheduled", "manual")
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_IN_COMPOSE = ("nginx", 8080)
_PORTS = {"https": 443, "http": 80}
_BY_RUN = re.compile(r"(?:found|recovered) in run (.+)")
_AUTOMATIC = "automatic"

_RUNS = sa.table(
    "runs",
    *(sa.column(name) for name in ("id", "trigger", "target_url", "service", "sequence")),
    sa.column("started_at", sa.DateTime(timezone=True)),
    sa.column("scenarios", sa.JSON),
)
_REGRESSIONS = sa.table(
    "regressions", *(sa.column(name) for name in ("id", "scenario", "first_run", "found_run", "service"))
)
_MOVES = sa.table(
    "moves",
    *(sa.column(name) for name in ("id", "regression_id", "who", "why", "sequence", "run_id")),
    sa.column("at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    """Add the columns, and name and number what is there.

    Columns are added one by one: SQLite would have to copy a table to change it in any other way, and dropping the old
    one would delete what belongs to its rows.
    """
    op.add_column("runs", sa.Column("service", sa.String(), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("sequence", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("regressions", sa.Column("service", sa.String(), nullable=False, server_default=""))
    op.add_column("moves", sa.Column("sequence", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("moves", sa.Column("run_id", sa.String(), nullable=True))
    connection = op.get_bind()
    _name_and_number_runs(connection)
    _name_regressions(connection)
    _place_moves(connection)
    op.drop_index(op.f("ix_runs_started_at"), "runs")
    op.create_index(op.f("ix_runs_sequence"), "runs", ["sequence"], unique=True)
    op.create_index(op.f("ix_runs_service"), "runs", ["service"])
    op.drop_index(op.f("ix_regressions_scenario"), "regressions")
    op.create_index(op.f("ix_regressions_service"), "regressions", ["service"])


def downgrade() -> None:
    """Refuse: what is apart now would be mixed again."""
    raise NotImplementedError("the histories of several services can't be made one again")


def _name_and_number_runs(connection: sa.Connection) -> None:
    rows = connection.execute(sa.select(_RUNS).order_by(_RUNS.c.started_at, _RUNS.c.id)).mappings().all()
    for number, row in enumerate(rows, 1):
        values = {"service": _service(row["trigger"], row["target_url"], row["scenarios"]), "sequence": number}
        connection.execute(_RUNS.update().where(_RUNS.c.id == row["id"]).values(values))


def _service(trigger: str, url: str, scenarios: Sequence[str]) -> str:
    """The service of a run: the shipped API's name where a DAG exercised it, else the target's host, port and path.

    The shipped API was started for each run on a free port of this machine, or stood behind nginx in compose; its runs
    planned scenarios of its own endpoints only.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return url
    endpoints = {name.partition(".")[0] for name in scenarios}
    if (
        trigger in _BY_AIRFLOW
        and endpoints <= _SHIPPED_ENDPOINTS
        and (host in _THIS_MACHINE or (host, port) == _IN_COMPOSE)
        and not parts.path.strip("/")
    ):
        return _SHIPPED_SERVICE
    return f"{f'[{host}]' if ':' in host else host}:{port}{parts.path.rstrip('/')}"


def _name_regressions(connection: sa.Connection) -> None:
    """A regression is one of the service of the run that found it; where that run is gone, of its first run's.

    Where both are gone it is one of the service that its scenario was last measured in.
    """
    service_of = {row.id: row.service for row in connection.execute(sa.select(_RUNS.c.id, _RUNS.c.service))}
    newest: dict[str, str] = {}
    for row in connection.execute(sa.select(_RUNS).order_by(_RUNS.c.sequence)).mappings():
        newest |= dict.fromkeys(row["scenarios"], row["service"])
    for row in connection.execute(sa.select(_REGRESSIONS)).mappings().all():
        known = (service_of.get(row["found_run"]), service_of.get(row["first_run"]), newest.get(row["scenario"]))
        service = next(filter(None, known), _SHIPPED_SERVICE)
        connection.execute(_REGRESSIONS.update().where(_REGRESSIONS.c.id == row["id"]).values(service=service))


def _place_moves(connection: sa.Connection) -> None:
    """The newest run of the service when a regression was moved, by the clock; and the run that moved it."""
    for row in connection.execute(sa.select(_MOVES)).mappings().all():
        service = sa.select(_REGRESSIONS.c.service).where(_REGRESSIONS.c.id == row["regression_id"]).scalar_subquery()
        newest = sa.select(sa.func.max(_RUNS.c.sequence)).where(
            _RUNS.c.service == service, _RUNS.c.started_at < row["at"]
        )
        found = _BY_RUN.fullmatch(row["why"]) if row["who"] == _AUTOMATIC else None
        values = {
            "sequence": connection.execute(newest).scalar_one_or_none() or 0,
            "run_id": found[1] if found else None,
        }
        connection.execute(_MOVES.update().where(_MOVES.c.id == row["id"]).values(values))
