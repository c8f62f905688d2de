"""The application factory."""

from __future__ import annotations

from flask import Flask

from app import problems
from app.auth import Tokens
from app.criteria import CriteriaStore
from app.database import Database
from app.faults import Faults, parse_faults
from app.routes import config, dashboard, events, health, sessions
from app.services import EXTENSION, Services
from app.settings import Settings
from app.simulation import Simulation
from app.timing import timed
from app.websocket import Hub

BODY_BYTES_MAX = 64 * 1024


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
    )
    database.check_schema()
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    problems.install(app)
    Tokens(database).install(app)
    Faults(parse_faults(settings.faults)).install(app)
    for routes in (dashboard, sessions, config, events, health):
        app.register_blueprint(routes.blueprint)
    hub = Hub(settings.event_queue)
    simulation = Simulation(
        database,
        hub,
        duration_s=settings.session_duration_s,
        steps=settings.session_steps,
        failure_every=settings.session_failure_every,
    )
    app.extensions[EXTENSION] = Services(settings, database, CriteriaStore(database), hub, simulation)
    app.wsgi_app = timed(app.wsgi_app)  # type: ignore[method-assign, assignment]
    return app
