"""Session events, published to the WebSocket clients of all instances.

With Redis every client of every instance gets each event once, and the events of an instance in the order in which it
published them. An instance's own clients get its events even without Redis. Redis stores no events: an event that is
published while either of two instances can't reach Redis never gets to the other instance's clients.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.redis.client import RedisClient
from app.redis.relay import Relay
from app.web.responses import encode
from app.websockets.hub import WebSocketHub

CREATED = "session.created"
PROGRESS = "session.progress"
COMPLETED = "session.completed"
FAILED = "session.failed"

CHANNEL = "optimisation-service:events"


class EventPublisher:
    """Publishes what happens to sessions.

    Args:
        hub: The WebSocket clients of this instance.
        redis: Connects to the other instances; None: there are none.
    """

    def __init__(self, hub: WebSocketHub, redis: RedisClient | None) -> None:
        self._relay = None if redis is None else Relay(CHANNEL, redis, hub.broadcast)
        self._send = hub.broadcast if self._relay is None else self._relay.publish

    def publish(self, kind: str, session: dict[str, Any]) -> None:
        """Send an event to all clients; `at` in it is the time of this call, in UTC."""
        self._send(encode({"type": kind, "at": datetime.now(UTC).isoformat(), "session": session}))

    def close(self) -> None:
        """Stop receiving the events of other instances."""
        if self._relay is not None:
            self._relay.close()
