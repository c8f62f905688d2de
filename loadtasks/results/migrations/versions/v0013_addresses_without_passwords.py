"""Addresses of targets are kept without user and password.

Revision ID: 0013
Revises: 0012
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_RUNS = sa.table("runs", *(sa.column(name) for name in ("id", "target_url", "reference_url")))
_USER_INFO = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)[^/?#]*@")


def upgrade() -> None:
    """Cut them off the addresses of runs that older versions kept."""
    connection = op.get_bind()
    for row in connection.execute(sa.select(_RUNS)).mappings().all():
        addresses = {name: row[name] for name in ("target_url", "reference_url") if row[name]}
        without = {name: _USER_INFO.sub(r"\1", url) for name, url in addresses.items()}
        if without != addresses:
            connection.execute(_RUNS.update().where(_RUNS.c.id == row["id"]).values(without))


def downgrade() -> None:
    """Nothing to do: what was cut off is gone."""
