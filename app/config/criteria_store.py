"""The stored criteria: read through a cache, replaced together with their entry in the history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import select, update

from app.cache.local import Cache
from app.config.changes import record_change
from app.config.model import DEFAULT_CRITERIA, Criteria
from app.storage.database import AppDatabase
from app.storage.models import Document

NAME = "optimization-criteria"


class CriteriaStore:
    """Stores the criteria in the database and caches them for readers.

    A stored document is in every response to a request that was made after the response to the PUT.

    Args:
        database: Where the criteria are stored.
        cache: Where they are cached.
        ttl_s: Seconds for which they are cached.
    """

    def __init__(self, database: AppDatabase, cache: Cache, ttl_s: float) -> None:
        self._database = database
        self._cache = cache
        self._ttl_s = ttl_s

    def get(self) -> bytes:
        """Read the criteria as JSON: the last ones stored, or the default."""
        return self._cache.get(NAME, self._ttl_s, self._load)

    def _load(self) -> bytes:
        with self._database.read() as connection:
            body = connection.scalar(select(Document.body).where(Document.name == NAME))
        return (DEFAULT_CRITERIA.model_dump_json() if body is None else body).encode()

    def put(self, criteria: Criteria, user: str, check: Callable[[bytes], None]) -> bytes:
        """Store criteria durably together with their entry in the history, or neither.

        Args:
            criteria: The new criteria.
            user: User of the token that makes the change.
            check: Gets the document that would be replaced, locked against other changes; its exceptions prevent the
                change.

        Returns:
            The stored document as JSON.
        """
        after, now = criteria.model_dump_json(), datetime.now(UTC)
        default = {"name": NAME, "body": DEFAULT_CRITERIA.model_dump_json(), "updated_at": now}
        with self._database.write(durable=True, acknowledged=True) as connection:
            # The first statement writes, so that it locks the document against other processes.
            connection.execute(self._database.insert(Document).values(default).on_conflict_do_nothing())
            before = connection.scalars(select(Document.body).where(Document.name == NAME).with_for_update()).one()
            check(before.encode())
            record_change(connection, NAME, user, before, after)
            connection.execute(update(Document).where(Document.name == NAME).values(body=after, updated_at=now))
        self._cache.invalidate(NAME)
        return after.encode()
