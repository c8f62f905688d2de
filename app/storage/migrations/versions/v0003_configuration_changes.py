"""Each change of the configuration is kept.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the audit trail."""
    op.create_table(
        "configuration_changes",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("document", sa.String(64), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(64), nullable=False),
        sa.Column("etag_before", sa.String(80), nullable=False),
        sa.Column("etag_after", sa.String(80), nullable=False),
        sa.Column("body_before", sa.Text(), nullable=False),
        sa.Column("body_after", sa.Text(), nullable=False),
    )
    op.create_index("configuration_changes_by_document", "configuration_changes", ["document", "id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("configuration_changes")
