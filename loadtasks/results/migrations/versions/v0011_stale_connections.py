"""Stale connections and unreachable addresses are kept; the client's own headers are part of every scenario's hash.

Revision ID: 0011
Revises: 0010
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

from loadtasks.results.migrations import old_hashes

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the columns, and replace the hashes wherever they are kept, so that later runs compare with earlier ones."""
    with op.batch_alter_table("measurements") as measurements:
        measurements.add_column(sa.Column("stale_connections", sa.Integer(), nullable=False, server_default="0"))
        measurements.add_column(sa.Column("unreachable_addresses", sa.JSON(), nullable=False, server_default="[]"))
    connection = op.get_bind()
    _replace_hashes(connection, "measurements")
    _replace_hashes(connection, "baselines")
    _convert(connection, "pairings", "reference", old_hashes.measurement)
    _convert(connection, "verdicts", "findings", old_hashes.finding)


def downgrade() -> None:
    """Refuse: an old hash can't be had back from the new one."""
    raise NotImplementedError("the hashes of earlier versions can't be had back")


def _replace_hashes(connection: sa.Connection, name: str) -> None:
    """There are few hashes among many rows."""
    rows = sa.table(name, sa.column("scenario_hash"))
    replaced = {
        old: old_hashes.with_client_headers(old)
        for old in connection.scalars(sa.select(rows.c.scenario_hash).distinct()).all()
    }
    assert not replaced.keys() & set(replaced.values()), "a new hash equals an old one"  # noqa: S101 - 48 bits
    for old, new in replaced.items():
        connection.execute(rows.update().where(rows.c.scenario_hash == old).values(scenario_hash=new))


def _convert(
    connection: sa.Connection, name: str, column: str, convert: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Convert each element of a column of lists."""
    rows = sa.table(name, sa.column("run_id"), sa.column("scenario"), sa.column(column, sa.JSON))
    for row in connection.execute(sa.select(rows)).mappings().all():
        before = row[column]
        if (after := [convert(element) for element in before]) != before:
            connection.execute(
                rows.update()
                .where(rows.c.run_id == row["run_id"], rows.c.scenario == row["scenario"])
                .values({column: after})
            )
