"""Revoked tokens: all tokens of a user that were issued up to a given time."""

from __future__ import annotations

import time

from sqlalchemy import select

from app.storage.database import AppDatabase
from app.storage.models import Revocation


class Revocations:
    """The revocations in a database."""

    def __init__(self, database: AppDatabase) -> None:
        self._database = database

    def revoke(self, subject: str) -> None:
        """Revoke all tokens of a subject that were issued until now."""
        statement = self._database.insert(Revocation).values(subject=subject, before=time.time())
        statement = statement.on_conflict_do_update(
            index_elements=[Revocation.subject], set_={"before": statement.excluded.before}
        )
        with self._database.write(durable=True) as connection:
            connection.execute(statement)

    def is_revoked(self, subject: str, issued_at: float) -> bool:
        """Whether a token is revoked.

        Args:
            subject: The token's subject.
            issued_at: When the token was issued, as Unix time in seconds.
        """
        with self._database.read() as connection:
            before = connection.scalar(select(Revocation.before).where(Revocation.subject == subject))
        return before is not None and issued_at <= before
