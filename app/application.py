"""The application factory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import NullSession, SessionInterface, SessionMixin

from app.cache.local import Cache, LocalCache, NoCache
from app.cache.shared import RedisCache
from app.config import routes as config
from app.config.criteria_store import CriteriaStore
from app.dashboard import routes as dashboard
from app.dashboard.statistics import DashboardStatistics
from app.events import routes as events
from app.events.publisher import EventPublisher
from app.faults import parse_faults
from app.health import routes as health
from app.observability.access_log import record_requests
from app.observability.correlation import correlate_requests
from app.observability.server_timing import time_requests
from app.openapi import document
from app.openapi import routes as documentation
from app.openapi.operations import rate_limits
from app.rate_limits.limits import WINDOW_S, RateLimiter
from app.rate_limits.windows import LocalWindows, RedisWindows, SlidingWindows
from app.redis.client import RedisClient
from app.security.keys import signing_keys
from app.security.revocations import Revocations
from app.security.tokens import TokenVerifier
from app.sessions import routes as sessions
from app.sessions.simulation import Simulation
from app.settings import Settings
from app.storage.database import AppDatabase
from app.web import problems
from app.web.auth import Authentication
from app.web.components import EXTENSION, Components
from app.web.fault_injection import FaultInjector
from app.web.security_headers import add_security_headers
from app.websockets.hub import WebSocketHub, WebSocketLimits

MAX_BODY_BYTES = 64 * 1024


class Application(Flask):
    """Flask without coroutines: it doesn't check at each request whether a view or hook is one."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function unchanged."""
        return func


class NoSessions(SessionInterface):
    """Switches off Flask's sessions, which are kept in cookies."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        """Return a session that refuses to store anything."""
        return self._none

    def is_null_session(self, obj: object) -> bool:
        """Return true: there is nothing to save."""
        return True

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Save nothing."""


def create_app(settings: Settings | None = None) -> Flask:
    """Make the application and start its threads; to be called in the process that serves it.

    Args:
        settings: By default those of the environment.

    Raises:
        SettingsError: The environment has an invalid setting.
        SchemaError: The database can't be used or lacks its tables.
    """
    settings = settings or Settings.from_environ()
    database = _open_database(settings)
    redis = RedisClient(settings.redis_url) if settings.redis_url else None
    app = _make_flask()
    cache = _open_cache(settings, redis)
    tokens = TokenVerifier(signing_keys(settings), Revocations(database))
    Authentication(tokens).install(app)
    windows: SlidingWindows = LocalWindows(WINDOW_S) if redis is None else RedisWindows(redis, WINDOW_S)
    RateLimiter(windows, rate_limits(app), allow_load_test=settings.allow_load_test).install(app)
    FaultInjector(parse_faults(settings.faults)).install(app, database)
    criteria = CriteriaStore(database, cache, settings.config_ttl_s)
    statistics = DashboardStatistics(database, cache, settings.dashboard_ttl_s)
    for warm_up in (criteria.get, statistics.get):
        warm_up()
    document.install(app)
    limits = WebSocketLimits(settings.event_queue, heartbeat_s=settings.heartbeat_s, clients=settings.websockets_max)
    hub = WebSocketHub(tokens.verify, limits)
    publisher = EventPublisher(hub, redis)
    simulation = Simulation(
        database,
        publisher,
        duration_s=settings.session_duration_s,
        steps=settings.session_steps,
        failure_every=settings.session_failure_every,
    )
    components = [settings, database, criteria, statistics, hub, publisher, simulation]
    closers = [simulation.close, publisher.close, hub.close]
    if redis is not None:
        components.append(redis)
        closers.append(redis.close)
    app.extensions[EXTENSION] = Components(components, [*closers, database.dispose])
    secured = add_security_headers(app.wsgi_app, settings.origins, behind_tls=settings.behind_tls)
    recorded = record_requests(time_requests(secured), access_log=settings.access_log)
    app.wsgi_app = correlate_requests(recorded)  # type: ignore[method-assign, assignment]
    return app


def _open_database(settings: Settings) -> AppDatabase:
    database = AppDatabase(
        settings.database_url,
        settings.threads,
        connections=settings.database_connections,
        max_connections=settings.database_connections_max,
        replica_url=settings.replica_url,
    )
    database.check_schema()
    database.watch()
    return database


def _make_flask() -> Flask:
    app = Application(__name__, static_folder=None)
    app.session_interface = NoSessions()
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    problems.install(app)
    for routes in (dashboard, sessions, config, events, health, documentation):
        app.register_blueprint(routes.blueprint)
    return app


def _open_cache(settings: Settings, redis: RedisClient | None) -> Cache:
    if settings.cache == "off":
        return NoCache()
    return LocalCache() if redis is None else RedisCache(redis)
