"""Alembic migrations of the API's own tables; `python -m app migrate` runs them."""
