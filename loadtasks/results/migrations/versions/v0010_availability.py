"""Availability, the duration of a profile and its stragglers are kept; stored throughput is that of today's definition.

Throughput was completed requests over the time until the last response; it is those within the profile's duration,
over that duration. Where nothing came after the duration, the new number is known. Where responses are so short, and
the last one came so soon, that both definitions agree within about 1 %, the stored number stays. Elsewhere it is
removed, so that it isn't compared with what is measured now; all other metrics of these measurements are compared as
before.

Revision ID: 0010
Revises: 0009
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_MAX_DIFFERENCE = 0.01
"""Of the duration: the longest mean response time, and the latest last response, with which the stored number stays."""
_MEASUREMENTS = sa.table(
    "measurements",
    sa.column("id", sa.Integer),
    sa.column("load", sa.JSON),
    sa.column("completed", sa.Integer),
    sa.column("mean_s", sa.Double),
    sa.column("elapsed_s", sa.Double),
    sa.column("duration_s", sa.Double),
    sa.column("throughput_per_s", sa.Double),
)


def upgrade() -> None:
    """Add the columns, and bring the stored throughput to today's definition."""
    with op.batch_alter_table("measurements") as measurements:
        measurements.add_column(sa.Column("duration_s", sa.Double(), nullable=True))
        measurements.add_column(sa.Column("stragglers", sa.Integer(), nullable=False, server_default="0"))
        measurements.add_column(sa.Column("availability", sa.Double(), nullable=True))
        measurements.add_column(sa.Column("availability_details", sa.JSON(), nullable=True))
    with op.batch_alter_table("measurements") as measurements:
        measurements.alter_column("stragglers", server_default=None, existing_type=sa.Integer())
    connection = op.get_bind()
    for row in connection.execute(sa.select(_MEASUREMENTS)).mappings().all():
        if values := _throughput(dict(row)):
            connection.execute(sa.update(_MEASUREMENTS).where(_MEASUREMENTS.c.id == row["id"]).values(values))


def downgrade() -> None:
    """Refuse: the throughput that was stored before is gone."""
    raise NotImplementedError("revision 0010 can't be undone")


def _throughput(row: dict[str, Any]) -> dict[str, Any]:
    """The columns to change of a measurement."""
    load = row["load"]
    duration_s = None if load.get("paired") else _duration_s(load)
    if duration_s is None or not row["completed"]:
        return {}
    late_s = row["elapsed_s"] - duration_s
    if late_s <= 0:
        return {"duration_s": duration_s, "throughput_per_s": row["completed"] / duration_s}
    if max(late_s, row["mean_s"] or 0.0) > _MAX_DIFFERENCE * duration_s:
        return {"throughput_per_s": None}
    return {}


def _duration_s(load: dict[str, Any]) -> float | None:
    """How long a load's profile sends, of a mixed one its longest part; None where any of it ends otherwise."""
    if load.get("model") == "mixed":
        parts = [_duration_s(part) for part in load["parts"].values()]
        known = [seconds for seconds in parts if seconds is not None]
        return max(known) if len(known) == len(parts) else None
    if load.get("model") == "broadcast":
        return _duration_s(load["publishing"]) if "publishing" in load else None
    if "stages" in load:
        return float(sum(stage["duration_s"] for stage in load["stages"]))
    return load.get("duration_s")
