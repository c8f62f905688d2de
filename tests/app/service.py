"""Runs the real service: gunicorn on a free port with a database of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
import websocket

from app.security.tokens import SCOPES, issue_token
from app.sessions.sample_data import insert_sample_data
from app.storage.database import AppDatabase

ROOT = Path(__file__).parents[2]
START_S = 30
STOP_S = 15


@dataclass
class Service:
    """A running service and a token for it."""

    url: str
    token: str
    database: AppDatabase
    log: Path
    process: subprocess.Popen[bytes]
    http: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, *, token: str | None = None, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.token}"} | options.pop("headers", {})
        return self.http.request(method, self.url + path, headers=headers, timeout=20, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def start_session(self, **body: Any) -> requests.Response:
        return self.call("POST", SESSIONS, json={"model": "bert-base", "technique": "pruning"} | body)

    def listen(self, token: str | None = None, **options: Any) -> websocket.WebSocket:
        url = self.url.replace("http://", "ws://") + "/api/v1/events"
        header = [f"Authorization: Bearer {token or self.token}"]
        return websocket.create_connection(url, header=header, timeout=10, **options)

    def new_token(self, *scopes: str, name: str = "test", ttl: timedelta | None = None) -> str:
        """A token, with all scopes when none is named."""
        return issue_token(SECRET_KEY, name, scopes or SCOPES, ttl)

    def kill(self) -> None:
        """End it without a chance to do anything: all of its processes at once."""
        workers = re.findall(r"Booting worker with pid: (\d+)", self.log.read_text())
        self.process.kill()
        for worker in workers:
            os.kill(int(worker), signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop and wait for that; gives the exit code."""
        self.http.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)


SECRET_KEY = "what-all-of-the-tests-sign-all-of-their-tokens-with"
SESSIONS = "/api/v1/optimization/sessions"
STATS = "/api/v1/dashboard/stats"
CRITERIA = "/api/v1/config/optimization-criteria"


def environ_for(folder: Path, **settings: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
    ours = {
        "APP_DATABASE_URL": f"sqlite:///{folder}/app.db",
        "APP_PORT": "0",
        "APP_SECRET_KEY": SECRET_KEY,
        "APP_ALLOW_LOAD_TEST": "1",
        "TMPDIR": str(folder),
    }
    return inherited | ours | settings


def run_app(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)


def launch(environ: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gunicorn", "-c", "app/gunicorn_conf.py", "app.wsgi:application"]
    with log.open("wb") as stderr:
        return subprocess.Popen(command, cwd=ROOT, env=environ, stderr=stderr)


def prepare(folder: Path, sessions: int, url: str = "") -> AppDatabase:
    """Make a database with sample data, in a folder unless a URL names another."""
    database = AppDatabase(url or environ_for(folder)["APP_DATABASE_URL"])
    database.create_schema()
    insert_sample_data(database, sessions, datetime.now(UTC).date())
    return database


@contextmanager
def running(database: AppDatabase, folder: Path, **settings: str) -> Iterator[Service]:
    """Run a service on a database; its log goes to a folder."""
    log = folder / "log"
    settings = {"APP_DATABASE_URL": database.url.render_as_string(hide_password=False)} | settings
    process = launch(environ_for(folder, **settings), log)
    service = Service("", issue_token(SECRET_KEY, "test", SCOPES), database, log, process)
    try:
        service.url = _wait_until_ready(process, log)
        yield service
    finally:
        if process.poll() is None:
            try:
                service.stop()
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until it responses; gives its address, which only its log knows."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        match = re.search(r"Listening at: (http://[\d.:]+)", log.read_text())
        try:
            if match and requests.get(match[1] + "/healthz", timeout=5).ok:
                return match[1]
        except (requests.ConnectionError, requests.Timeout):
            pass
        time.sleep(0.05)
    raise AssertionError(f"the service didn't start:\n{log.read_text()}")
