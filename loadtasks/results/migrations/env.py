"""What Alembic runs: the migrations on the connection that `loadtasks.results.database` hands in."""

from alembic import context

from loadtasks.results.schema import VERSION_TABLE, Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
