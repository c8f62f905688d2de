"""Connection pools to PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, create_engine

# PostgreSQL's default suits spinning disks and makes it prefer reading a whole table to using an index.
PLANNER = "-c random_page_cost=1.1"
DRIVER = "postgresql+psycopg"


def open_pool(url: URL, connections: int, max_connections: int, **parameters: Any) -> Engine:
    """Make a connection pool; it connects when it is first used.

    Args:
        url: URL of the database; the driver that it names is replaced by the installed one.
        connections: Connections that are kept open.
        max_connections: Connections at the same time; a request that needs another one waits.
        parameters: Connection parameters of libpq.
    """
    return create_engine(
        url.set(drivername=DRIVER),
        pool_size=connections,
        max_overflow=max(0, max_connections - connections),
        pool_use_lifo=True,
        pool_pre_ping=True,
        connect_args={"options": PLANNER, **parameters},
    )
