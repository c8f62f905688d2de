"""gunicorn's settings: ``gunicorn -c app/gunicorn_conf.py app.wsgi:application``.

One process, because events are handed out within it. Settings come from the environment, see ``app.settings``; a bad
one ends the start with one sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.database import Database
from app.logs import LineLogger
from app.schema import SchemaError
from app.services import EXTENSION
from app.settings import Settings, SettingsError

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.base import Worker

try:
    _settings = Settings.from_environ()
    _database = Database(_settings.database_url)
    _database.check_schema()
    _database.dispose()
except (SettingsError, SchemaError) as error:
    raise SystemExit(str(error)) from None

wsgi_app = "app.wsgi:application"
bind = f"{_settings.host}:{_settings.port}"
backlog = 2048
workers = 1
worker_class = "gthread"
threads = _settings.threads
# Connections at the same time, idle ones too. WebSockets don't count.
worker_connections = 2048
# Load generators keep connections idle between their requests; proxies do for 60 s.
keepalive = 75
graceful_timeout = 5
# The application starts threads, which a fork wouldn't take along.
preload_app = False
control_socket_disable = True
accesslog = None
logger_class = LineLogger
loglevel = _settings.log_level.lower()


def worker_exit(_server: Arbiter, worker: Worker) -> None:
    """Stop the application's threads and say goodbye to WebSocket clients."""
    application = getattr(worker, "wsgi", None)
    if application is not None:
        application.extensions[EXTENSION].close()
