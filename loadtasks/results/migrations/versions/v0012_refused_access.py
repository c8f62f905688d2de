"""A scenario that the target refused before any load is kept with what it sent to be admitted.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column; runs before kept no such scenario."""
    op.add_column("failures", sa.Column("access", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("failures", "access")
