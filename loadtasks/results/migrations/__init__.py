"""Alembic migrations of the results database; `loadtasks.results.database` runs them when a database is opened."""
