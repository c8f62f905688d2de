"""Session events: who hears of them and how they are told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.responses import encode
from app.websockets.hub import Hub

CREATED = "session.created"
PROGRESS = "session.progress"
COMPLETED = "session.completed"
FAILED = "session.failed"


def publish(hub: Hub, kind: str, session: dict[str, Any]) -> None:
    """Tell every client of an event; ``at`` is the moment of this call, in UTC."""
    hub.broadcast(encode({"type": kind, "at": datetime.now(UTC).isoformat(), "session": session}))
