"""Throttled requests are counted apart; the slowest requests and what a generator can do are kept.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; runs before counted none apart, kept no requests and calibrated nothing."""
    op.add_column("runs", sa.Column("calibrations", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("measurements", sa.Column("throttled", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("measurements", sa.Column("exemplars", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("measurements", "exemplars")
    op.drop_column("measurements", "throttled")
    op.drop_column("runs", "calibrations")
