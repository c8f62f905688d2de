"""Regressions are kept, with what people did about them.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make their tables."""
    op.create_table(
        "regressions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scenario", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("first_run", sa.String(), nullable=False),
        sa.Column("found_run", sa.String(), nullable=False),
        sa.Column("version_before", sa.String(), nullable=True),
        sa.Column("version_after", sa.String(), nullable=True),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regressions")),
    )
    op.create_index(op.f("ix_regressions_found_run"), "regressions", ["found_run"], unique=False)
    op.create_index(op.f("ix_regressions_scenario"), "regressions", ["scenario"], unique=False)
    op.create_table(
        "moves",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("regression_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["regression_id"], ["regressions.id"], name=op.f("fk_moves_regression_id_regressions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_moves")),
    )
    op.create_index(op.f("ix_moves_regression_id"), "moves", ["regression_id"], unique=False)
    op.create_table(
        "remarks",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("scenario", sa.String(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_remarks_run_id_runs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "scenario", name=op.f("pk_remarks")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("remarks")
    op.drop_table("moves")
    op.drop_table("regressions")
