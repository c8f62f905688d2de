"""What Alembic runs: the migrations on the connection that ``app.schema`` hands in."""

from alembic import context

from app.models import Base
from app.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
