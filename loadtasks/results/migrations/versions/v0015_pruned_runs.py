"""Runs can be pruned: a measurement may have no histograms any more.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the columns, and let histograms be missing."""
    op.add_column("runs", sa.Column("pruned_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("measurements") as measurements:
        measurements.add_column(sa.Column("timed", sa.Integer(), nullable=True))
        for name in ("response", "service", "send_lag"):
            measurements.alter_column(name, existing_type=sa.String(), nullable=True)


def downgrade() -> None:
    """Refuse: what was pruned can't be had back."""
    raise NotImplementedError("the histograms of pruned runs can't be had back")
