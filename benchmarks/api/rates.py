"""Requests per second of the API and of a minimal Flask application under the same gunicorn, in one run.

    make benchmark-api

Servers are pinned to one core, wrk with 10 connections to another. Each measurement of a route is paired with one of
the minimal application, alternately before and after it, so that other load on the machine affects both; the table has
medians, and the median of the pairs' ratios. The database has 1,000,000 sessions; making it takes minutes, once. The
exit code is 1 if a ratio is below its minimum.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from socket import socket
from statistics import median

import requests

from app.security.tokens import SCOPES, issue_token
from app.sessions.sample_data import insert_sample_data
from app.settings import Settings
from app.storage.database import AppDatabase
from benchmarks.engine.bench import PROJECT, finished, machine, on_server_core, pin, table

CONNECTIONS = 10
SESSIONS = 1_000_000
THREADS = Settings().threads
KEY = "what-the-benchmark-signs-its-tokens-with"
START_S = 60
LIST = "/api/v1/optimization/sessions"


@dataclass(frozen=True)
class RouteRate:
    """The rate and latency of one run of wrk."""

    per_s: float
    p99_ms: float


@dataclass(frozen=True)
class MeasuredRoute:
    """A route, with its rates and those of the minimal application."""

    name: str
    url: str
    token: str
    min_ratio: float
    """The ratio that the route has to reach."""
    own: list[RouteRate] = field(default_factory=list)
    hello: list[RouteRate] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        return median(own.per_s / hello.per_s for own, hello in zip(self.own, self.hello, strict=True))

    @property
    def missed(self) -> bool:
        """Whether the ratio is below its minimum."""
        return self.ratio < self.min_ratio

    def row(self) -> list[str]:
        """The route's row of the table."""
        return [self.name, *_medians(self.own), *_medians(self.hello), f"{self.ratio:.2f}", f"{self.min_ratio:g}"]


def _medians(rates: Sequence[RouteRate]) -> list[str]:
    return [f"{median(rate.per_s for rate in rates):,.0f}", f"{median(rate.p99_ms for rate in rates):.1f}"]


def _wrk(url: str, token: str, seconds: int) -> RouteRate:
    headers = ["-H", f"Authorization: Bearer {token}"] if token else []
    done = finished(["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--latency", *headers, url])
    per_s = re.search(r"Requests/sec:\s+([\d.]+)", done.output)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.output)
    if not per_s or not p99 or re.search(r"Non-2xx|Socket errors", done.output):
        raise SystemExit(f"requests of {url} failed:\n{done.output}")
    return RouteRate(float(per_s[1]), float(p99[1]) * {"us": 0.001, "ms": 1, "s": 1000}[p99[2]])


@contextmanager
def _gunicorn(arguments: list[str], path: str, **environ: str) -> Iterator[str]:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = on_server_core([sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", *arguments])
    server = subprocess.Popen(command, cwd=PROJECT, env=os.environ | environ, stderr=subprocess.DEVNULL)
    try:
        _wait(f"http://127.0.0.1:{port}{path}")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait(url: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            if requests.get(url, timeout=START_S).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise SystemExit(f"{url} did not respond")


def _hello() -> list[str]:
    """Gunicorn's arguments for the minimal application, like those that `app.gunicorn_conf` sets for the API."""
    options = {"-w": "1", "-k": "gthread", "--threads": THREADS, "--keep-alive": 75, "--worker-connections": 2048}
    return [*(str(part) for option in options.items() for part in option), "benchmarks.api.hello:application"]


def _prepare(url: str) -> str:
    """Make the database unless it exists.

    Returns:
        A token for the API.
    """
    database = AppDatabase(url)
    database.create_schema()
    insert_sample_data(database, SESSIONS, datetime.now(UTC).date())
    database.dispose()
    return issue_token(KEY, "benchmark", SCOPES)


def _routes(stack: ExitStack, sqlite: Path, postgresql: str) -> list[MeasuredRoute]:
    found = []
    for name, url in (("SQLite", f"sqlite:///{sqlite}"), ("PostgreSQL", postgresql)):
        if not url:
            continue
        token = _prepare(url)
        settings = {
            "APP_DATABASE_URL": url,
            "APP_THREADS": str(THREADS),
            "APP_ALLOW_LOAD_TEST": "1",
            "APP_SECRET_KEY": KEY,
        }
        server = stack.enter_context(_gunicorn(["-c", "app/gunicorn_conf.py"], "/healthz", **settings))
        if name == "SQLite":
            found += [
                MeasuredRoute("dashboard, cached", f"{server}/api/v1/dashboard/stats", token, 0.7),
                MeasuredRoute("config GET", f"{server}/api/v1/config/optimization-criteria", token, 0.7),
            ]
        found.append(MeasuredRoute(f"sessions of {SESSIONS:,}, {name}", server + LIST, token, 0.3))
    return found


def _measure(routes: list[MeasuredRoute], hello: str, rounds: int, seconds: int) -> None:
    for number in range(rounds):
        for route in routes:
            runs = [(route.own, route.url, route.token), (route.hello, hello, "")]
            for rates, url, token in runs if number % 2 == 0 else reversed(runs):
                rates.append(_wrk(url, token, seconds))
            own, hello_rate = route.own[-1].per_s, route.hello[-1].per_s
            print(f"pair {number + 1}: {route.name} {own:,.0f}/s, hello {hello_rate:,.0f}/s", file=sys.stderr)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="pairs of runs of each route")
    parser.add_argument("--seconds", type=int, default=3, help="length of each run")
    parser.add_argument("--sqlite", type=Path, default=PROJECT / "var" / "benchmarks" / "sessions.db")
    parser.add_argument("--postgresql", default="", help="URL of a database of PostgreSQL, measured too")
    options = parser.parse_args()
    pin()
    print(machine(), end="\n\n")
    with ExitStack() as stack:
        hello = stack.enter_context(_gunicorn(_hello(), "/"))
        routes = _routes(stack, options.sqlite, options.postgresql)
        _measure(routes, hello, options.rounds, options.seconds)
    header = ["route", "requests/s", "p99 ms", "hello requests/s", "hello p99 ms", "ratio", "minimum"]
    print(table(header, [route.row() for route in routes]))
    missed = [route.name for route in routes if route.missed]
    if missed:
        sys.exit(f"\nBelow the minimum ratio: {', '.join(missed)}")


if __name__ == "__main__":
    main()
