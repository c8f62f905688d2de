"""Requests that the load engine failed on are counted apart from those that the target failed.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the count; none were counted before."""
    with op.batch_alter_table("measurements") as measurements:
        measurements.add_column(sa.Column("internal_errors", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Remove the count."""
    with op.batch_alter_table("measurements") as measurements:
        measurements.drop_column("internal_errors")
