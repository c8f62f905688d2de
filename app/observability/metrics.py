"""What the service tells Prometheus.

Where ``PROMETHEUS_MULTIPROC_DIR`` is set, as ``app.gunicorn_conf`` does, the figures are those of all workers together.
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
    "From a request's arrival in the application to the last byte of its answer; of a WebSocket, its opening.",
    ("method", "route", "status"),
    buckets=BUCKETS_S,
)
IN_FLIGHT = Gauge("http_requests_in_flight", "Requests being answered.", multiprocess_mode="livesum")
POOL_IN_USE = Gauge("database_connections_in_use", "Database connections at work.", multiprocess_mode="livesum")
POOL_MAX = Gauge("database_connections_max", "Database connections there may be.", multiprocess_mode="livesum")
CACHE_REQUESTS = Counter(
    "cache_requests",
    "Answers asked of the cache: it was there, another request computed it, or neither.",
    ("key", "outcome"),
)
RATE_LIMIT_REJECTIONS = Counter(
    "rate_limit_rejections", "Requests refused (429) as beyond a rate limit.", ("method", "route")
)
REPLICA_UP = Gauge(
    "database_replica_up",
    "Whether the replica answers: 0 as soon as it is gone for one worker.",
    ("replica",),
    multiprocess_mode="livemin",
)
WEBSOCKETS = Gauge("websocket_connections", "WebSockets open.", multiprocess_mode="livesum")
EVENTS = Counter("websocket_events", "Events told to the WebSockets.")
DELIVERIES = Counter("websocket_deliveries", "Events sent to, or waiting for, one WebSocket each.")
DEFLATED = Counter("websocket_deflated_deliveries", "Of these, those to WebSockets that take compressed messages.")
PENDING = Gauge(
    "websocket_connections_pending", "WebSockets open that have not told their token.", multiprocess_mode="livesum"
)
SILENT = Counter("websocket_silent_clients", "WebSockets cut for answering no ping.")
SLOW = Counter("websocket_slow_clients", "WebSockets closed (1013) for not taking what was sent.")


@cache
def redis_up() -> Gauge:
    """The gauge for Redis, which only a process that uses it has: any other would count as one that lost it."""
    return Gauge(
        "redis_up", "Whether Redis answers: 0 as soon as it is gone for one worker.", multiprocess_mode="livemin"
    )


def watch_pool(engine: Engine, size: int) -> None:
    """Keep the figures of an engine's pool.

    Args:
        engine: The engine.
        size: Connections that its pool may have.
    """
    POOL_MAX.inc(size)
    event.listen(engine, "checkout", _take)
    event.listen(engine, "checkin", _give_back)


def _take(*_: Any) -> None:
    POOL_IN_USE.inc()


def _give_back(*_: Any) -> None:
    POOL_IN_USE.dec()


def remove_folder() -> None:
    """Remove the folder that the workers share."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def exposition() -> bytes:
    """All figures in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    AllWorkers(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class AllWorkers(MultiProcessCollector):
    """Collects the figures of all workers; reads no file that another process has only just made and left empty."""

    def collect(self) -> Iterable[Metric]:
        """Merge the files; the collector of the library fails at an empty one."""
        files = [str(file) for file in Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).glob("*.db") if _is_begun(file)]
        merged: Iterable[Metric] = self.merge(files)  # type: ignore[no-untyped-call]
        return merged


def _is_begun(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:  # the end of its worker removed it
        return False
