"""The target's own metrics and the size of the responses are kept.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns; runs before knew neither."""
    op.add_column("measurements", sa.Column("body_bytes", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("measurements", sa.Column("target_metrics", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("measurements", "target_metrics")
    op.drop_column("measurements", "body_bytes")
