"""The parts of a running service, and how request handlers come by them."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from app.cache.local import Cache
from app.config.criteria import CriteriaStore
from app.dashboard.statistics import Dashboard
from app.events.publisher import Events
from app.redis.client import RedisLink
from app.sessions.simulation import Simulation
from app.settings import Settings
from app.storage.database import Database
from app.websockets.hub import Hub

EXTENSION = "optimisation-service"


@dataclass(frozen=True)
class Services:
    """What one application is made of.

    Attributes:
        redis: What instances share; None: each goes by itself.
    """

    settings: Settings
    database: Database
    redis: RedisLink | None
    cache: Cache
    criteria: CriteriaStore
    dashboard: Dashboard
    hub: Hub
    events: Events
    simulation: Simulation

    def close(self) -> None:
        """Stop the threads, say goodbye to WebSocket clients and give Redis and the database back."""
        self.simulation.close()
        self.events.close()
        self.hub.close()
        if self.redis is not None:
            self.redis.close()
        self.database.dispose()


def services() -> Services:
    """The parts of the application that handles the current request."""
    found: Services = current_app.extensions[EXTENSION]
    return found
