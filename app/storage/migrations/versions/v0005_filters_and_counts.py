"""Every filter has an index in every sort, and sessions are counted as they are written.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

REPLACED = {
    "sessions_by_status": ["status", "created_at", "id"],
    "sessions_by_model": ["model_id", "created_at", "id"],
    "sessions_by_technique": ["technique", "created_at", "id"],
    "sessions_by_filters": ["technique", "status", "model_id", "created_at"],
}
SORTS = {
    "creation": "created_at",
    "update": "updated_at",
    **{name: f"coalesce({name}, -1e+308)" for name in ("size_reduction", "speedup", "accuracy_change")},
}
KINDS = {"sessions_of_kind_by": ["status", "technique"], "sessions_of_model_by": ["status", "technique", "model_id"]}

COUNT = "INSERT INTO session_counts (status, technique, model_id, sessions) "
ADD_UP = (
    " ON CONFLICT (status, technique, model_id) DO UPDATE SET sessions = session_counts.sessions + excluded.sessions"
)

SQLITE_ADD = f"{COUNT} VALUES (NEW.status, NEW.technique, NEW.model_id, 1) {ADD_UP};"
SQLITE_TAKE = f"{COUNT} VALUES (OLD.status, OLD.technique, OLD.model_id, -1) {ADD_UP};"
SQLITE = {
    "sessions_counted_insert": f"AFTER INSERT ON sessions BEGIN {SQLITE_ADD} END",
    "sessions_counted_delete": f"AFTER DELETE ON sessions BEGIN {SQLITE_TAKE} END",
    "sessions_counted_update": (
        "AFTER UPDATE OF status, technique, model_id ON sessions WHEN (OLD.status, OLD.technique, OLD.model_id) <> "
        f"(NEW.status, NEW.technique, NEW.model_id) BEGIN {SQLITE_TAKE} {SQLITE_ADD} END"
    ),
}

# Who writes sessions waits for the other one's commit, before it has locked a row: two could else wait for each other.
LOCK = """
CREATE OR REPLACE FUNCTION sessions_count_alone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(177822798);
    RETURN NULL;
END $$
"""
# A statement's changes are added up first: its rows would each leave a dead version of the counter behind.
ADD = f"""
CREATE OR REPLACE FUNCTION sessions_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        {COUNT} SELECT status, technique, model_id, count(*) FROM added GROUP BY 1, 2, 3 {ADD_UP};
    ELSIF TG_OP = 'DELETE' THEN
        {COUNT} SELECT status, technique, model_id, -count(*) FROM removed GROUP BY 1, 2, 3 {ADD_UP};
    ELSE
        {COUNT} SELECT status, technique, model_id, sum(change) FROM (
            SELECT status, technique, model_id, 1 AS change FROM added
            UNION ALL SELECT status, technique, model_id, -1 FROM removed
        ) AS changes GROUP BY 1, 2, 3 HAVING sum(change) <> 0 {ADD_UP};
    END IF;
    RETURN NULL;
END $$
"""  # noqa: S608
POSTGRESQL = {
    "sessions_counted_alone": "BEFORE INSERT OR UPDATE OR DELETE ON sessions EXECUTE FUNCTION sessions_count_alone()",
    "sessions_counted_insert": (
        "AFTER INSERT ON sessions REFERENCING NEW TABLE AS added EXECUTE FUNCTION sessions_count()"
    ),
    "sessions_counted_delete": (
        "AFTER DELETE ON sessions REFERENCING OLD TABLE AS removed EXECUTE FUNCTION sessions_count()"
    ),
    "sessions_counted_update": (
        "AFTER UPDATE ON sessions REFERENCING OLD TABLE AS removed NEW TABLE AS added EXECUTE FUNCTION sessions_count()"
    ),
}


def upgrade() -> None:
    """Make the indexes, and the counts with what keeps them."""
    for name in REPLACED:
        op.drop_index(name, "sessions", if_exists=True)
    for kind, columns in KINDS.items():
        for sort, key in SORTS.items():
            op.create_index(f"{kind}_{sort}", "sessions", [*columns, sa.text(key), "id"], if_not_exists=True)
    op.create_table(
        "session_counts",
        sa.Column("status", sa.String(16), primary_key=True),
        sa.Column("technique", sa.String(32), primary_key=True),
        sa.Column("model_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        if_not_exists=True,
    )
    if op.get_bind().dialect.name == "sqlite":
        for name, body in SQLITE.items():
            op.execute(f"CREATE TRIGGER IF NOT EXISTS {name} {body}")
    else:
        op.execute(LOCK)
        op.execute(ADD)
        for name, body in POSTGRESQL.items():
            op.execute(f"CREATE OR REPLACE TRIGGER {name} {body}")
    op.execute("DELETE FROM session_counts")
    op.execute(f"{COUNT} SELECT status, technique, model_id, count(*) FROM sessions GROUP BY 1, 2, 3")  # noqa: S608


def downgrade() -> None:
    """Drop them, and make the indexes that they replaced."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name in SQLITE if is_sqlite else POSTGRESQL:
        op.execute(f"DROP TRIGGER {name}" if is_sqlite else f"DROP TRIGGER {name} ON sessions")
    if not is_sqlite:
        op.execute("DROP FUNCTION sessions_count, sessions_count_alone")
    op.drop_table("session_counts")
    for kind in KINDS:
        for sort in SORTS:
            op.drop_index(f"{kind}_{sort}", "sessions")
    for name, columns in REPLACED.items():
        op.create_index(name, "sessions", columns)
