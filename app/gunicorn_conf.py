"""gunicorn's configuration: `gunicorn -c app/gunicorn_conf.py app.wsgi:application`.

Settings come from the environment, see `app.settings`; an invalid one ends the start with one sentence. SIGTERM ends
the service and SIGHUP replaces its workers; requests that have arrived are still processed. The environment and the
code are read once: to change either, start another instance.
"""

from __future__ import annotations

import atexit
import os
import resource
import sys
import tempfile
from typing import TYPE_CHECKING

# Workers share their metrics through this folder, which must be set before prometheus_client is imported. A reload of
# this file keeps the folder; a new master process that inherited the old one's environment needs its own.
if "prometheus_client" not in sys.modules:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="app-metrics-")

from prometheus_client.multiprocess import mark_process_dead

from app.observability import metrics
from app.observability.logs import JsonLogger
from app.security.keys import signing_keys
from app.settings import Settings, SettingsError
from app.storage.database import AppDatabase
from app.storage.schema_version import SchemaError
from app.web.components import EXTENSION

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.base import Worker

atexit.register(metrics.remove_folder)

try:
    _settings = Settings.from_environ()
    signing_keys(_settings)
    _database = AppDatabase(_settings.database_url)
    _database.check_schema()
    _database.dispose()
except (SettingsError, SchemaError) as error:
    raise SystemExit(str(error)) from None

# A WebSocket is a descriptor, and the usual limit is 1024.
_max_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (_max_files, _max_files))

wsgi_app = "app.wsgi:application"
bind = f"{_settings.host}:{_settings.port}"
backlog = 2048
workers = _settings.workers
worker_class = "app.worker.GracefulWorker"
threads = _settings.threads
# Connections at the same time, idle ones too; WebSockets don't count.
worker_connections = 2048
# Load generators keep connections idle between requests; proxies do so for 60 s.
keepalive = 75
# A request may wait 10 s for the database.
graceful_timeout = 12
# The application starts threads, which a fork wouldn't copy.
preload_app = False
control_socket_disable = True
accesslog = None
logger_class = JsonLogger
loglevel = _settings.log_level.lower()


def post_fork(_server: Arbiter, _worker: Worker) -> None:
    """Leave the removal of the metrics' folder to the master process."""
    atexit.unregister(metrics.remove_folder)


def worker_exit(_server: Arbiter, worker: Worker) -> None:
    """Stop the application's threads and close its WebSockets."""
    application = getattr(worker, "wsgi", None)
    if application is not None:
        application.extensions[EXTENSION].close()


def child_exit(_server: Arbiter, worker: Worker) -> None:
    """Remove a worker's gauges from the metrics; its counters stay."""
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
