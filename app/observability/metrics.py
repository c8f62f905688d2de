"""The service's metrics for Prometheus.

Where `PROMETHEUS_MULTIPROC_DIR` is set, as `app.gunicorn_conf` does, the values cover all worker processes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import event

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric
    from sqlalchemy import Engine

CONTENT_TYPE = CONTENT_TYPE_LATEST
BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

LATENCY = Histogram(
    "http_request_duration_seconds",
    "From a request's arrival in the application to the last byte of its response; for a WebSocket, the handshake.",
    ("method", "route", "status"),
    buckets=BUCKETS_S,
)
IN_FLIGHT = Gauge("http_requests_in_flight", "Requests that are being processed.", multiprocess_mode="livesum")
POOL_IN_USE = Gauge("database_connections_in_use", "Database connections in use.", multiprocess_mode="livesum")
POOL_LIMIT = Gauge("database_connections_max", "Limit of the database connections.", multiprocess_mode="livesum")
CACHE_REQUESTS = Counter(
    "cache_requests",
    "Lookups in the cache: hit, wait (another request was computing the value) or miss.",
    ("key", "outcome"),
)
RATE_LIMIT_REJECTIONS = Counter(
    "rate_limit_rejections", "Requests refused (429) because they exceed a rate limit.", ("method", "route")
)
REPLICA_UP = Gauge(
    "database_replica_up",
    "Whether the replica is reachable: 0 as soon as one worker can't reach it.",
    ("replica",),
    multiprocess_mode="livemin",
)
WEBSOCKETS = Gauge("websocket_connections", "Open WebSockets.", multiprocess_mode="livesum")
EVENTS = Counter("websocket_events", "Events published to the WebSockets.")
DELIVERIES = Counter("websocket_deliveries", "Events sent to, or queued for, a single WebSocket.")
DEFLATED = Counter("websocket_deflated_deliveries", "Deliveries to WebSockets that take compressed messages.")
PENDING = Gauge(
    "websocket_connections_pending", "Open WebSockets that haven't sent a token yet.", multiprocess_mode="livesum"
)
SILENT = Counter("websocket_silent_clients", "WebSockets cut because they answered no ping.")
SLOW = Counter("websocket_slow_clients", "WebSockets closed (1013) because they read too slowly.")


@cache
def redis_up() -> Gauge:
    """Make the gauge for Redis, once. Only a process that uses Redis may have it: 0 would mean that Redis is down."""
    return Gauge(
        "redis_up", "Whether Redis is reachable: 0 as soon as one worker can't reach it.", multiprocess_mode="livemin"
    )


def watch_pool(engine: Engine, size: int) -> None:
    """Keep the metrics of an engine's connection pool.

    Args:
        engine: The engine.
        size: Connections that its pool may have.
    """
    POOL_LIMIT.inc(size)
    event.listen(engine, "checkout", _connection_taken)
    event.listen(engine, "checkin", _connection_returned)


def _connection_taken(*_: Any) -> None:
    POOL_IN_USE.inc()


def _connection_returned(*_: Any) -> None:
    POOL_IN_USE.dec()


def remove_folder() -> None:
    """Remove the folder through which the workers share their values."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def exposition() -> bytes:
    """Render all metrics in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    AllWorkers(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class AllWorkers(MultiProcessCollector):
    """Collects the values of all workers, skipping files that a worker has created but not yet written."""

    def collect(self) -> Iterable[Metric]:
        """Merge the files; the library's own collector fails on an empty file."""
        files = [str(file) for file in Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).glob("*.db") if _has_content(file)]
        merged: Iterable[Metric] = self.merge(files)  # type: ignore[no-untyped-call]
        return merged


def _has_content(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:  # its worker ended and removed it
        return False
