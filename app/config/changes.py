"""The audit trail of the configuration: who replaced which document by which, and when."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, func, insert, select
from werkzeug.http import quote_etag

from app.storage.database import Database
from app.storage.models import ConfigurationChange
from app.web.input import MAX_PAGE, MAX_PAGE_SIZE
from app.web.representations import tag


class ChangesQuery(BaseModel):
    """Which page of the trail to give, from 1, and how many changes are on one."""

    model_config = ConfigDict(extra="forbid")

    page: int = Field(default=1, ge=1, le=MAX_PAGE)
    page_size: int = Field(default=20, ge=1, le=MAX_PAGE_SIZE)


def record_change(connection: Connection, document: str, who: str, before: str, after: str) -> None:
    """Write a change down, in the transaction that makes it.

    Args:
        connection: A connection in that transaction.
        document: Name of the document.
        who: Name of the token that it was put with.
        before: The document so far, as JSON.
        after: The document that replaces it, as JSON.
    """
    row = {
        "document": document,
        "changed_at": datetime.now(UTC),
        "changed_by": who,
        "etag_before": _quoted_tag(before),
        "etag_after": _quoted_tag(after),
        "body_before": before,
        "body_after": after,
    }
    connection.execute(insert(ConfigurationChange), row)


def list_changes(database: Database, document: str, query: ChangesQuery) -> dict[str, Any]:
    """Give one page of a document's trail, newest first.

    Returns:
        ``items``, ``page``, ``page_size``, ``total`` (changes on all pages) and ``pages``. Each item has ``id``,
        ``changed_at``, ``changed_by``, ``etag_before``, ``etag_after`` and the documents ``before`` and ``after``.
    """
    table = ConfigurationChange
    rows = select(table.__table__).where(table.document == document).order_by(table.id.desc())
    rows = rows.limit(query.page_size).offset((query.page - 1) * query.page_size)
    count = select(func.count()).select_from(table).where(table.document == document)

    def ask(connection: Connection) -> tuple[int, list[dict[str, Any]]]:
        return connection.scalar(count) or 0, [_item(row) for row in connection.execute(rows).mappings()]

    total, items = database.ask(ask)
    pages = -(-total // query.page_size)
    return {"items": items, "page": query.page, "page_size": query.page_size, "total": total, "pages": pages}


def _item(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "changed_at": row["changed_at"].isoformat(),
        "changed_by": row["changed_by"],
        "etag_before": row["etag_before"],
        "etag_after": row["etag_after"],
        "before": json.loads(row["body_before"]),
        "after": json.loads(row["body_after"]),
    }


def _quoted_tag(body: str) -> str:
    return quote_etag(tag(body.encode()))
