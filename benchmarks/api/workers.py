"""What gunicorn's workers make of the API: rate, latency and fairness of each class and number of them.

    make benchmark-workers

The real application on a database of its own, with a cached dashboard and the first page of the sessions list, asked by
wrk over 10 and 100 connections. wrk has a core to itself and the server has the other one; two workers get both cores,
one of them shared with wrk. All servers take turns in each round, so that what else the machine does falls on all of
them; the table has medians. Fairness is what the connection that got least got, as a share of what the one got that got
most: 1.00 is fair, 0 starves one.

gevent comes from the peers' own environment (Locust brings it); without that its rows are left out by name.
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
# gevent is found last, so that everything else stays the version that is shipped.
GUNICORN = "import sys; sys.path.append({packages!r}); from gunicorn.app.wsgiapp import run; run()"


@dataclass(frozen=True)
class Kind:
    """One way to run the workers."""

    worker_class: str
    threads: int
    workers: int

    @property
    def name(self) -> str:
        """As the table has it."""
        threads = f", {self.threads} threads" if self.worker_class == "gthread" else ""
        return f"{self.worker_class}{threads}, {self.workers} worker{'s' if self.workers > 1 else ''}"


@dataclass(frozen=True)
class Run:
    """What one run of wrk showed."""

    per_s: float
    p50_s: float
    p99_s: float
    fairness: float


KINDS = (
    *(Kind("gthread", threads, 1) for threads in (4, 8, 16, 32)),
    Kind("sync", 1, 1),
    Kind("gevent", 1, 1),
    *(Kind("gthread", threads, 2) for threads in (4, 16, 32)),
    Kind("sync", 1, 2),
    Kind("gevent", 1, 2),
)


def _packages() -> str:
    return str(next(iter(PEERS.parent.glob("lib/python*/site-packages")), ""))


def _has_gevent() -> bool:
    return bool(_packages()) and (Path(_packages()) / "gevent").is_dir()


def _app(environ: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "app", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environ, check=True, stdout=subprocess.PIPE, text=True).stdout


@contextmanager
def server(kind: Kind, folder: Path, environ: dict[str, str]) -> Iterator[str]:
    """Run the API with these workers; gives its address."""
    worker = f"--worker-class={kind.worker_class} --workers={kind.workers} --worker-connections=2048"
    command = [sys.executable, "-c", GUNICORN.format(packages=_packages()), "-c", "app/gunicorn_conf.py"]
    command = on_server_core(command) if kind.workers == 1 else ["taskset", "-c", "0,1", *command]
    settings = {"APP_THREADS": str(kind.threads), "GUNICORN_CMD_ARGS": worker}
    log = folder / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, cwd=PROJECT, env=environ | settings, stderr=stderr)
    try:
        yield _address(process, log, kind.workers)
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
            time.sleep(1)  # the other worker's start
            return match[1]
        time.sleep(0.1)
    raise SystemExit(f"the API didn't start:\n{log.read_text()}")


def load(url: str, token: str, connections: int, seconds: int) -> Run:
    """Let wrk ask for a page over and over.

    Raises:
        SystemExit: Requests failed.
    """
    script = str(Path(__file__).with_name("fairness.lua"))
    shape = ["-t", str(connections), "-c", str(connections), "-d", f"{seconds}s", "--timeout", "60s"]
    output = finished(["wrk", *shape, "-s", script, "-H", f"Authorization: Bearer {token}", url]).output
    said = json.loads(output.splitlines()[-1])
    if said["failed"] or not said["requests"]:
        raise SystemExit(f"requests failed: {output}")
    per_s = said["requests"] / said["duration_us"] * 1e6
    return Run(per_s, said["p50_us"] / 1e6, said["p99_us"] / 1e6, said["least"] / said["most"])


def _row(kind: Kind, page: str, connections: int, runs: list[Run]) -> list[str]:
    return [
        kind.name,
        page,
        str(connections),
        f"{median(run.per_s for run in runs):,.0f}",
        f"{median(run.p50_s for run in runs) * 1e3:.1f}",
        f"{median(run.p99_s for run in runs) * 1e3:.1f}",
        f"{median(run.fairness for run in runs):.2f}",
    ]


def measure(kinds: list[Kind], rounds: int, seconds: int, sessions: int) -> list[list[str]]:
    """Measure all kinds by turns; gives the table's rows."""
    runs: dict[tuple[Kind, str, int], list[Run]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environ = {key: value for key, value in os.environ.items() if not key.startswith("APP_")}
        environ |= {"APP_DATABASE_URL": f"sqlite:///{folder}/app.db", "APP_PORT": "0", "APP_ALLOW_LOAD_TEST": "1"}
        _app(environ, "migrate")
        _app(environ, "seed", "--sessions", str(sessions))
        token = _app(environ, "token", "benchmark", "--scope", "read", "--scope", "load-test").strip()
        for number in range(rounds):
            for kind in kinds:
                with server(kind, folder, environ) as url:
                    for page, path in PAGES.items():
                        for connections in CONNECTIONS:
                            run = load(url + path, token, connections, seconds)
                            runs.setdefault((kind, page, connections), []).append(run)
                print(f"round {number + 1}: {kind.name}", file=sys.stderr)
    keys = sorted(runs, key=lambda key: (list(PAGES).index(key[1]), key[2]))
    return [_row(*key, runs[key]) for key in keys]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind")
    parser.add_argument("--seconds", type=int, default=3, help="length of each run")
    parser.add_argument("--sessions", type=int, default=20_000, help="sessions in the database")
    options = parser.parse_args()
    pin()
    print(machine(), end="\n\n")
    kinds = [kind for kind in KINDS if kind.worker_class != "gevent" or _has_gevent()]
    rows = measure(kinds, options.rounds, options.seconds, options.sessions)
    print(table(["workers", "page", "connections", "requests/s", "p50, ms", "p99, ms", "fairness"], rows))
    if len(kinds) < len(KINDS):
        print("\nNot installed, so left out: gevent")


if __name__ == "__main__":
    main()
