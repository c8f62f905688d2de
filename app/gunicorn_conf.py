"""gunicorn's settings: ``gunicorn -c app/gunicorn_conf.py app.wsgi:application``.

Settings come from the environment, see ``app.settings``; a bad one ends the start with one sentence. SIGTERM ends the
service, SIGHUP exchanges its workers; both let every request that has come be answered. The environment and the code
are read once: for new ones start another instance.
"""

from __future__ import annotations

import atexit
import os
import resource
import sys
import tempfile
from typing import TYPE_CHECKING

# Workers share their figures through this folder; prometheus_client wants to know of it before it is imported. A reload
# of this file keeps the folder; a new master that took over the old one's environment needs its own.
if "prometheus_client" not in sys.modules:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="app-metrics-")

from prometheus_client.multiprocess import mark_process_dead

from app.observability import metrics
from app.observability.logs import LineLogger
from app.security.keys import signing_keys
from app.services import EXTENSION
from app.settings import Settings, SettingsError
from app.storage.database import Database
from app.storage.schema_version import SchemaError

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.base import Worker

atexit.register(metrics.remove_folder)

try:
    _settings = Settings.from_environ()
    signing_keys(_settings)
    _database = Database(_settings.database_url)
    _database.check_schema()
    _database.dispose()
except (SettingsError, SchemaError) as error:
    raise SystemExit(str(error)) from None

# A WebSocket is a descriptor, and the usual limit is 1024.
_files_max = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (_files_max, _files_max))

wsgi_app = "app.wsgi:application"
bind = f"{_settings.host}:{_settings.port}"
backlog = 2048
workers = _settings.workers
worker_class = "app.worker.Worker"
threads = _settings.threads
# Connections at the same time, idle ones too. WebSockets don't count.
worker_connections = 2048
# Load generators keep connections idle between their requests; proxies do for 60 s.
keepalive = 75
# A request may wait 10 s for the database.
graceful_timeout = 12
# The application starts threads, which a fork wouldn't take along.
preload_app = False
control_socket_disable = True
accesslog = None
logger_class = LineLogger
loglevel = _settings.log_level.lower()


def post_fork(_server: Arbiter, _worker: Worker) -> None:
    """Leave the metrics' folder to the master, whose end is the service's."""
    atexit.unregister(metrics.remove_folder)


def worker_exit(_server: Arbiter, worker: Worker) -> None:
    """Stop the application's threads and say goodbye to WebSocket clients."""
    application = getattr(worker, "wsgi", None)
    if application is not None:
        application.extensions[EXTENSION].close()


def child_exit(_server: Arbiter, worker: Worker) -> None:
    """Take what a worker had in use out of the metrics; what it counted stays."""
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
