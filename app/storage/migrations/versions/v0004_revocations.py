"""Tokens are signed: what is kept is which of them were revoked. Those that were kept so far end.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Replace the tokens by the revocations."""
    op.drop_table("tokens")
    op.create_table(
        "revocations",
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("before", sa.Double(), nullable=False),
    )


def downgrade() -> None:
    """Replace the revocations by tokens, of which there are none."""
    op.drop_table("revocations")
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, index=True),
        sa.Column("sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("scopes", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime()),
        sa.Column("revoked", sa.Boolean(), nullable=False),
    )
