"""A run keeps its controls, and regressions of several scenarios that shifted at once belong together.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add both; runs before had no controls, and each regression stood for itself."""
    op.add_column("runs", sa.Column("controls", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("regressions", sa.Column("shared_since", sa.String(), nullable=True))


def downgrade() -> None:
    """Remove both."""
    with op.batch_alter_table("regressions") as regressions:
        regressions.drop_column("shared_since")
    with op.batch_alter_table("runs") as runs:
        runs.drop_column("controls")
