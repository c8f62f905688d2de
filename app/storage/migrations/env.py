"""Alembic's entry point: runs the migrations on the connection that `app.storage.schema_version` passes in."""

from alembic import context

from app.storage.models import TableBase
from app.storage.schema_version import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=TableBase.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
