"""Runs that are late are kept until people know: who notices it may not be able to send mails.

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "late_runs",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=True),
        sa.Column("dag_id", sa.String(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_late_runs")),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("late_runs")
