"""A run may have a reference, with which its scenarios are measured in rounds.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the reference and its pairings; runs before had none."""
    op.add_column("runs", sa.Column("reference_url", sa.String(), nullable=True))
    op.add_column("runs", sa.Column("reference_version", sa.String(), nullable=True))
    op.create_table(
        "pairings",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("scenario", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("reference", sa.JSON(), nullable=False),
        sa.Column("pairs", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_pairings_run_id_runs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "scenario", name=op.f("pk_pairings")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("pairings")
    op.drop_column("runs", "reference_version")
    op.drop_column("runs", "reference_url")
