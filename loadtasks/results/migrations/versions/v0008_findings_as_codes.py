"""Findings and failures are codes with parameters; a scenario is measured in repetitions, one of which is reported.

Revision ID: 0008
Revises: 0007
"""

from datetime import UTC
from typing import Any

import sqlalchemy as sa
from alembic import op

from loadtasks.results.migrations.old_sentences import StoredVerdict, convert, failure
from loadtasks.results.migrations.old_sentences.reference import UNPAIRED

revision = "0008"
down_revision = "0007"

_UNIQUE_BEFORE = "uq_measurements_run_id_scenario_part_attempt"
_UNIQUE = "uq_measurements_run_id_scenario_part_repetition"


def upgrade() -> None:
    """Rename the columns, and turn what is stored as sentences into codes with parameters."""
    with op.batch_alter_table("measurements") as measurements:
        measurements.alter_column("attempt", new_column_name="repetition", server_default=None)
        measurements.alter_column("counts", new_column_name="reported", server_default=None)
        measurements.add_column(sa.Column("reason", sa.String(), nullable=True))
        measurements.drop_constraint(op.f(_UNIQUE_BEFORE), type_="unique")
    with op.batch_alter_table("measurements") as measurements:  # on its own: SQLite knows the new names only now
        measurements.create_unique_constraint(op.f(_UNIQUE), ["run_id", "scenario", "part", "repetition"])
    with op.batch_alter_table("failures") as failures:
        failures.alter_column("sentence", new_column_name="detail")
        failures.add_column(sa.Column("code", sa.String(), nullable=False, server_default="measurement_failed"))
    with op.batch_alter_table("pairings") as pairings:
        pairings.alter_column("pairs", new_column_name="round_ratios")
    connection = op.get_bind()
    _keep_reasons(connection)
    op.drop_table("remarks")
    _convert_failures(connection)
    _convert_problems(connection)
    _convert_findings(connection)
    _convert_moves(connection)


def downgrade() -> None:
    """Refuse: the sentences are gone."""
    raise NotImplementedError("findings can't be turned back into the sentences of earlier versions")


def _keep_reasons(connection: sa.Connection) -> None:
    """Scenarios with a remark were repeated to confirm a suspicion, all others to learn."""
    measurements, remarks = _table("measurements", "run_id", "scenario", "repetition", "reason"), _remarks()
    repeated = measurements.c.repetition > 1
    connection.execute(measurements.update().where(repeated).values(reason="learning"))
    remarked = (
        sa.select(remarks.c.run_id)
        .where(remarks.c.run_id == measurements.c.run_id, remarks.c.scenario == measurements.c.scenario)
        .exists()
    )
    connection.execute(measurements.update().where(repeated, remarked).values(reason="suspect"))


def _convert_failures(connection: sa.Connection) -> None:
    failures = _table("failures", "run_id", "scenario", "code", "detail")
    for row in connection.execute(sa.select(failures)).all():
        code, detail = failure(row.detail)
        connection.execute(
            failures.update()
            .where(failures.c.run_id == row.run_id, failures.c.scenario == row.scenario)
            .values(code=code, detail=detail)
        )


def _convert_problems(connection: sa.Connection) -> None:
    pairings = _table("pairings", "run_id", "scenario", "problem")
    for row in connection.execute(sa.select(pairings).where(pairings.c.problem.is_not(None))).all():
        connection.execute(
            pairings.update()
            .where(pairings.c.run_id == row.run_id, pairings.c.scenario == row.scenario)
            .values(problem=row.problem.removeprefix(UNPAIRED))
        )


def _convert_findings(connection: sa.Connection) -> None:
    verdicts = sa.table("verdicts", sa.column("run_id"), sa.column("scenario"), sa.column("findings", sa.JSON))
    runs, started_at = sa.table("runs", sa.column("id"), sa.column("started_at", sa.DateTime(timezone=True))), {}
    for run in connection.execute(sa.select(runs)).all():
        moment = run.started_at if run.started_at.tzinfo is not None else run.started_at.replace(tzinfo=UTC)
        started_at[run.id] = moment.astimezone(UTC).isoformat()
    for row in connection.execute(sa.select(verdicts)).all():
        verdict = StoredVerdict(
            scenario=row.scenario,
            findings=row.findings,
            repetitions=_repetitions(connection, row.run_id, row.scenario),
            started_at=started_at,
            regressions=_regressions(connection, row.scenario),
        )
        connection.execute(
            verdicts.update()
            .where(verdicts.c.run_id == row.run_id, verdicts.c.scenario == row.scenario)
            .values(findings=[convert(finding, verdict) for finding in row.findings])
        )


def _repetitions(connection: sa.Connection, run_id: str, scenario: str) -> list[dict[str, Any]]:
    """What a confirmation states of each repetition of a scenario, in order."""
    names = ("p50_s", "p95_s", "success_rate", "reported", "trusted")
    measurements = _table("measurements", "run_id", "scenario", "part", "repetition", *names)
    query = (
        sa.select(*(measurements.c[name] for name in names))
        .where(measurements.c.run_id == run_id, measurements.c.scenario == scenario, measurements.c.part == "")
        .order_by(measurements.c.repetition)
    )
    return [
        dict(row) | {"reported": bool(row["reported"]), "trusted": bool(row["trusted"])}
        for row in connection.execute(query).mappings()
    ]


def _regressions(connection: sa.Connection, scenario: str) -> list[dict[str, Any]]:
    regressions = _table("regressions", "id", "scenario", "part", "first_run", "found_run")
    query = sa.select(regressions).where(regressions.c.scenario == scenario).order_by(regressions.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def _convert_moves(connection: sa.Connection) -> None:
    """What the pipeline itself gave as the reason for a move is said as it says it today; people's words stay."""
    moves, regressions = (
        _table("moves", "regression_id", "state", "who", "why"),
        _table("regressions", "id", "found_run"),
    )
    found_run = sa.select(regressions.c.found_run).where(regressions.c.id == moves.c.regression_id).scalar_subquery()
    automatic = moves.update().where(moves.c.who == "automatic")
    connection.execute(automatic.where(moves.c.state == "open").values(why=sa.literal("found in run ") + found_run))
    back = "back at its level in run "
    recovered = sa.literal("recovered in run ") + sa.func.substr(moves.c.why, len(back) + 1)
    connection.execute(automatic.where(moves.c.state == "fixed", moves.c.why.startswith(back)).values(why=recovered))


def _remarks() -> sa.TableClause:
    return _table("remarks", "run_id", "scenario")


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns))
