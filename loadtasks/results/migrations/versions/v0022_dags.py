"""Runs know the DAG and the DAG run of Airflow that made them, for links and permissions.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the columns; of earlier runs nothing is known."""
    op.add_column("runs", sa.Column("dag_id", sa.String(), nullable=True))
    op.add_column("runs", sa.Column("dag_run_id", sa.String(), nullable=True))


def downgrade() -> None:
    """Forget them."""
    with op.batch_alter_table("runs") as runs:
        runs.drop_column("dag_run_id")
        runs.drop_column("dag_id")
