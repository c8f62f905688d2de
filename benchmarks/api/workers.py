"""Rate, latency and fairness of the API under gunicorn's worker classes, with one and two workers.

    make benchmark-workers

The real application runs on a database of its own; wrk requests the cached dashboard and the first page of the sessions
over 10 and 100 connections. wrk and the server have a core each; two workers get both cores, one of them shared with
wrk. All setups take turns in each round, so that other load on the machine affects all of them; the table has medians.
Fairness is the number of responses on the slowest connection divided by that on the fastest: 1.00 is fair, 0 starves a
connection.

gevent comes from the environment of the other tools (Locust needs it); without it its rows are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import requests

from benchmarks.engine.bench import PEERS, PROJECT, finished, machine, on_server_core, pin, table

PAGES = {"dashboard": "/api/v1/dashboard/stats", "sessions": "/api/v1/optimization/sessions"}
CONNECTIONS = (10, 100)
START_S = 30
# Appended to the path, so that everything but gevent is imported in the shipped version.
GUNICORN = "import sys; sys.path.append({packages!r}); from gunicorn.app.wsgiapp import run; run()"


@dataclass(frozen=True)
class WorkerSetup:
    """A worker class with numbers of threads and workers."""

    worker_class: str
    threads: int
    workers: int

    @property
    def name(self) -> str:
        """The name in the table."""
        threads = f", {self.threads} threads" if self.worker_class == "gthread" else ""
        return f"{self.worker_class}{threads}, {self.workers} worker{'s' if self.workers > 1 else ''}"


@dataclass(frozen=True)
class WrkResult:
    """The result of one run of wrk."""

    per_s: float
    p50_s: float
    p99_s: float
    fairness: float


SETUPS = (
    *(WorkerSetup("gthread", threads, 1) for threads in (4, 8, 16, 32)),
    WorkerSetup("sync", 1, 1),
    WorkerSetup("gevent", 1, 1),
    *(WorkerSetup("gthread", threads, 2) for threads in (4, 16, 32)),
    WorkerSetup("sync", 1, 2),
    WorkerSetup("gevent", 1, 2),
)


def _packages() -> str:
    return str(next(iter(PEERS.parent.glob("lib/python*/site-packages")), ""))


def _has_gevent() -> bool:
    return bool(_packages()) and (Path(_packages()) / "gevent").is_dir()


def _app(environ: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "app", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environ, check=True, stdout=subprocess.PIPE, text=True).stdout


@contextmanager
def server(setup: WorkerSetup, folder: Path, environ: dict[str, str]) -> Iterator[str]:
    """Run the API in a setup.

    Yields:
        Its address.
    """
    worker = f"--worker-class={setup.worker_class} --workers={setup.workers} --worker-connections=2048"
    command = [sys.executable, "-c", GUNICORN.format(packages=_packages()), "-c", "app/gunicorn_conf.py"]
    command = on_server_core(command) if setup.workers == 1 else ["taskset", "-c", "0,1", *command]
    settings = {"APP_THREADS": str(setup.threads), "GUNICORN_CMD_ARGS": worker}
    log = folder / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, cwd=PROJECT, env=environ | settings, stderr=stderr)
    try:
        yield _address(process, log, setup.workers)
    finally:
        process.terminate()
        process.wait()


def _address(process: subprocess.Popen[bytes], log: Path, workers: int) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        text = log.read_text()
        match = re.search(r"Listening at: (http://[\d.:]+)", text)
        if match and text.count("Booting worker") >= workers:
            requests.get(match[1] + "/healthz", timeout=START_S).raise_for_status()
            time.sleep(1)  # until the other worker has started too
            return match[1]
        time.sleep(0.1)
    raise SystemExit(f"the API didn't start:\n{log.read_text()}")


def load(url: str, token: str, connections: int, seconds: int) -> WrkResult:
    """Run wrk on a page.

    Raises:
        SystemExit: Requests failed.
    """
    script = str(Path(__file__).with_name("fairness.lua"))
    shape = ["-t", str(connections), "-c", str(connections), "-d", f"{seconds}s", "--timeout", "60s"]
    output = finished(["wrk", *shape, "-s", script, "-H", f"Authorization: Bearer {token}", url]).output
    result = json.loads(output.splitlines()[-1])
    if result["failed"] or not result["requests"]:
        raise SystemExit(f"requests failed: {output}")
    per_s = result["requests"] / result["duration_us"] * 1e6
    return WrkResult(
        per_s, result["p50_us"] / 1e6, result["p99_us"] / 1e6, result["min_responses"] / result["max_responses"]
    )


def _row(setup: WorkerSetup, page: str, connections: int, runs: list[WrkResult]) -> list[str]:
    return [
        setup.name,
        page,
        str(connections),
        f"{median(run.per_s for run in runs):,.0f}",
        f"{median(run.p50_s for run in runs) * 1e3:.1f}",
        f"{median(run.p99_s for run in runs) * 1e3:.1f}",
        f"{median(run.fairness for run in runs):.2f}",
    ]


def measure(setups: list[WorkerSetup], rounds: int, seconds: int, sessions: int) -> list[list[str]]:
    """Measure all setups in turn.

    Returns:
        The table's rows.
    """
    runs: dict[tuple[WorkerSetup, str, int], list[WrkResult]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environ = {key: value for key, value in os.environ.items() if not key.startswith("APP_")}
        environ |= {"APP_DATABASE_URL": f"sqlite:///{folder}/app.db", "APP_PORT": "0", "APP_ALLOW_LOAD_TEST": "1"}
        _app(environ, "migrate")
        _app(environ, "seed", "--sessions", str(sessions))
        token = _app(environ, "token", "benchmark", "--scope", "read", "--scope", "load-test").strip()
        for number in range(rounds):
            for setup in setups:
                with server(setup, folder, environ) as url:
                    for page, path in PAGES.items():
                        for connections in CONNECTIONS:
                            run = load(url + path, token, connections, seconds)
                            runs.setdefault((setup, page, connections), []).append(run)
                print(f"round {number + 1}: {setup.name}", file=sys.stderr)
    keys = sorted(runs, key=lambda key: (list(PAGES).index(key[1]), key[2]))
    return [_row(*key, runs[key]) for key in keys]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each setup")
    parser.add_argument("--seconds", type=int, default=3, help="length of each run")
    parser.add_argument("--sessions", type=int, default=20_000, help="sessions in the database")
    options = parser.parse_args()
    pin()
    print(machine(), end="\n\n")
    setups = [setup for setup in SETUPS if setup.worker_class != "gevent" or _has_gevent()]
    rows = measure(setups, options.rounds, options.seconds, options.sessions)
    print(table(["workers", "page", "connections", "requests/s", "p50, ms", "p99, ms", "fairness"], rows))
    if len(setups) < len(SETUPS):
        print("\nNot installed, so left out: gevent")


if __name__ == "__main__":
    main()
