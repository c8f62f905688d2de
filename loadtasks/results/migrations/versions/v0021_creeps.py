"""Creeps that were reported are kept, so that each is reported once.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the table; nothing was reported before."""
    op.create_table(
        "creeps",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("scenario", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("anchor_run", sa.String(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_creeps_run_id_runs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "scenario", "part", name=op.f("pk_creeps")),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("creeps")
