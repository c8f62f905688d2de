"""The first tables. Databases that were made before there were migrations have them already.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INDEXES = {
    "sessions_by_creation": ["created_at", "id"],
    "sessions_by_update": ["updated_at", "id"],
    "sessions_by_status": ["status", "created_at", "id"],
    "sessions_by_model": ["model_id", "created_at", "id"],
    "sessions_by_technique": ["technique", "created_at", "id"],
    "sessions_by_filters": ["technique", "status", "model_id", "created_at"],
    "sessions_results": ["status", "size_reduction", "speedup"],
    "sessions_by_day": ["created_on"],
}


def upgrade() -> None:
    """Make the tables and indexes that aren't there yet."""
    op.create_table(
        "models",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("family", sa.String(32), nullable=False),
        sa.Column("parameters", sa.BigInteger(), nullable=False),
        if_not_exists=True,
    )
    _create_sessions()
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("scopes", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime()),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_tokens_name", "tokens", ["name"], if_not_exists=True)
    op.create_table(
        "documents",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        if_not_exists=True,
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("model_id", sa.Integer(), sa.ForeignKey("models.id"), nullable=False),
        sa.Column("technique", sa.String(32), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("size_reduction", sa.Double()),
        sa.Column("speedup", sa.Double()),
        sa.Column("accuracy_change", sa.Double()),
        sa.Column("failure", sa.Text()),
        sa.Column("criteria", sa.Text()),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_on", sa.Date(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        if_not_exists=True,
    )
    for name, columns in INDEXES.items():
        op.create_index(name, "sessions", columns, if_not_exists=True)


def downgrade() -> None:
    """Drop the tables."""
    for table in ("documents", "tokens", "sessions", "models"):
        op.drop_table(table)
