"""Connection pools to PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, create_engine

# The default is that of spinning disks, for which PostgreSQL would rather read a whole table than its index.
PLANNER = "-c random_page_cost=1.1"
DRIVER = "postgresql+psycopg"


def open_pool(url: URL, connections: int, connections_max: int, **parameters: Any) -> Engine:
    """Make a pool; nothing is connected yet.

    Args:
        url: Of the database; whatever driver it names, the one that is installed is taken.
        connections: Connections that are kept open.
        connections_max: Connections at the same time; who wants one more waits.
        parameters: Of libpq.
    """
    return create_engine(
        url.set(drivername=DRIVER),
        pool_size=connections,
        max_overflow=max(0, connections_max - connections),
        pool_use_lifo=True,
        pool_pre_ping=True,
        connect_args={"options": PLANNER, **parameters},
    )
