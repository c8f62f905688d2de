"""Sessions without a value are sorted by a key: the same order in every database.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

COLUMNS = ("size_reduction", "speedup", "accuracy_change")


def upgrade() -> None:
    """Index the keys instead of the columns."""
    for column in COLUMNS:
        op.drop_index(f"sessions_by_{column}", "sessions", if_exists=True)
        op.create_index(f"sessions_by_{column}", "sessions", [sa.text(f"coalesce({column}, -1e+308)"), "id"])


def downgrade() -> None:
    """Index the columns."""
    for column in COLUMNS:
        op.drop_index(f"sessions_by_{column}", "sessions")
        op.create_index(f"sessions_by_{column}", "sessions", [column, "id"])
