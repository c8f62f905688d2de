"""The application factory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import NullSession, SessionInterface, SessionMixin

from app.cache.local import Cache, LocalCache, NoCache
from app.cache.shared import RedisCache
from app.config import routes as config
from app.config.criteria import CriteriaStore
from app.dashboard import routes as dashboard
from app.dashboard.statistics import Dashboard
from app.events import routes as events
from app.events.publisher import Events
from app.faults import Faults, parse_faults
from app.health import routes as health
from app.observability.access_log import observed
from app.observability.correlation import correlated
from app.observability.server_timing import timed
from app.openapi import document as openapi
from app.openapi import routes as documentation
from app.rate_limits.limits import WINDOW_S, RateLimits
from app.rate_limits.windows import LocalWindows, RedisWindows, Windows
from app.redis.client import RedisLink
from app.security.keys import signing_keys
from app.security.revocations import Revocations
from app.security.tokens import Tokens
from app.services import EXTENSION, Services
from app.sessions import routes as sessions
from app.sessions.simulation import Simulation
from app.settings import Settings
from app.storage.database import Database
from app.web import problems
from app.web.auth import Authentication
from app.web.security_headers import guarded
from app.websockets.hub import Hub, Limits

BODY_BYTES_MAX = 64 * 1024


class Application(Flask):
    """Flask for views and hooks none of which is a coroutine, which is looked up for each of them at each request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself."""
        return func


class NoSessions(SessionInterface):
    """Nothing is kept in cookies."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        """A session that refuses to keep anything."""
        return self._none

    def is_null_session(self, obj: object) -> bool:
        """Whether there is nothing to save."""
        return True

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Save nothing."""


def create_app(settings: Settings | None = None) -> Flask:
    """Make the application and start its threads, so call it in the process that serves it.

    Args:
        settings: By default those of the environment.

    Raises:
        SettingsError: The environment holds a bad setting.
        SchemaError: The database can't be used or lacks its tables.
    """
    settings = settings or Settings.from_environ()
    database = Database(
        settings.database_url,
        settings.threads,
        connections=settings.database_connections,
        connections_max=settings.database_connections_max,
        replica_url=settings.replica_url,
    )
    database.check_schema()
    database.watch()
    redis = RedisLink(settings.redis_url) if settings.redis_url else None
    app = Application(__name__, static_folder=None)
    app.session_interface = NoSessions()
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    problems.install(app)
    for routes in (dashboard, sessions, config, events, health, documentation):
        app.register_blueprint(routes.blueprint)
    cache = _open_cache(settings, redis)
    tokens = Tokens(signing_keys(settings), Revocations(database))
    Authentication(tokens).install(app)
    windows: Windows = LocalWindows(WINDOW_S) if redis is None else RedisWindows(redis, WINDOW_S)
    RateLimits(windows, openapi.rate_limits(app), allow_load_test=settings.allow_load_test).install(app)
    Faults(parse_faults(settings.faults)).install(app, database)
    criteria = CriteriaStore(database, cache, settings.config_ttl_s)
    statistics = Dashboard(database, cache, settings.dashboard_ttl_s)
    for warm in (criteria.get, statistics.get):
        warm()
    openapi.install(app)
    limits = Limits(settings.event_queue, heartbeat_s=settings.heartbeat_s, clients=settings.websockets_max)
    hub = Hub(tokens.check, limits)
    publisher = Events(hub, redis)
    simulation = Simulation(
        database,
        publisher,
        duration_s=settings.session_duration_s,
        steps=settings.session_steps,
        failure_every=settings.session_failure_every,
    )
    app.extensions[EXTENSION] = Services(
        settings, database, redis, cache, criteria, statistics, hub, publisher, simulation
    )
    answering = timed(guarded(app.wsgi_app, settings.origins, behind_tls=settings.behind_tls))
    observed_app = observed(answering, access_log=settings.access_log)
    app.wsgi_app = correlated(observed_app)  # type: ignore[method-assign, assignment]
    return app


def _open_cache(settings: Settings, redis: RedisLink | None) -> Cache:
    if settings.cache == "off":
        return NoCache()
    return LocalCache() if redis is None else RedisCache(redis)
