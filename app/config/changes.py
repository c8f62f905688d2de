"""The history of the configuration: who replaced which document by which, and when."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select
from werkzeug.http import quote_etag

from app.storage.database import AppDatabase
from app.storage.models import ConfigurationChange
from app.web.input import PageQuery
from app.web.representations import tag


def record_change(connection: Connection, document: str, user: str, before: str, after: str) -> None:
    """Add a change to the history, in the transaction that makes the change.

    Args:
        connection: A connection in that transaction.
        document: Name of the document.
        user: User of the token that makes the change.
        before: The replaced document, as JSON.
        after: The new document, as JSON.
    """
    row = {
        "document": document,
        "changed_at": datetime.now(UTC),
        "changed_by": user,
        "etag_before": _quoted_tag(before),
        "etag_after": _quoted_tag(after),
        "body_before": before,
        "body_after": after,
    }
    connection.execute(insert(ConfigurationChange), row)


def list_changes(database: AppDatabase, document: str, query: PageQuery) -> dict[str, Any]:
    """Read one page of a document's history, newest first.

    Returns:
        What `CriteriaChangePage` describes.
    """
    table = ConfigurationChange
    rows = select(table.__table__).where(table.document == document).order_by(table.id.desc())
    rows = rows.limit(query.page_size).offset((query.page - 1) * query.page_size)
    count = select(func.count()).select_from(table).where(table.document == document)

    def run(connection: Connection) -> tuple[int, list[dict[str, Any]]]:
        return connection.scalar(count) or 0, [_item(row) for row in connection.execute(rows).mappings()]

    total, items = database.query(run)
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
