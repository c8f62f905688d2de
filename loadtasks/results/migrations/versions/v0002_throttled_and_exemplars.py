"""Throttled requests are counted apart; the slowest requests are kept.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; what was measured before was never throttled apart, and kept no requests."""
    op.add_column("measurements", sa.Column("throttled", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("measurements", sa.Column("exemplars", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("measurements", "exemplars")
    op.drop_column("measurements", "throttled")
