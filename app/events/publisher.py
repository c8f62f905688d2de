"""Session events: who hears of them and how they are told.

With Redis, events reach the WebSocket clients of all instances, each client once, in the order in which an instance
published them. An instance's own clients hear its events whatever becomes of Redis. Redis keeps no events: those that
are published while their instance or another one can't reach it never get to that other one's clients.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.redis.client import RedisLink
from app.redis.relay import Relay
from app.web.responses import encode
from app.websockets.hub import Hub

CREATED = "session.created"
PROGRESS = "session.progress"
COMPLETED = "session.completed"
FAILED = "session.failed"

CHANNEL = "optimisation-service:events"


class Events:
    """Tells WebSocket clients what happens to sessions.

    Args:
        hub: The clients of this instance.
        link: How other instances' clients are reached; None: there are no others.
    """

    def __init__(self, hub: Hub, link: RedisLink | None) -> None:
        self._relay = None if link is None else Relay(CHANNEL, link, hub.broadcast)
        self._tell = hub.broadcast if self._relay is None else self._relay.publish

    def publish(self, kind: str, session: dict[str, Any]) -> None:
        """Tell every client of an event; ``at`` is the moment of this call, in UTC."""
        self._tell(encode({"type": kind, "at": datetime.now(UTC).isoformat(), "session": session}))

    def close(self) -> None:
        """Hear no more of other instances."""
        if self._relay is not None:
            self._relay.close()
