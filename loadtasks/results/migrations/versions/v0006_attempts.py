"""A scenario may be measured several times in one run; one of its attempts counts.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_UNIQUE_BEFORE = "uq_measurements_run_id_scenario_part"
_UNIQUE = "uq_measurements_run_id_scenario_part_attempt"


def upgrade() -> None:
    """Add the columns; whatever was measured before was kept once."""
    with op.batch_alter_table("measurements") as measurements:  # SQLite changes no constraint of a table that is there
        measurements.add_column(sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"))
        measurements.add_column(sa.Column("counts", sa.Boolean(), nullable=False, server_default=sa.true()))
        measurements.add_column(sa.Column("trusted", sa.Boolean(), nullable=False, server_default=sa.true()))
        measurements.drop_constraint(op.f(_UNIQUE_BEFORE), type_="unique")
        measurements.create_unique_constraint(op.f(_UNIQUE), ["run_id", "scenario", "part", "attempt"])


def downgrade() -> None:
    """Drop them, and the attempts that don't count."""
    op.execute("DELETE FROM measurements WHERE NOT counts")
    with op.batch_alter_table("measurements") as measurements:
        measurements.drop_constraint(op.f(_UNIQUE), type_="unique")
        measurements.create_unique_constraint(op.f(_UNIQUE_BEFORE), ["run_id", "scenario", "part"])
        measurements.drop_column("trusted")
        measurements.drop_column("counts")
        measurements.drop_column("attempt")
