"""What Alembic runs: the migrations on the connection that `loadtasks.results.database` hands in."""

from alembic import context

from loadtasks.results.schema import VERSION_TABLE, ResultsBase

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=ResultsBase.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
