"""The sequence of runs is kept in a table of its own; messages know what they were given up after.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_RUNS, _MOVES = (sa.table(name, sa.column("sequence", sa.Integer)) for name in ("runs", "moves"))
_MESSAGES = sa.table(
    "messages",
    *(sa.column(name) for name in ("id", "service", "state", "given_up_after")),
    sa.column("sequence", sa.Integer),
    sa.column("created_at", sa.DateTime(timezone=True)),
    sa.column("given_up_at", sa.DateTime(timezone=True)),
)
_TELL = ("pending", "delivered")


def upgrade() -> None:
    """Go on counting after whatever knows of a number: the newest runs may have been deleted since."""
    sequence = op.create_table(
        "run_sequence",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_run_sequence")),
    )
    op.add_column("messages", sa.Column("given_up_after", sa.Integer(), nullable=True))
    connection = op.get_bind()
    used = [connection.scalar(sa.select(sa.func.max(table.c.sequence))) or 0 for table in (_RUNS, _MOVES, _MESSAGES)]
    connection.execute(sequence.insert().values(name="runs", last=max(used)))
    _note_what_messages_were_given_up_after(connection)


def _note_what_messages_were_given_up_after(connection: sa.Connection) -> None:
    """By the times that are kept: the newest message of the service that was composed before."""
    for message in connection.execute(sa.select(_MESSAGES).where(_MESSAGES.c.given_up_at.is_not(None))).mappings():
        before = sa.select(sa.func.max(_MESSAGES.c.id)).where(
            _MESSAGES.c.service == message["service"],
            _MESSAGES.c.state.in_(_TELL),
            _MESSAGES.c.created_at <= message["given_up_at"],
        )
        after = connection.scalar(before) or 0
        connection.execute(sa.update(_MESSAGES).where(_MESSAGES.c.id == message["id"]).values(given_up_after=after))


def downgrade() -> None:
    """Forget both."""
    op.drop_column("messages", "given_up_after")
    op.drop_table("run_sequence")
