"""A move of a regression knows where somebody decided it: on the command line, on a page, in a required action.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add the column. Until now people could decide on the command line only."""
    op.add_column("moves", sa.Column("place", sa.String(), nullable=False, server_default="command line"))
    op.execute("UPDATE moves SET place = 'pipeline' WHERE who = 'automatic'")
    with op.batch_alter_table("moves") as moves:
        moves.alter_column("place", server_default=None)


def downgrade() -> None:
    """Forget it."""
    with op.batch_alter_table("moves") as moves:
        moves.drop_column("place")
